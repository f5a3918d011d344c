"""A real Flink cluster for tests."""

from collections.abc import Iterator

import pytest

from flink.cluster.cluster import FlinkCluster, new_shape
from flink.cluster.jars import flink_jars
from tests.kafka_fixture import require_kafka_tools


def require_flink_tools() -> None:
    """As require_kafka_tools, and Flink's jars are brought: they take longer than a test may."""
    require_kafka_tools()
    flink_jars().fetch()


@pytest.fixture(scope="session")
def flink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlinkCluster]:
    """One TaskManager of four slots for the whole session, on free ports; who kills a part of it must restart it."""
    require_flink_tools()
    cluster = FlinkCluster(tmp_path_factory.mktemp("flink"), new_shape(light=True))
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop(timeout_seconds=10)
