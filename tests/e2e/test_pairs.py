"""Real runs with rules over pairs of events, killed at any point, on files and from a real Kafka: as the model says."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.stage import Stage
from tests.e2e.test_rules import FILES, Folder
from tests.kafka_fixture import fresh_topic, produce
from tests.model import adapter
from tests.model.files import read_folder
from tests.model.spec import Record
from tests.test_pairs_against_model import expected, stand_in

JOB = """
from typing import Annotated
from annotated_types import Len
from pydantic import BaseModel
from tidemill import EventTime, Pipeline, Rollup, alerts
from tidemill import aggregates as agg
from tidemill.windows import tumble

class Click(BaseModel):
    id: Annotated[str, Len(1, 20)]
    time: EventTime
    who: str

pipeline = Pipeline(
    "small",
    Click,
    [Rollup("minutes", ["who"], tumble("1m"), {"n": agg.count()})],
    out_of_orderness="2m",
    allowed_lateness="1m",
    deduplicate_by="id",
    deduplicate_within="20m",
    alerts=[
        alerts.sequence(
            "quick", key="who", first="id LIKE '%3'", then="id LIKE '%7'", within="20s", having="then.id <> first.id",
            severity="high", message="{who}: {first_id} at {first_time}, then {then_id} at {then_time}",
        ),
        alerts.absence("alone", key="who", first="id LIKE '%1'", then="id LIKE '%5'", within="30s"),
        alerts.absence("sudden", key=[], first="who = 'a'", then="who = 'b'", within="10s", missing="first"),
    ],
)
"""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path, seed=3)
    (tmp_path / "job.py").write_text(JOB)
    return made


def test_pairs_outlive_a_kill_at_any_point(folder: Folder) -> None:
    folder.grow(300)
    for point in ("after_snapshot:2", "before_commit:2", "in_commit:2", "after_commit:2", "after_file:5"):
        folder.run_killed(point, 60)
    folder.grow(100)
    folder.run("-w", "2", "--final")
    found = stand_in(folder.path / "lake")
    assert found == expected(adapter.load(folder.path / "job.py"), read_folder(folder.data))
    assert {each.rule for each in found} == {"quick", "alone", "sudden"}
    assert "proven: every record of the source" in folder.tidemill("audit", *FILES)
    assert "every table equals the replay" in folder.tidemill("replay", "--check", "-w", "2", *FILES)
    changes = "SELECT count(*), count(DISTINCT (alert_id, change)), min(change), max(change) FROM alert_changes"
    count, distinct, least, most = folder.tidemill("query", changes, "--format=csv").splitlines()[1].split(",")
    assert (count, least) == (distinct, "1")
    assert int(most) <= 2
    refused = folder.tried("backfill", "quick", "--pipeline", "job.py")
    assert refused.returncode == 2
    assert "it is the evidence of an alert rule over pairs" in refused.stderr
    # an erasure leaves the evidence and the alerts as they are, and they go on
    assert "quick_delta" in folder.tidemill("erase", "--where", "who = 'c'", "--yes", "--most-rows", "1000")
    folder.grow(60)
    folder.run("--final")
    found = stand_in(folder.path / "lake")
    assert found == expected(adapter.load(folder.path / "job.py"), read_folder(folder.data))
    assert "proven: every record of the source" in folder.tidemill("audit", *FILES)


@pytest.fixture
def stage(kafka: str, tmp_path: Path) -> Iterator[Stage]:
    (tmp_path / "job.py").write_text(JOB)
    stage = Stage(tmp_path / "stage", kafka, seed=1, kills=1, full=False)
    stage.pipeline = tmp_path / "job.py"
    stage.topic_name = fresh_topic(kafka, 3)
    yield stage
    stage.close()


def records(number: int, count: int) -> list[Record]:
    """Of one partition; each is a little behind the others."""
    rng = random.Random(number)
    made, now_ms = [], 1_764_000_000_000 - 20_000 * number
    for offset in range(count):
        now_ms += rng.choice((0, 100, 500, 2_000))
        event = {"id": f"i{number}-{offset}", "time": now_ms - rng.choice((0, 0, 30_000)), "who": rng.choice("abc")}
        made.append(Record(offset, b"{" if rng.random() < 0.01 else json.dumps(event).encode(), now_ms))
    return made


@pytest.mark.kafka
def test_two_workers_from_a_real_kafka_raise_the_alerts_of_the_log(kafka: str, stage: Stage) -> None:
    topic = stage.topic_name
    partitions = {f"{topic}/{number}": records(number, 1_500) for number in range(3)}
    for number, made in enumerate(partitions.values()):
        stamps = [each.timestamp or 0 for each in made]
        produce(kafka, topic, [each.value for each in made], partition=number, timestamps_ms=stamps)
    slow = ("--batch-records", "40", "--max-epoch-bytes", "65536", "--epoch-ms", "50")
    subject = stage.start(*slow, parallel=("2", "1"))
    assert stage.await_progress(subject, 2), subject.said
    stage.kill(subject, "kill -9")
    stage.expect_end(stage.start("--bounded", "--final", *slow, parallel=("2", "1")), 0)
    found = stand_in(stage.lake)
    assert found == expected(adapter.load(stage.pipeline), partitions)
    assert {each.rule for each in found} == {"quick", "alone", "sudden"}
