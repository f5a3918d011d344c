"""What a run says of records that do not count, and when."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import structlog
from pydantic import BaseModel

from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.decode.decoder import decoder_for
from dataflow.fold.fold import Fold
from dataflow.intake.judge import Judge
from dataflow.losses.tally import QUIET_S, STRETCH_RECORDS, Tally
from dataflow.messages import POLL_SCHEMA, Judged, Poll
from dataflow.pipeline.plan import make_plan
from dataflow.windows import tumble

AT_MS = 1_767_225_600_000


class Click(BaseModel):
    ad: str
    at: EventTime


def event(at: object = AT_MS, **more: object) -> bytes:
    return json.dumps({"ad": "a", "at": at, **more}).encode()


class Run:
    """One source partition through decoder, judge and fold into a tally, with a clock of its own."""

    def __init__(self) -> None:
        rollups = [Rollup("r", ["ad"], tumble("1m"), {"n": agg.count()})]
        self.plan = make_plan(Pipeline("small", Click, rollups, out_of_orderness="5s"), Path())
        self.decoder = decoder_for(self.plan, compiled=False)
        self.judge = Judge(self.plan, "t/0", "t")
        self.fold = Fold(self.plan, events=False)
        self.now_s = 0.0
        self.tally = Tally(self.plan.event, self.plan.out_of_orderness_ms, lambda: self.now_s)
        self.next = 0

    def read(self, *values: bytes) -> None:
        start, self.next = self.next, self.next + len(values)
        offsets = pa.array(range(start, self.next), pa.int64())
        columns = [offsets, pa.nulls(len(values), pa.int64()), pa.array(list(values), pa.binary())]
        records = pa.RecordBatch.from_arrays(columns, schema=POLL_SCHEMA)
        judged = self.judge.judge(Poll(records, start, self.next), self.decoder.decode(records.column("value")))
        self.tally.see(judged, self.fold.fold(judged))

    def heartbeat(self) -> None:
        judged = Judged("t/0", "t", self.next, self.next)
        self.tally.see(judged, self.fold.fold(judged))


@pytest.fixture
def run() -> Run:
    return Run()


@pytest.fixture
def said() -> Iterator[Sequence[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


def test_nothing_is_said_before_a_thousand_records_nor_up_to_a_tenth(run: Run, said: Sequence[Any]) -> None:
    run.read(*[b"<a/>"] * 100, *[event()] * 899)
    assert not said
    run.read(event())
    run.heartbeat()
    assert not said
    assert (run.tally.totals.read, run.tally.totals.dead) == (1_000, 100)


def test_more_than_a_tenth_dead_is_one_warning_with_count_example_cause_and_fix(run: Run, said: Sequence[Any]) -> None:
    run.read(*[event()] * 500)
    run.read(*[b"<a/>"] * 300, *[b"{}"] * 200)
    run.read(*[b"<a/>"] * 500)
    (line,) = said
    assert line["log_level"] == "warning"
    assert line["event"] == "500 of 1,000 records of this run are dead letters, 300 of them malformed"
    assert (line["topic"], line["partition"], line["offset"], line["example"]) == ("t", "t/0", 500, "<a/>")
    assert line["cause"] == "the records are XML"
    assert line["fix"]


def test_the_warning_comes_again_only_for_another_reason_and_after_a_while(run: Run, said: Sequence[Any]) -> None:
    run.read(*[b"<a/>"] * 1_000)
    run.now_s += QUIET_S - 1
    run.read(*[b"{}"] * 3_000)
    assert len(said) == 1
    run.now_s += 1
    run.read(event())
    assert [line["reason"] for line in said] == ["malformed", "missing_field"]
    assert said[1]["field"] == "ad"
    run.now_s += QUIET_S
    run.read(*[b"<a/>"] * 5_000)
    assert len(said) == 2


def test_what_goes_wrong_after_a_long_good_time_is_told_and_told_again_after_it_was_well(
    run: Run, said: Sequence[Any]
) -> None:
    def stretch(value: bytes) -> None:
        for _ in range(STRETCH_RECORDS // 20_000):
            run.read(*[value] * 20_000)

    stretch(event())
    run.read(*[b"<a/>"] * 1_000)
    assert [line["event"] for line in said] == ["1,000 of 1,000 newest records are dead letters, all of them malformed"]
    run.now_s += QUIET_S
    run.read(*[b"<a/>"] * (STRETCH_RECORDS - 1_000))
    stretch(event())
    run.read(*[b"<a/>"] * 1_000)
    assert len(said) == 2
    assert run.tally.totals.dead == STRETCH_RECORDS + 1_000
    loss = run.tally.dead()
    assert loss is not None
    assert loss.lost == 1_000


def test_many_late_events_are_told(run: Run, said: Sequence[Any]) -> None:
    run.read(event(AT_MS + 600_000), *[event(AT_MS + 60_000)] * 500)
    run.read(event(), *[event(AT_MS + 60_000)] * 498)
    (line,) = said
    assert line["event"] == "999 of 1,000 records of this run are late for every rollup that takes them"
    assert (line["partition"], line["offset"]) == ("t/0", 501)
    assert "after one of 2026-01-01 00:10:00" in line["example"]


@pytest.mark.parametrize(("at", "declared"), [(AT_MS // 1_000, "EventTimeSeconds"), (AT_MS * 1_000, "EventTimeMicros")])
def test_events_that_are_taken_at_absurd_times_are_told_with_their_unit(
    run: Run, said: Sequence[Any], at: int, declared: str
) -> None:
    run.read(*[event(at)] * 1_000)
    (line,) = said
    assert line["event"] == "1,000 of 1,000 records of this run have an event time that looks like one of another unit"
    assert f"at: {declared}," in line["fix"]
    assert run.tally.dead() is None


def test_dead_nanoseconds_and_late_seconds_are_told_with_their_unit(run: Run, said: Sequence[Any]) -> None:
    run.read(*[event(AT_MS * 1_000_000)] * 1_000)
    run.now_s += QUIET_S
    run.read(event(), *[event(AT_MS // 1_000)] * 100_000)
    run.read(*[event(AT_MS // 1_000)] * 1_000)
    assert [("EventTimeNanos" in line["fix"], "EventTimeSeconds" in line["fix"]) for line in said] == [
        (True, False),
        (False, True),
    ]


def test_the_end_of_the_input_judges_however_few_records_there_are(run: Run, said: Sequence[Any]) -> None:
    run.read(b"<a/>", event(), event())
    run.tally.end()
    assert [line["event"] for line in said] == ["1 of 3 records of this run are dead letters, all of them malformed"]


def test_an_end_without_records_or_without_losses_is_silent(run: Run, said: Sequence[Any]) -> None:
    run.tally.end()
    run.read(event())
    run.tally.end()
    assert not said


def test_a_long_example_is_kept_short_enough(run: Run) -> None:
    run.read(b"<" + b"a" * 1_000_000)
    loss = run.tally.dead()
    assert loss is not None
    assert isinstance(loss.facts()["example"], str)
    assert len(loss.example) < 300
