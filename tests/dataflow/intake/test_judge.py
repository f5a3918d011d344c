"""The judge of a source partition against rows one by one."""

import pickle
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.errors import ConfigError
from dataflow.intake.judge import Held, Judge, is_future, watermarks_before
from dataflow.messages import DEAD_SCHEMA, NEVER_MS, POLL_SCHEMA, Decoded, Judged, Poll, Refusal
from dataflow.own_columns import WATERMARK
from tests.dataflow.hot_path import DIMENSION, ROWS, Row, batch_of, plan

LOW, HIGH = -(2**63), 2**63 - 1
TIMES = st.integers(-50, 50) | st.integers(LOW, HIGH) | st.sampled_from([LOW, HIGH])


@given(st.lists(TIMES, max_size=20), st.none() | TIMES, st.integers(0, 30) | st.just(HIGH))
def test_the_watermark_is_the_largest_earlier_event_time_minus_the_bound(
    times: list[int], carry: int | None, bound: int
) -> None:
    found, newest = watermarks_before(np.array(times, np.int64), carry, bound)
    largest, expected = carry, []
    for time in times:
        expected.append(NEVER_MS if largest is None else max(largest - bound, NEVER_MS))
        largest = time if largest is None else max(largest, time)
    assert found.tolist() == expected
    assert newest == largest


@given(st.lists(st.tuples(TIMES, st.none() | TIMES)), st.integers(0, 30) | st.just(HIGH))
def test_an_event_is_of_the_future_if_it_is_further_ahead_of_its_record_than_allowed(
    rows: list[tuple[int, int | None]], max_future: int
) -> None:
    event_time = np.array([time for time, _ in rows], np.int64)
    timestamps = pa.array([stamp for _, stamp in rows], pa.int64())
    expected = [stamp is not None and time > stamp + max_future for time, stamp in rows]
    assert is_future(event_time, timestamps, max_future).tolist() == expected


def poll_of(rows: list[Row | None], stamps: list[int | None], start: int) -> tuple[Poll, Decoded]:
    """A poll of these rows (None = a record that the contract refuses), with a hole after every offset."""
    offsets = [2 * (start + i) for i in range(len(rows))]
    values = [None if row is None else str(row["event_time"]).encode() for row in rows]
    records = pa.RecordBatch.from_arrays(
        [pa.array(offsets, pa.int64()), pa.array(stamps, pa.int64()), pa.array(values, pa.binary())],
        schema=POLL_SCHEMA,
    )
    valid = [i for i, row in enumerate(rows) if row is not None]
    dead = [i for i, row in enumerate(rows) if row is None]
    events = batch_of([row for row in rows if row is not None], plan().event.arrow)
    decoded = Decoded(
        events,
        np.array(valid, np.int64),
        np.array(dead, np.int64),
        [Refusal("tombstone", None, "no value")] * len(dead),
    )
    return Poll(records, 2 * start, 2 * (start + len(rows))), decoded


def model(
    rows: list[Row | None], stamps: list[int | None], *, unknown_is_dead: bool
) -> tuple[list[tuple[int, int]], list[tuple[int, str, str | None]], int, int | None]:
    """(offset, watermark) of judged rows; (offset, reason, field) of dead ones; duplicates; largest event time."""
    judged: list[tuple[int, int]] = []
    dead: list[tuple[int, str, str | None]] = []
    duplicates = 0
    largest: int | None = None
    first: dict[str, int] = {}
    for i, (row, stamp) in enumerate(zip(rows, stamps, strict=True)):
        if row is None:
            dead.append((2 * i, "tombstone", None))
        elif unknown_is_dead and row["shop"] not in DIMENSION:
            dead.append((2 * i, "unknown_dimension", "shop"))
        elif stamp is not None and row["event_time"] > stamp + 1000:
            dead.append((2 * i, "future_event", "event_time"))
        else:
            time, identity = row["event_time"], row["event_id"]
            watermark = NEVER_MS if largest is None else max(largest - 10, NEVER_MS)
            largest = time if largest is None else max(largest, time)
            seen = None if identity is None else first.get(identity)
            if seen is not None and not (watermark != NEVER_MS and seen + 60 <= watermark):
                duplicates += 1
                continue
            if identity is not None:
                first[identity] = time
            judged.append((2 * i, watermark))
    return judged, dead, duplicates, largest


