"""What Tidemill costs: throughput and latency against a real Kafka on this machine."""
