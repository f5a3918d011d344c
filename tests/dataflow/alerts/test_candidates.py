"""Events in memory are found by key and stretch of time, forgotten, and due in the order of their times."""

from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest

from dataflow.alerts import candidates
from dataflow.alerts.candidates import TIME, WHOLE_ROWS, Candidates, Waiting, later

SCHEMA = pa.schema([pa.field("user", pa.string()), pa.field(TIME, pa.int64())])


def rows(*made: tuple[str, int]) -> pa.Table:
    return pa.table({"user": [user for user, _ in made], TIME: [time for _, time in made]}, schema=SCHEMA)


@pytest.fixture
def held() -> Candidates:
    return Candidates(SCHEMA, ["user"], 10)


def test_what_is_near_by_time_and_key_is_found_and_little_else(held: Candidates) -> None:
    assert held.add(rows(("u", -1), ("u", 5), ("v", 5), ("u", 25))).tolist() == [0, 1, 2, 3]
    assert held.near(rows(("u", 9))).tolist() == [0, 1]
    assert held.near(rows(("u", 19), ("v", 0))).tolist() == [1, 2, 3]
    assert held.near(rows(("w", 5))).tolist() == []
    assert held.near(rows()).tolist() == []


def test_rows_are_found_in_every_part_of_the_memory(held: Candidates) -> None:
    times = np.arange(WHOLE_ROWS + 50) * 10
    many = pa.table({"user": pa.repeat(pa.scalar("u"), len(times)), TIME: times}, schema=SCHEMA)
    held.add(many)
    held.add(rows(("u", 15), ("u", 25)))
    assert held.near(rows(("u", 20))).tolist() == [1, 2, 3, len(times), len(times) + 1]
    assert held.take(np.array([1, len(times)])).column(TIME).to_pylist() == [10, 15]
    assert held.times.tolist() == [*times.tolist(), 15, 25]


def test_what_is_forgotten_is_not_found_and_what_stays_keeps_what_was_told(held: Candidates) -> None:
    held.add(rows(("u", 1), ("v", 2)))
    held.add(rows(("u", 3), ("v", 4)))
    held.told[:] = [1, 2, 3, 4]
    assert held.clean(np.array([False, True, True, False])).tolist() == [-1, 0, 1, -1]
    assert held.rows == 2
    assert held.told.tolist() == [2, 3]
    assert held.near(rows(("u", 0), ("v", 0))).tolist() == [0, 1]
    assert held.add(rows(("u", 9))).tolist() == [2]
    assert held.told.tolist() == [2, 3, 0]
    assert held.take(np.array([0, 1, 2])).column("user").to_pylist() == ["v", "u", "u"]


def test_times_do_not_go_beyond_int64() -> None:
    ends = np.array([-(2**63), 0, 2**63 - 1], np.int64)
    assert later(ends, 5).tolist() == [-(2**63) + 5, 5, 2**63 - 1]
    assert later(ends, -5).tolist() == [-(2**63), -5, 2**63 - 6]
    assert later(ends, 0).tolist() == ends.tolist()


def test_rows_are_due_once_each_by_their_times() -> None:
    waiting = Waiting()
    for first in range(0, 60, 6):
        at = np.arange(first, first + 6)
        waiting.add(100 - at, at)
    assert waiting.earliest_ms == 41
    assert waiting.take(40).tolist() == []
    assert waiting.take(43).tolist() == [57, 58, 59]
    waiting.renumber(np.where(np.arange(60) % 2 == 0, np.arange(60) // 2, -1))
    assert waiting.take(50).tolist() == [25, 26, 27, 28]
    assert len(waiting.take(10**30)) == 25
    assert waiting.earliest_ms is None


def test_no_part_grows_without_end_and_there_are_few(held: Candidates) -> None:
    with patch.object(candidates, "WHOLE_ROWS", 10):
        for time in range(200):
            held.add(rows(("u", time)))
            if time == 100:
                held.clean(np.arange(101) % 3 > 0)
        sizes = [len(chunk) for chunk in held._chunks]
    assert sum(sizes) == held.rows == 67 + 99
    assert max(sizes) <= 4 * 10
    assert len(sizes) < 30
    assert held.times.tolist() == [time for time in range(101) if time % 3] + list(range(101, 200))
    assert held.near(rows(("u", 95))).tolist() == sorted(np.flatnonzero(np.abs(held.times // 10 - 9) <= 1).tolist())
