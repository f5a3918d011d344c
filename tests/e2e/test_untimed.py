"""Kafka's records without a timestamp, and the guard against the future that counts from it."""

import json
from pathlib import Path

import pytest

from query.reader import LakeReader
from tests.chaos.subject import Subject
from tests.kafka_fixture import fresh_topic, produce

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

STAMP_MS = 1_764_331_200_000
FAR_MS = STAMP_MS + 86_400_000
JOB = """
from pydantic import BaseModel
from tidemill import EventTime, Pipeline, Rollup, aggregates as agg
from tidemill.windows import tumble

class Click(BaseModel):
    id: str
    time: EventTime

pipeline = Pipeline(
    "small", Click, [Rollup("all", [], tumble("1m"), {"clicks": agg.count()})], max_future="1m", allowed_lateness="30d",
    CLOCK
)
"""


@pytest.mark.parametrize("clock", ["", 'max_future_clock="2025-11-28T12:00:00Z"'], ids=["none", "clock"])
def test_the_guard_does_not_judge_what_has_no_timestamp_and_says_so_unless_a_time_stands_for_it(
    kafka: str, tmp_path: Path, clock: str
) -> None:
    topic = fresh_topic(kafka)
    (tmp_path / "job.py").write_text(JOB.replace("CLOCK", clock))
    times = [STAMP_MS, FAR_MS, STAMP_MS, FAR_MS]
    values = [json.dumps({"id": f"c{at}", "time": time_ms}).encode() for at, time_ms in enumerate(times)]
    produce(kafka, topic, values, timestamps_ms=[STAMP_MS, STAMP_MS, -1, -1])
    run = Subject(["run", "--bounded", "--pipeline", "job.py", "--brokers", kafka, "--topic", topic], tmp_path)
    try:
        assert run.wait() == 0, run.said
    finally:
        run.kill()
    with LakeReader(tmp_path / "lake") as reader:
        events = reader.query('SELECT id, record_timestamp FROM events ORDER BY "offset"').to_pylist()
        dead = reader.query('SELECT "offset", reason FROM dead_letters ORDER BY 1').to_pylist()
    assert [row["record_timestamp"] is None for row in events][:2] == [False, True]
    far = {"offset": 1, "reason": "future_event"}
    if clock:
        assert [row["id"] for row in events] == ["c0", "c2"]
        assert dead == [far, {**far, "offset": 3}]
        assert "has no timestamp" not in run.said
    else:
        assert [row["id"] for row in events] == ["c0", "c2", "c3"]
        assert dead == [far]
        assert run.said.count(f"{topic}/0: the record at offset 2 has no timestamp, so max_future refuses") == 1
