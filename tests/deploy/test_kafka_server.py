"""Real Kafka processes: started, asked, killed, started again with their data, stopped."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from typer.testing import CliRunner

from cli.kafka import app
from dataflow.errors import ConfigError, TidemillError
from dataflow.intake.kafka import KafkaSource
from deploy.kafka_server import KafkaCluster, free_ports
from tests.kafka_fixture import create_topic, fresh_topic, produce, require_kafka_tools

pytestmark = pytest.mark.kafka


@pytest.fixture
def one(tmp_path: Path) -> Iterator[KafkaCluster]:
    """A broker that a test may kill."""
    require_kafka_tools()
    cluster = KafkaCluster(tmp_path / "kafka", heap="256m", light=True)
    cluster.start()
    yield cluster
    cluster.stop(timeout_seconds=10)


def test_a_reader_goes_on_after_its_broker_was_killed_and_came_back(one: KafkaCluster, tmp_path: Path) -> None:
    topic = fresh_topic(one.bootstrap)
    produce(one.bootstrap, topic, [b"before"])
    reader = KafkaSource(one.bootstrap, [topic]).open(f"{topic}/0", None, None)
    values: list[bytes] = []

    def read(until: int, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while reader.position < until and time.monotonic() < deadline:
            poll = reader.poll(100, 1 << 20)
            if poll is None:
                time.sleep(0.01)
            else:
                values.extend(poll.records.column("value").to_pylist())

    read(1, 20)
    first = one.pid(1)
    assert first is not None
    one.kill(1)
    assert one.pid(1) is None
    read(2, 0.5)
    one.restart(1)
    assert one.pid(1) != first
    produce(one.bootstrap, topic, [b"after"])
    read(2, 30)
    reader.close()
    assert values == [b"before", b"after"]


def test_the_command_sees_and_stops_what_its_pid_file_names_and_nothing_else(one: KafkaCluster, tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["status", "--data", str(tmp_path / "kafka")])
    assert told.exit_code == 0
    assert f"process {one.pid(1)}" in told.output
    again = CliRunner().invoke(app, ["start", "--data", str(tmp_path / "kafka")])
    assert "runs already" in again.output
    port = one.bootstrap.rpartition(":")[2]
    taken = CliRunner().invoke(app, ["start", "--data", str(tmp_path / "other"), "--port", port])
    assert isinstance(taken.exception, ConfigError)
    assert f"something listens on 127.0.0.1:{port} already" in str(taken.exception)
    stopped = CliRunner().invoke(app, ["stop", "--data", str(tmp_path / "kafka")])
    assert "Kafka stopped" in stopped.output
    assert one.pid(1) is None
    assert "no Kafka" in CliRunner().invoke(app, ["stop", "--data", str(tmp_path / "kafka")]).output
    assert CliRunner().invoke(app, ["status", "--data", str(tmp_path / "kafka")]).exit_code == 1


def test_a_stale_pid_file_never_names_a_stranger(tmp_path: Path) -> None:
    require_kafka_tools()
    (tmp_path / "node-1").mkdir()
    (tmp_path / "node-1" / "pid").write_text(str(os.getpid()))
    cluster = KafkaCluster(tmp_path)
    assert cluster.pid(1) is None
    assert not cluster.stop()


def test_a_broker_that_ends_at_once_is_told_with_its_last_lines(tmp_path: Path) -> None:
    require_kafka_tools()
    cluster = KafkaCluster(tmp_path, heap="64m", properties={"log.retention.ms": "many"})
    with pytest.raises(TidemillError, match=r"log\.retention\.ms"):
        cluster.start()
    assert cluster.pid(1) is None


def test_free_ports_are_free_and_differ() -> None:
    ports = free_ports(3)
    assert len({*ports, *free_ports(2, ports)}) == 5
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", ports[0]))


def test_three_nodes_lose_a_leader_and_keep_every_record(tmp_path: Path) -> None:
    require_kafka_tools()
    cluster = KafkaCluster(tmp_path, nodes=3, heap="256m")
    try:
        cluster.start()
        create_topic(cluster.bootstrap, "kept")
        produce(cluster.bootstrap, "kept", [b"%d" % n for n in range(100)])
        admin = AdminClient({"bootstrap.servers": cluster.bootstrap, "log_level": 0})
        partition = admin.list_topics("kept", timeout=10).topics["kept"].partitions[0]
        assert len(partition.replicas) == 3
        pid = cluster.pid(partition.leader)
        assert pid is not None
        cluster.kill(partition.leader)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        produce(cluster.bootstrap, "kept", [b"%d" % n for n in range(100, 200)])
        source = KafkaSource(cluster.bootstrap, ["kept"])
        reader = source.open("kept/0", None, None, source.end_offsets()["kept/0"])
        values: list[bytes] = []
        while not reader.finished:
            poll = reader.poll(1_000, 1 << 20)
            values += [] if poll is None else poll.records.column("value").to_pylist()
        reader.close()
        assert values == [b"%d" % n for n in range(200)]
        cluster.restart(partition.leader)
        assert set(cluster.nodes) == {node for node in cluster.nodes if cluster.pid(node) is not None}
    finally:
        cluster.stop(timeout_seconds=3)
