"""Alerts before their commit leave real runs for a real Kafka, and what is committed stays as it is, over kills."""

import json
import os
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from query.reader import LakeReader
from tests.chaos.subject import PATIENCE_S, ROOT, TIDEMILL
from tests.emitted import Sent, read_topic
from tests.kafka_fixture import create_topic, fresh_topic

JOB = """
from pydantic import BaseModel
from tidemill import EventTime, Pipeline, Rollup, alerts, kafka
from tidemill import aggregates as agg
from tidemill.windows import session, tumble

class Click(BaseModel):
    id: str
    time: EventTime
    who: str

COUNTS = {"clicks": agg.count()}
pipeline = Pipeline(
    "small",
    Click,
    [Rollup("minutes", ["who"], tumble("1m"), COUNTS)],
    out_of_orderness="2m",
    alerts=[
        alerts.threshold("busy", on="minutes", having="clicks > 5"),
        alerts.distinct("many", key=[], of="who", more_than=2, window=tumble("10s")),
        alerts.threshold("visit", keys=["who"], window=session("5s"), aggregates=COUNTS, having="clicks > 1"),
    ],
    alerts_to=[kafka("ALERTS", early=True), kafka("MANY", early="NOW", rules=["many"])],
)
"""

DAY_MS = 1_764_000_000_000
POINTS = ("before_snapshot:3", "after_snapshot:4", "before_commit:3", "in_commit:2", "after_commit:4", "before_end:1")

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]


class Folder:
    """A working folder with a growing file, a pipeline, and topics that it writes to."""

    def __init__(self, path: Path, bootstrap: str) -> None:
        self.path, self.bootstrap = path, bootstrap
        (path / "data").mkdir()
        self.alerts, self.many, self.now = (fresh_topic(bootstrap, 2) for _ in range(3))
        self.early = f"{self.alerts}-early"
        create_topic(bootstrap, self.early, 2)
        text = JOB.replace("ALERTS", self.alerts).replace("MANY", self.many).replace("NOW", self.now)
        (path / "job.py").write_text(text)
        self.count = 0

    def grow(self, records: int) -> None:
        with (self.path / "data" / "a.ndjson").open("a") as file:
            for _ in range(records):
                at = DAY_MS + self.count * 700 - (self.count % 7) * 9_000
                line = {"id": f"i{self.count}", "time": at, "who": "abc"[self.count * self.count % 11 % 3]}
                file.write(json.dumps(line) + "\n")
                self.count += 1

    def tidemill(self, *arguments: str, fault: str = "") -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEMILL_", "BYTEWAX_"))}
        ours = {"PYTHONPATH": str(ROOT), "TIDEMILL_FAULT": fault, "TIDEMILL_COMPACT_EVERY": "0s"}
        return subprocess.run(
            [*TIDEMILL, *arguments],
            cwd=self.path,
            env={**clean, **ours},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def run(self, *flags: str, fault: str = "") -> int:
        small = ("run", "--bounded", "--batch-records", "50", "--epoch-ms", "20", "--max-epoch-bytes", "65536")
        source = ("--pipeline", "job.py", "--source", "files", "--input", "data", "--brokers", self.bootstrap)
        done = self.tidemill(*small, *source, *flags, fault=fault)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        return done.returncode

    def raised(self) -> set[tuple[str, int]]:
        """What the lake has raised of the rules that are told early."""
        with LakeReader(self.path / "lake") as reader:
            sql = "SELECT alert_id, change FROM alert_changes WHERE state = 'raised' AND rule IN ('busy', 'many')"
            return {(row["alert_id"], row["change"]) for row in reader.query(sql).to_pylist()}

    def sent(self, topic: str) -> list[Sent]:
        return read_topic(self.bootstrap, topic)


@pytest.fixture
def folder(kafka: str, tmp_path: Path) -> Folder:
    return Folder(tmp_path, kafka)


def ids(sent: list[Sent]) -> list[tuple[str, int]]:
    return [(each.value["alert_id"], each.value["change"]) for each in sent]


def test_each_alert_is_told_early_with_the_id_and_the_words_of_its_commit(folder: Folder) -> None:
    folder.grow(300)
    assert folder.run() == 0
    early = folder.sent(folder.early)
    raised = folder.raised()
    assert len(raised) > 10
    # a count that has passed its limit stays there: what is told is raised, and nothing else
    assert Counter(ids(early)) == Counter(raised)
    committed = {key: each for each, key in ((each, ids([each])[0]) for each in folder.sent(folder.alerts))}
    for each in early:
        then = committed[ids([each])[0]]
        assert each.key == then.key
        assert each.value["early"] is True
        told = {name: value for name, value in each.value.items() if name not in ("early", "values", "message")}
        assert told == {name: then.value[name] for name in told}
        assert told.keys() == then.value.keys() - {"quiet", "values", "message"}
        assert each.value["values"].keys() == then.value["values"].keys()
    many = {key for key, each in committed.items() if each.value["rule"] == "many"}
    assert set(ids(folder.sent(folder.now))) == many
    # a session's alert has to wait
    assert {each.value["rule"] for each in committed.values()} == {"busy", "many", "visit"}
    checked = folder.tidemill("check", "--pipeline", "job.py").stdout
    assert "raised alerts of busy, many, before their commit; not early: visit" in checked
    assert f"Kafka topic {folder.early}" in checked


def test_over_kills_nothing_is_told_that_is_not_raised_in_the_end_and_each_commit_is_sent_once(folder: Folder) -> None:
    killed = 0
    for at, point in enumerate(POINTS):
        folder.grow(150)
        killed += folder.run("-w", "12"[at % 2], fault=point) != 0
    assert killed >= len(POINTS) - 1
    assert folder.run() == 0
    before = folder.raised()
    folder.grow(200)
    assert folder.run("--final") == 0
    raised = folder.raised()
    early = set(ids(folder.sent(folder.early)))
    assert early <= raised
    # what was on its way when a run was killed may be lost; what a run that ends brings is not
    new = raised - before
    assert new
    assert new <= early
    with LakeReader(folder.path / "lake") as reader:
        changes = reader.query("SELECT alert_id, change FROM alert_changes").to_pylist()
    assert Counter(ids(folder.sent(folder.alerts))) == Counter((each["alert_id"], each["change"]) for each in changes)


def test_a_topic_that_is_not_there_costs_nothing_but_a_word(folder: Folder) -> None:
    text = (folder.path / "job.py").read_text().replace(f'"{folder.now}"', '"not.there"')
    (folder.path / "job.py").write_text(text)
    folder.grow(100)
    assert folder.run() == 0
    assert set(ids(folder.sent(folder.early))) == folder.raised()
    assert folder.sent(folder.many)
