"""Faults on real Kafka: the pipeline is killed, starved and misled; its tables must equal a recount of the topic."""
