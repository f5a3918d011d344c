"""Real runs with rules that wait for the end of windows, killed at any point: the alerts are the model's."""

import json
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.stage import Stage
from tests.chaos.subject import PATIENCE_S
from tests.e2e.test_rules import FILES, Folder
from tests.kafka_fixture import fresh_topic, produce
from tests.model import adapter
from tests.model.files import read_folder
from tests.model.spec import Record
from tests.test_alerts_against_model import expected, stand_in

JOB = """
from typing import Annotated
from annotated_types import Len
from pydantic import BaseModel
from tidemill import EventTime, Pipeline, Rollup, alerts
from tidemill import aggregates as agg
from tidemill.windows import session, tumble

class Click(BaseModel):
    id: Annotated[str, Len(1, 20)]
    time: EventTime
    who: str

pipeline = Pipeline(
    "small",
    Click,
    [Rollup("minutes", ["who"], tumble("1m"), {"n": agg.count(), "ids": agg.count_distinct("id")})],
    out_of_orderness="2m",
    allowed_lateness="1m",
    idle_timeout="3s",
    deduplicate_by="id",
    deduplicate_within="20m",
    alerts=[
        alerts.threshold(
            "visits", keys=["who"], window=session("8s"),
            aggregates={"n": agg.count(), "ids": agg.count_distinct("id")},
            having="n > 2 AND ids > 1", message="{who}: {n} clicks from {window_start}", cool_down="1m",
        ),
        alerts.silence("quiet", key="who", after="10s", at_least=3, severity="high"),
        alerts.silence("lost", key="source_partition", after="3m"),
        alerts.compare("drop", on="minutes", value="n", against=alerts.mean(of=3), drops_below=0.8, at_least=2),
        alerts.compare("jump", on="minutes", value="ids", against=alerts.earlier("2m"), rises_above=1.5, at_least=3),
    ],
)
"""
RULES = {"visits", "quiet", "drop", "jump"}

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path, seed=3)
    (tmp_path / "job.py").write_text(JOB)
    return made


def test_alerts_outlive_a_kill_at_any_point(folder: Folder) -> None:
    folder.grow(300)
    for point in ("after_snapshot:2", "before_commit:2", "in_commit:2", "after_commit:2", "after_file:5"):
        folder.run_killed(point, 60)
    folder.grow(100)
    folder.run("-w", "2")
    # nothing comes any more: what the file that is behind holds back is told as well
    folder.run("--final")
    found = stand_in(folder.path / "lake")
    assert found == expected(adapter.load(folder.path / "job.py"), read_folder(folder.data))
    assert {each.rule for each in found} >= RULES
    assert any(found.values())
    assert "proven: every record of the source" in folder.tidemill("audit", *FILES)
    assert "every table equals the replay" in folder.tidemill("replay", "--check", "-w", "2", *FILES)
    changes = "SELECT count(*), count(DISTINCT (alert_id, change)), min(change) FROM alert_changes"
    count, distinct, least = folder.tidemill("query", changes, "--format=csv").splitlines()[1].split(",")
    assert (count, least) == (distinct, "1")


