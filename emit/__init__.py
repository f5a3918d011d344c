"""What leaves the lake: final rows and alerts, to Kafka exactly once and to webhooks at least once."""
