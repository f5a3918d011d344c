"""A broker that is dead, frozen or never answers keeps no command from ending, and costs no record."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from dataflow.errors import UnknownTopic
from dataflow.sources.kafka.source import KafkaSource
from deploy.kafka_server import KafkaCluster
from query.reader import LakeReader
from tests.chaos.stage import ADS, Stage
from tests.chaos.subject import ROOT, TIDEMILL, Subject
from tests.kafka_fixture import require_kafka_tools, silenced
from tests.slowness import slowness

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

END_S = 5.0
SLOW = ("--batch-records", "50", "--max-epoch-bytes", "65536", "--epoch-ms", "100")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """A broker that these tests may kill and freeze."""
    require_kafka_tools()
    cluster = KafkaCluster(tmp_path_factory.mktemp("kafka"), heap="384m", light=True)
    cluster.start()
    yield cluster
    cluster.stop(timeout_seconds=10)


@pytest.fixture
def stage(cluster: KafkaCluster, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path / f"silent-{time.monotonic_ns()}", cluster.bootstrap, seed=4, kills=0, full=False)
    stage.topic_name = stage.folder.name
    yield stage
    stage.close()


def fill(stage: Stage, records: int) -> None:
    where = ["--brokers", stage.bootstrap, "--topic", stage.topic_name]
    subprocess.run([*TIDEMILL, "produce", *where, "--count", str(records)], cwd=ROOT, capture_output=True, check=True)


def await_records(stage: Stage, subject: Subject) -> None:
    """Wait until the topic holds some."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert subject.code is None, subject.said
        with suppress(UnknownTopic):
            if sum(KafkaSource(stage.bootstrap, [stage.topic_name]).end_offsets().values()) > 1_000:
                return
        time.sleep(0.2)
    raise AssertionError(f"nothing is written: {subject.said}")


def bytewax(stage: Stage) -> Subject:
    settings = {"BROKERS": stage.bootstrap, "TOPIC": stage.topic_name, "LAKE": str(stage.lake), "PIPELINE": str(ADS)}
    settings |= {"BATCH_RECORDS": "50", "MAX_EPOCH_BYTES": "65536", "EPOCH_MS": "100"}
    environ = {f"TIDEMILL_{name}": value for name, value in settings.items()}
    flags = ["-w", "2", "-r", str(stage.recovery), "-s", "1", "-b", "0"]
    return Subject(flags, stage.folder, environ=environ, command=[sys.executable, "-m", "bytewax.run", "run:flow"])


def end(subject: Subject, number: signal.Signals) -> tuple[int | None, float]:
    """Exit code, and seconds from the signal to the end; no code when it does not end at all."""
    asked = time.monotonic()
    subject.send(number)
    code = subject.wait(60)
    took_s = time.monotonic() - asked
    subject.kill()
    return code, took_s


@pytest.mark.parametrize("how", ["killed", "frozen"])
@pytest.mark.parametrize("command", ["run", "two processes", "bytewax"])
def test_a_broker_that_is_down_does_not_keep_the_run_from_ending(
    cluster: KafkaCluster, stage: Stage, command: str, how: str
) -> None:
    fill(stage, 20_000)
    if command == "bytewax":
        subject = bytewax(stage)
    else:
        subject = stage.start("--bounded", *SLOW, parallel=("1", "2") if command == "two processes" else ("2", "1"))
    # the first snapshots may be those of a takeover, and of partitions that are there and were not read yet
    assert stage.await_caught_up(subject, 1), subject.said
    with silenced(cluster, how):
        time.sleep(0.5)
        code, took_s = end(subject, signal.SIGTERM if how == "frozen" else signal.SIGINT)
    assert code == 0, subject.said
    assert "Traceback" not in subject.said
    assert took_s < END_S * slowness()
    assert 0 < sum(stage.offsets().values()) < 20_000
    stage.expect_end(stage.start("--bounded", parallel=("1", "1")), 0)
    assert not stage.anomalies
    with LakeReader(stage.lake) as reader:
        sums = "sum(read)::BIGINT AS records, sum(end_offset - start_offset)::BIGINT AS offsets"
        assert reader.query(f"SELECT {sums} FROM ledger").to_pylist() == [{"records": 20_000, "offsets": 20_000}]


@pytest.mark.parametrize("how", ["killed", "frozen"])
@pytest.mark.parametrize("flags", [[], ["--transactional"]], ids=["plain", "transactions"])
def test_produce_ends_and_says_what_the_broker_has_and_what_not(
    cluster: KafkaCluster, stage: Stage, how: str, flags: list[str]
) -> None:
    where = ["--brokers", stage.bootstrap, "--topic", stage.topic_name]
    subject = stage.run_command("produce", *where, "--rate", "3000", *flags)
    await_records(stage, subject)
    with silenced(cluster, how):
        time.sleep(1)
        code, took_s = end(subject, signal.SIGTERM)
    assert code == 3, subject.said
    assert took_s < END_S * slowness()
    told = re.search(r"([\d,]+) records were written, ([\d,]+) were not", subject.said)
    assert told is not None, subject.said
    written, lost = (int(number.replace(",", "")) for number in told.groups())
    assert lost > 0
    stage.expect_end(stage.start("--bounded", parallel=("1", "1")), 0)
    with LakeReader(stage.lake) as reader:
        read = reader.query("SELECT sum(read)::BIGINT AS n FROM ledger").to_pylist()[0]["n"]
    # what got no answer may have arrived all the same
    assert written <= read <= written + lost


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["run", "produce", "recover", "audit", "doctor"])
def test_a_broker_that_never_answers_is_not_waited_for(
    cluster: KafkaCluster, stage: Stage, command: str, number: signal.Signals
) -> None:
    if command in ("recover", "audit"):
        fill(stage, 100)
        stage.expect_end(stage.start("--bounded", parallel=("1", "1")), 0)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        where = ["--brokers", f"127.0.0.1:{mute.getsockname()[1]}", "--topic", stage.topic_name]
        mute.settimeout(120)
        lake = ["--lake", str(stage.lake), "--pipeline", str(ADS)]
        flags = {"run": [*lake, "--recovery", str(stage.recovery)], "produce": [], "audit": lake, "doctor": lake}
        flags["recover"] = ["--from-lake", *flags["run"]]
        subject = stage.run_command(command, *where, *flags[command])
        connection, _ = mute.accept()
        with connection:
            time.sleep(0.3)
            code, took_s = end(subject, number)
    assert took_s < END_S * slowness()
    assert code is not None
    assert "Traceback" not in subject.said
    if command == "run":
        assert code == 0
        assert number.name in subject.said
