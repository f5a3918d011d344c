"""Kafka's records fetched without librdkafka: Fetch requests of our own, for replay and backfill."""