STAMPS = st.none() | st.integers(-1000, 50) | st.integers(-1100, -900)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.none() | ROWS, STAMPS), max_size=40),
    st.lists(st.integers(1, 39), max_size=5),
    st.sets(st.integers(0, 5)),
    st.sampled_from(["null", "dead_letter"]),
)
def test_verdicts_do_not_depend_on_polls_or_restarts(
    rows: list[tuple[Row | None, int | None]],
    cuts: list[int],
    restarts: set[int],
    unknown: Literal["null", "dead_letter"],
) -> None:
    # Times grow over the rows, so that remembered ids expire.
    events = [
        None if row is None else {**row, "event_time": row["event_time"] + 4 * i} for i, (row, _) in enumerate(rows)
    ]
    stamps = [stamp for _, stamp in rows]
    edges = sorted({0, len(rows), *(cut for cut in cuts if cut < len(rows))})
    found: list[Judged] = []
    with TemporaryDirectory() as folder:
        judge = Judge(plan(unknown), "t/0", "t", folder=Path(folder))
        for number, (start, end) in enumerate(pairwise(edges)):
            if number in restarts:
                state = pickle.loads(pickle.dumps(judge.snapshot()))
                judge.judge(*poll_of(events[start:end], stamps[start:end], start))
                judge.close()
                judge = Judge(plan(unknown), "t/0", "t", folder=Path(folder), state=state)
            found.append(judge.judge(*poll_of(events[start:end], stamps[start:end], start)))
        newest = judge.max_event_time
        judge.close()
    judged, dead, duplicates, largest = model(events, stamps, unknown_is_dead=unknown == "dead_letter")
    rows_found: list[dict[str, Any]] = [row for each in found if each.rows is not None for row in each.rows.to_pylist()]
    assert [(row["offset"], row[WATERMARK]) for row in rows_found] == judged
    for row in rows_found:
        at = row["offset"] // 2
        assert row["record_timestamp"] == stamps[at]
        assert {name: row[name] for name in plan().event.arrow.names} == events[at]
    letters = [row for each in found if each.dead is not None for row in each.dead.to_pylist()]
    assert [(row["offset"], row["reason"], row["field"]) for row in letters] == dead
    for row in letters:
        event = events[row["offset"] // 2]
        assert row["value"] == (None if event is None else str(event["event_time"]).encode())
        assert (row["topic"], row["partition"], row["record_timestamp"]) == ("t", "t/0", stamps[row["offset"] // 2])
    assert sum(each.duplicate for each in found) == duplicates
    assert sum(each.read for each in found) == len(rows)
    assert newest == largest


def test_dead_letters_of_all_kinds_come_in_offset_order(tmp_path: Path) -> None:
    blank = dict.fromkeys(plan().event.arrow.names)
    rows: list[Row | None] = [
        {**blank, "event_time": 5000, "shop": "a"},
        None,
        {**blank, "event_time": 0, "shop": "nowhere"},
        {**blank, "event_time": 5000, "shop": "nowhere"},
    ]
    judge = Judge(plan("dead_letter"), "file", None, folder=tmp_path)
    judged = judge.judge(*poll_of(rows, [0, 0, 0, 0], 0))
    judge.close()
    assert judged.rows is None
    assert judged.dead is not None
    assert judged.dead.schema == DEAD_SCHEMA
    assert judged.dead.column("reason").to_pylist() == [
        "future_event", "tombstone", "unknown_dimension", "unknown_dimension",
    ]  # fmt: skip
    assert judged.dead.column("topic").null_count == 4
    assert judge.max_event_time is None


def test_ids_taken_over_from_a_lake_are_remembered(tmp_path: Path) -> None:
    judge = Judge(plan(), "t/0", "t", folder=tmp_path)
    judge.max_event_time = 100
    judge.remember(pa.array(["x", None]), np.array([95, 96]))
    blank = dict.fromkeys(plan().event.arrow.names)
    judged = judge.judge(*poll_of([{**blank, "event_id": "x", "event_time": 97}], [None], 0))
    judge.close()
    assert judged.duplicate == 1


def test_removing_duplicates_needs_a_folder() -> None:
    with pytest.raises(ConfigError, match="recovery folder"):
        Judge(plan(), "t/0", "t")


def event(time: int, identity: str | None = None) -> Row:
    return {**dict.fromkeys(plan().event.arrow.names), "event_id": identity, "event_time": time}


def watermarks(judge: Judge, times: list[int], start: int) -> list[int]:
    """Those before each of the rows."""
    poll, _ = poll_of([event(time) for time in times], [None] * len(times), start)
    found = []
    for piece in judge.pieces(poll):
        first = (piece.start - poll.start) // 2
        rows: list[Row | None] = [event(time) for time in times[first : first + piece.records.num_rows]]
        judged = judge.judge(*poll_of(rows, [None] * len(rows), start + first))
        assert judged.rows is not None
        found += judged.rows.column(WATERMARK).to_pylist()
    return found


def test_more_disorder_takes_no_watermark_back_and_less_takes_hold_with_the_next_record(tmp_path: Path) -> None:
    rules = plan().rules._replace(out_of_orderness_ms=2)
    marks = [(0, rules), (4, rules._replace(out_of_orderness_ms=5)), (10, rules._replace(out_of_orderness_ms=1))]
    judge = Judge(plan(), "t/0", "t", folder=tmp_path, held=Held(marks))
    assert watermarks(judge, [0, 10, 11, 13, 14, 12], 0) == [NEVER_MS, -2, 8, 8, 8, 13]
    assert judge.nothing(12).watermark == 13
    judge.close()


def test_a_state_of_an_earlier_version_stands_where_its_rules_had_brought_it(tmp_path: Path) -> None:
    former = plan().rules._replace(out_of_orderness_ms=2)
    later = [(0, former._replace(out_of_orderness_ms=50))]
    judge = Judge(
        plan(), "t/0", "t", folder=tmp_path, state={"max_event_time": 10, "ids": []}, held=Held(later, former)
    )
    assert judge.watermark == 8
    assert watermarks(judge, [20, 70], 5) == [8, 8]
    assert judge.watermark == 20
    judge.close()


def test_a_forgotten_id_stays_forgotten_and_one_that_is_remembered_stays_so_for_the_longer_time(
    tmp_path: Path,
) -> None:
    short = plan().rules._replace(out_of_orderness_ms=0, deduplicate_within_ms=10)
    judge = Judge(plan(), "t/0", "t", folder=tmp_path, held=Held([(0, short)]))
    judge.judge(*poll_of([event(0, "old"), event(15, "young"), event(20)], [None] * 3, 0))
    state = pickle.loads(pickle.dumps(judge.snapshot()))
    judge.close()
    longer = [(0, short), (6, short._replace(deduplicate_within_ms=100))]
    for _ in range(2):
        # killed before the change was durable, it is made again
        judge = Judge(plan(), "t/0", "t", folder=tmp_path, state=state, held=Held(longer))
        judged = judge.judge(*poll_of([event(21, "old"), event(90, "young"), event(21, "old")], [None] * 3, 3))
        assert judged.duplicate == 2
        judge.close()
