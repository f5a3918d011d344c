"""A real broker for tests, and the few things that tests do with it."""

import functools
import itertools
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from deploy.kafka_jars import missing_tools
from deploy.kafka_server import KafkaCluster

# Compaction soon after it is possible, so that tests need not wait for it.
_EAGER = {"log.cleaner.backoff.ms": "200", "log.initial.task.delay.ms": "500"}
_numbers = itertools.count()


def require_kafka_tools() -> None:
    """Skip the calling test when Java or Maven is missing, saying how to get it; with CI=true, fail."""
    lacking = missing_tools()
    if lacking is None:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"tests against real Kafka cannot run: {lacking}")
    pytest.skip(f"left out, it needs real Kafka: {lacking}")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One broker for the whole session, on free ports; gives its host:port."""
    require_kafka_tools()
    folder: Path = tmp_path_factory.mktemp("kafka")
    cluster = KafkaCluster(folder, properties=_EAGER, heap="512m", light=True)
    cluster.start()
    try:
        yield cluster.bootstrap
    finally:
        cluster.stop(timeout_seconds=10)


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[KafkaCluster]:
    """A broker that the test may kill; its data is in `tmp_path / "kafka"`."""
    require_kafka_tools()
    cluster = KafkaCluster(tmp_path / "kafka", heap="256m", light=True)
    cluster.start()
    yield cluster
    cluster.stop(timeout_seconds=10)


@contextmanager
def silenced(cluster: KafkaCluster, how: str) -> Iterator[None]:
    """The only broker is dead (`killed -9`) or stands still (`frozen`) while the block runs, and answers after it."""
    pid = cluster.pid(1)
    assert pid is not None
    if how == "frozen":
        os.kill(pid, signal.SIGSTOP)
    else:
        cluster.kill(1)
    try:
        yield
    finally:
        if how == "frozen":
            os.kill(pid, signal.SIGCONT)
        cluster.restart(1)


@functools.cache
def admin(bootstrap: str) -> AdminClient:
    """One admin client per broker, kept: a client that goes away takes the answers it waits for with it."""
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})


def fresh_topic(bootstrap: str, partitions: int = 1, config: Mapping[str, str] | None = None) -> str:
    """A new topic with a name of its own; records are kept for ever."""
    name = f"test-{os.getpid()}-{next(_numbers)}"
    create_topic(bootstrap, name, partitions, config)
    return name


def create_topic(
    bootstrap: str, name: str, partitions: int = 1, config: Mapping[str, str] | None = None, *, copies: int = -1
) -> None:
    """Create topic `name` and wait until it is there."""
    new = NewTopic(name, partitions, copies, config={"retention.ms": "-1", **(config or {})})
    admin(bootstrap).create_topics([new])[name].result(timeout=30)


def delete_topic(bootstrap: str, name: str) -> None:
    """Delete topic `name`."""
    admin(bootstrap).delete_topics([name])[name].result(timeout=30)


def produce(
    bootstrap: str,
    topic: str,
    values: Sequence[bytes | None],
    *,
    partition: int = 0,
    keys: Sequence[bytes] | None = None,
    timestamps_ms: Sequence[int] | None = None,
) -> None:
    """Write `values` (None: a tombstone) to one partition, in order, and wait until the broker has them."""
    failed: list[object] = []
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "linger.ms": 1,
            "delivery.report.only.error": True,
            "on_delivery": lambda error, message: failed.append(error),
        }
    )
    for at, value in enumerate(values):
        key = None if keys is None else keys[at]
        stamp = 0 if timestamps_ms is None else timestamps_ms[at]
        producer.produce(topic, value, key, partition, None, None, stamp)
    producer.flush(30)
    assert not failed, failed


def transactional_producer(bootstrap: str, transactional_id: str) -> Producer:
    """A producer whose transactions can begin at once."""
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": transactional_id, "linger.ms": 1})
    producer.init_transactions(30)
    return producer
