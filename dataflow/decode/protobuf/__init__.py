"""Protobuf records to event columns."""
