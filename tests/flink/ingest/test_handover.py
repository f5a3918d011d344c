"""From Tidemill to Flink and back: the tables of a lake do not tell who has filled it."""

import os
import signal
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.flink import app
from dataflow.pipeline.load import load
from flink.cluster.cluster import FlinkCluster
from proof.dump import contents
from proof.parity.adversary import Written, adversary
from proof.parity.produce import fresh_topic, write
from proof.parity.records import Kafka
from query.reader import LakeReader
from runtime.program import this_command
from sinks.lake.catalog.catalog import Catalog
from tests.flink.cluster.jobs import until

CASES = Path(__file__).parents[1] / "parity" / "cases"


class Play:
    """One pipeline on one topic, and a lake of several engines."""

    def __init__(self, kafka: str, flink: FlinkCluster, folder: Path, pipeline: str, records: int) -> None:
        self.kafka, self.flink, self.folder = Kafka(kafka, {}), flink, folder
        self.spec = str(CASES / f"{pipeline}.py")
        self.made = adversary(load(self.spec), 3, records)
        self.topic = fresh_topic(self.kafka, "handover", len(self.made))
        self.lake = folder / "lake"

    def produce(self, start: float, end: float) -> None:
        """Write a part of each partition's records."""
        chosen: list[Written] = []
        for part in self.made:
            chosen += part[int(len(part) * start) : int(len(part) * end)]
        write(self.kafka, self.topic, chosen)

    def words(self) -> list[str]:
        return ["--pipeline", self.spec, "--brokers", self.kafka.brokers]

    def tidemill(self, *words: str, code: int = 0, fault: str = "") -> str:
        environment = {**os.environ, **({"TIDEMILL_FAULT": fault} if fault else {})}
        done = subprocess.run(this_command(words), capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def run(self, lake: Path, *more: str) -> None:
        places = ["--topic", self.topic, "--lake", str(lake), "--recovery", f"{lake}-recovery"]
        quiet = ["--bounded", "--metrics-port", "0", "--log-level", "warning", "--compact-every", "0s"]
        self.tidemill("run", *self.words(), *places, *quiet, *more)

    def flink_run(self, *more: str) -> None:
        words = ["run", *self.words(), "--topic", self.topic, "--from-lake", str(self.lake), "--checkpoint-every", "1s"]
        told = CliRunner().invoke(app, [*words, *more, "--name", self.topic, "--folder", str(self.flink.folder)])
        assert told.exit_code == 0, (told.output, told.exception)

    def ingest(self, *more: str, code: int = 0, fault: str = "") -> str:
        return self.tidemill("flink", "ingest", *self.words(), "--lake", str(self.lake), *more, code=code, fault=fault)

    def ingest_until_all_is_there(self) -> None:
        """Beside a job without an end, stopped as by ^C."""
        words = ["flink", "ingest", *self.words(), "--lake", str(self.lake)]
        wanted, before = sum(int(len(part) * 0.7) for part in self.made), taken_over(self.lake)
        with subprocess.Popen(
            this_command(words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            until(lambda: taken_over(self.lake) > before and read_by(self.lake) == wanted, 300)
            process.terminate()
            told = process.communicate()[0]
        assert process.returncode == 0, told
        assert "records of the job" in told


def taken_over(lake: Path) -> int:
    """How often somebody has begun to fill the lake."""
    with closing(Catalog.look(lake)) as catalog:
        return catalog.incarnation("visits")


def read_by(lake: Path) -> int:
    """Records of the topic that the ledger knows."""
    with LakeReader(lake) as reader:
        (row,) = reader.query('SELECT sum("read")::BIGINT AS "read" FROM ledger').to_pylist()
    return int(row["read"])


def tables_of(lake: Path) -> dict[str, Any]:
    """Everything that a lake holds as a function of its source."""
    with LakeReader(lake) as reader:
        snapshot = reader.snapshot()
        found = {}
        for name, sql in contents(snapshot).items():
            found[name] = snapshot.query(f"SELECT * FROM ({sql}) ORDER BY ALL").to_pylist()
        for name in snapshot.views:
            found[f"late of {name}"] = snapshot.query(f"SELECT * FROM {name} ORDER BY ALL").to_pylist()
    return found


def assert_equal(lake: Path, other: Path) -> None:
    one, two = tables_of(lake), tables_of(other)
    assert one.keys() == two.keys()
    for name in one:
        assert one[name], name
        assert one[name] == two[name], name


@pytest.mark.kafka
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize(("pipeline", "form", "records"), [("windows", "upsert", 4_000), ("sessions", "final", 2_000)])
def test_a_lake_that_went_to_flink_and_back_is_that_of_one_run(
    kafka: str, flink: FlinkCluster, tmp_path: Path, pipeline: str, form: str, records: int
) -> None:
    play = Play(kafka, flink, tmp_path, pipeline, records)
    play.produce(0, 0.3)
    play.run(play.lake)
    play.produce(0.3, 0.7)
    play.flink_run("--bounded", "--wait", "600", "--parallelism", "2", "--form", form)
    # handed over: Tidemill does not go on, whatever it is told
    assert "handed over" in play.tidemill(
        "run", *play.words(), "--topic", play.topic, "--lake", str(play.lake), "--recovery", f"{play.lake}-recovery",
        "--bounded", "--metrics-port", "0", code=4,
    )  # fmt: skip
    play.ingest("--bounded", fault="in_commit", code=-signal.SIGKILL)
    play.ingest("--bounded", "--every", "1ms", fault="after_commit", code=-signal.SIGKILL)
    play.ingest_until_all_is_there()
    play.ingest("--hand-back")
    play.produce(0.7, 1)
    places = ["--topic", play.topic, "--lake", str(play.lake), "--recovery", f"{play.lake}-recovery"]
    play.tidemill("recover", "--from-lake", *play.words(), *places)
    play.run(play.lake, "--final")
    plain = tmp_path / "plain"
    play.run(plain, "--final")
    assert_equal(play.lake, plain)
    audit = ["--topic", play.topic, "--lake", str(play.lake)]
    play.tidemill("audit", *play.words(), *audit)
