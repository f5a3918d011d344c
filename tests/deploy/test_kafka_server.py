"""Real Kafka processes: started, asked, killed, started again with their data, stopped."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from dataflow.errors import TidemillError
from dataflow.sources.kafka.source import KafkaSource
from deploy.kafka_server import AlreadyRuns, KafkaCluster
from runtime.ports import free_ports
from tests.chaos.subject import TIDEMILL
from tests.kafka_fixture import create_topic, fresh_topic, produce, require_kafka_tools

pytestmark = pytest.mark.kafka


def test_a_reader_goes_on_after_its_broker_was_killed_and_came_back(own_kafka: KafkaCluster, tmp_path: Path) -> None:
    topic = fresh_topic(own_kafka.bootstrap)
    produce(own_kafka.bootstrap, topic, [b"before"])
    reader = KafkaSource(own_kafka.bootstrap, [topic]).open(f"{topic}/0", None, None)
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
    first = own_kafka.pid(1)
    assert first is not None
    own_kafka.kill(1)
    assert own_kafka.pid(1) is None
    read(2, 0.5)
    own_kafka.restart(1)
    assert own_kafka.pid(1) != first
    produce(own_kafka.bootstrap, topic, [b"after"])
    read(2, 30)
    reader.close()
    assert values == [b"before", b"after"]


def started(*arguments: str) -> "subprocess.Popen[str]":
    """`tidemill kafka ...` as a process of its own."""
    command = [*TIDEMILL, "kafka", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_a_start_that_fails_half_way_ends_what_it_started_and_nothing_else(
    own_kafka: KafkaCluster, tmp_path: Path
) -> None:
    pid = own_kafka.pid(1)
    cluster = KafkaCluster(tmp_path / "kafka", heap="64m", properties={"log.retention.ms": "many"})
    with pytest.raises(AlreadyRuns):
        cluster.start()
    # as if the node of another object, or one that the pid file names, ran beside what this one started
    cluster.stop_started()
    assert own_kafka.pid(1) == pid
    broken = KafkaCluster(tmp_path / "broken", heap="64m", properties={"log.retention.ms": "many"})
    with pytest.raises(TidemillError, match=r"log\.retention\.ms"):
        broken.start()
    assert broken.pid(1) is None
    assert own_kafka.pid(1) == pid


@pytest.mark.timeout(600)
def test_two_starts_at_once_make_one_broker(tmp_path: Path) -> None:
    require_kafka_tools()
    port, *_ = free_ports(1)
    both = [started("start", "--data", str(tmp_path), "--port", str(port)) for _ in range(2)]
    cluster = KafkaCluster(tmp_path, ports=[port], controller_ports=[port + 1])
    try:
        said = sorted(process.communicate(timeout=300)[0] for process in both)
        pid = cluster.pid(1)
        assert [process.returncode for process in both] == [0, 0], said
        assert [told.split(":")[0] for told in said] == [
            "Kafka answers at 127.0.0.1",
            "Kafka runs already at 127.0.0.1",
        ]
        assert all(f"process {pid}" in told for told in said)
    finally:
        for process in both:
            process.kill()
            process.communicate()
        cluster.stop(timeout_seconds=10)


@pytest.mark.parametrize("words", [["vim"], ["java", "kafka.Kafka", "/elsewhere"]])
def test_a_pid_file_whose_number_went_to_a_process_that_names_the_data_is_stale(
    tmp_path: Path, words: list[str]
) -> None:
    (tmp_path / "node-1").mkdir()
    properties = str(tmp_path / "node-1" / "server.properties")
    script = "import sys; print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, *words, f"{words[-1]}{properties}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as stranger:
        assert stranger.stdout is not None
        stranger.stdout.readline()
        (tmp_path / "node-1" / "pid").write_text(str(stranger.pid))
        assert not KafkaCluster(tmp_path).stop()
        assert stranger.poll() is None
        stranger.kill()


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
