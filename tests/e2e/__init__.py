"""The main job on a real Kafka, as a user runs it."""
