"""Fixtures that tests of several parts share."""

from tests.kafka_fixture import kafka

__all__ = ["kafka"]
