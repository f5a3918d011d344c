"""Fixtures and settings that tests of several parts share."""

from hypothesis import HealthCheck, settings

from tests.kafka_fixture import kafka

# A busy machine is no mistake of the code: property tests have no time limit for each example.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

__all__ = ["kafka"]
