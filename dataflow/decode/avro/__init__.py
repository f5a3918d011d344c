"""Avro records to event columns."""