def test_one_query_over_final_rows_says_the_same(folder: Folder) -> None:
    """A second opinion, of DuckDB over the rollup's rows and its sessions."""
    folder.grow(400)
    folder.run("--final")
    reached = "(SELECT max(watermark) FROM ledger)"
    is_over = f"epoch_ms(window_end) - 1 + 60000 <= {reached}"
    before = "SELECT who, window_start + INTERVAL {0} MINUTE AS s, n, ids FROM minutes"
    drop = (
        (
            f"SELECT who, s FROM ({' UNION ALL '.join(before.format(number) for number in (1, 2, 3))}) AS b"
            " LEFT JOIN minutes AS m ON m.who = b.who AND m.window_start = b.s"
            f" WHERE epoch_ms(s) + 60000 - 1 + 60000 <= {reached}"
            " GROUP BY who, s HAVING sum(b.n) >= 6 AND 3 * coalesce(any_value(m.n), 0) < 0.8 * sum(b.n)"
        )
        .replace("SELECT who, s FROM", "SELECT b.who AS who, s FROM")
        .replace("GROUP BY who", "GROUP BY b.who")
    )
    jump = (
        f"SELECT m.who, m.window_start AS s FROM minutes AS m JOIN minutes AS b ON m.who = b.who"
        f" AND b.window_start = m.window_start - INTERVAL 2 MINUTE WHERE b.n >= 3 AND m.ids > 1.5 * b.ids"
        f" AND epoch_ms(m.window_end) - 1 + 60000 <= {reached}"
    )
    asked = {
        "visits": f"SELECT who, window_start AS s FROM visits WHERE n > 2 AND ids > 1 AND {is_over}",
        "quiet": f"SELECT who, window_start AS s FROM quiet WHERE events >= 3 AND {is_over}",
        "drop": drop,
        "jump": jump,
    }
    for rule, sql in asked.items():
        told = f"SELECT key->>'who' AS who, window_start AS s FROM alerts WHERE state = 'raised' AND rule = '{rule}'"
        differs = f"SELECT count(*) FROM ((({sql}) EXCEPT ({told})) UNION ALL (({told}) EXCEPT ({sql})))"
        both = f"SELECT ({differs}) AS differs, (SELECT count(*) FROM ({told})) AS told"
        differing, count = folder.tidemill("query", both, "--format=csv").splitlines()[1].split(",")
        assert differing == "0", rule
        assert int(count) > 0, rule


@pytest.fixture
def stage(kafka: str, tmp_path: Path) -> Iterator[Stage]:
    (tmp_path / "job.py").write_text(JOB)
    stage = Stage(tmp_path / "stage", kafka, seed=1, kills=1, full=False)
    stage.pipeline = tmp_path / "job.py"
    stage.topic_name = fresh_topic(kafka, 3)
    yield stage
    stage.close()


def records(number: int, count: int) -> list[Record]:
    """Of one partition; each is behind the one before it, so that the last one is silent in the end."""
    rng = random.Random(number)
    made, now_ms = [], 1_764_000_000_000 - 400_000 * number
    for offset in range(count):
        now_ms += rng.choice((0, 100, 500, 2_000, 9_000))
        event = {"id": f"i{number}-{offset}", "time": now_ms - rng.choice((0, 0, 30_000)), "who": rng.choice("abc")}
        made.append(Record(offset, b"{" if rng.random() < 0.01 else json.dumps(event).encode(), now_ms))
    return made


@pytest.mark.kafka
def test_two_workers_from_a_real_kafka_raise_the_alerts_of_the_log(kafka: str, stage: Stage) -> None:
    topic = stage.topic_name
    partitions = {f"{topic}/{number}": records(number, 1_000) for number in range(3)}
    for number, made in enumerate(partitions.values()):
        stamps = [each.timestamp or 0 for each in made]
        produce(kafka, topic, [each.value for each in made], partition=number, timestamps_ms=stamps)
    slow = ("--batch-records", "40", "--max-epoch-bytes", "65536", "--epoch-ms", "50")
    subject = stage.start(*slow, parallel=("2", "1"))
    assert stage.await_progress(subject, 2), subject.said
    stage.kill(subject, "kill -9")
    subject = stage.start(*slow, parallel=("2", "1"))
    wanted = expected(adapter.load(stage.pipeline), partitions)
    assert {each.rule for each in wanted} == {*RULES, "lost"}
    # it goes on without a record: partitions become idle, and what they held back is told
    until = time.monotonic() + 4 * PATIENCE_S
    while (found := stand_in(stage.lake)) != wanted and time.monotonic() < until:
        time.sleep(0.5)
    assert found == wanted
    subject.send(signal.SIGTERM)
    stage.expect_end(subject, 0)
    assert stand_in(stage.lake) == wanted
