"""`tidemill kafka`: one broker, started, seen and stopped; never somebody else's."""

import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.kafka import app
from dataflow.errors import ConfigError
from deploy.kafka_server import KafkaCluster
from runtime.ports import free_ports
from tests.chaos.subject import TIDEMILL
from tests.kafka_fixture import require_kafka_tools

pytestmark = pytest.mark.kafka


@dataclass(frozen=True)
class Running:
    """A broker and the folder of its data."""

    cluster: KafkaCluster
    data: Path

    @property
    def place(self) -> list[str]:
        """The flags that name it."""
        return ["--data", str(self.data), "--port", self.cluster.bootstrap.rpartition(":")[2]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One broker for the tests that leave it as it was."""
    require_kafka_tools()
    data = tmp_path_factory.mktemp("kafka")
    cluster = KafkaCluster(data, heap="256m", light=True)
    cluster.start()
    yield Running(cluster, data)
    cluster.stop(timeout_seconds=10)


def test_the_command_sees_and_stops_what_its_pid_file_names_and_nothing_else(
    own_kafka: KafkaCluster, tmp_path: Path
) -> None:
    told = CliRunner().invoke(app, ["status", "--data", str(tmp_path / "kafka")])
    assert told.exit_code == 0
    assert f"process {own_kafka.pid(1)}" in told.output
    again = CliRunner().invoke(app, ["start", "--data", str(tmp_path / "kafka")])
    assert "runs already" in again.output
    port = own_kafka.bootstrap.rpartition(":")[2]
    taken = CliRunner().invoke(app, ["start", "--data", str(tmp_path / "other"), "--port", port])
    assert isinstance(taken.exception, ConfigError)
    assert f"something listens on 127.0.0.1:{port} already" in str(taken.exception)
    stopped = CliRunner().invoke(app, ["stop", "--data", str(tmp_path / "kafka")])
    assert "Kafka stopped" in stopped.output
    assert own_kafka.pid(1) is None
    assert "no Kafka" in CliRunner().invoke(app, ["stop", "--data", str(tmp_path / "kafka")]).output
    assert CliRunner().invoke(app, ["status", "--data", str(tmp_path / "kafka")]).exit_code == 1


def started(*arguments: str) -> "subprocess.Popen[str]":
    """`tidemill kafka ...` as a process of its own."""
    command = [*TIDEMILL, "kafka", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def read_until(process: "subprocess.Popen[str]", words: str) -> str:
    """The lines up to the first one with `words`; all of them where none has."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            break
    return "".join(lines)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_start_in_the_foreground_stays_beside_the_broker_and_never_ends_it(
    running: Running, number: signal.Signals
) -> None:
    pid = running.cluster.pid(1)
    second = started("start", "--foreground", *running.place)
    said = read_until(second, "goes on when this command ends")
    assert f"runs already at {running.cluster.bootstrap}: process {pid}" in said
    assert second.poll() is None
    second.send_signal(number)
    second.communicate(timeout=60)
    assert second.returncode == 0
    assert running.cluster.pid(1) == pid
    running.cluster.wait_ready(30)


def test_a_start_in_the_foreground_beside_a_broker_ends_with_it(own_kafka: KafkaCluster, tmp_path: Path) -> None:
    second = started("start", "--foreground", *Running(own_kafka, tmp_path / "kafka").place)
    read_until(second, "goes on when this command ends")
    own_kafka.stop()
    assert "ended by another command" in second.communicate(timeout=30)[0]
    assert second.returncode == 1


def test_a_foreground_start_ends_the_broker_that_it_started(tmp_path: Path) -> None:
    require_kafka_tools()
    port, *_ = free_ports(1)
    first = started("start", "--foreground", "--data", str(tmp_path), "--port", str(port))
    assert "Kafka answers" in read_until(first, "Kafka answers")
    beside = KafkaCluster(tmp_path, ports=[port], controller_ports=[port + 1])
    pid = beside.pid(1)
    assert pid is not None
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=60)
    assert first.returncode == 0
    assert beside.pid(1) is None


def test_another_port_for_data_in_use_is_refused_and_nothing_is_ended(running: Running) -> None:
    pid = running.cluster.pid(1)
    for flags in ([], ["--foreground"]):
        told = CliRunner().invoke(app, ["start", "--data", str(running.data), "--port", "1", *flags])
        assert isinstance(told.exception, ConfigError)
        assert f"runs already at {running.cluster.bootstrap}" in str(told.exception)
    assert running.cluster.pid(1) == pid
    status = CliRunner().invoke(app, ["status", "--data", str(running.data), "--port", "1"])
    assert running.cluster.bootstrap in status.output


def test_a_broker_of_another_folder_is_left_alone(running: Running, tmp_path: Path) -> None:
    pid, port = running.cluster.pid(1), running.cluster.bootstrap.rpartition(":")[2]
    other = ["--data", str(tmp_path / "other"), "--port", port]
    told = CliRunner().invoke(app, ["stop", *other])
    assert told.exit_code == 0
    assert f"what listens on {running.cluster.bootstrap} is another one and goes on" in told.output
    assert isinstance(CliRunner().invoke(app, ["start", "--foreground", *other]).exception, ConfigError)
    assert running.cluster.pid(1) == pid
