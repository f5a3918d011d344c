"""What runs Tidemill's surroundings on one machine: the real Kafka for development and tests."""
