"""Partial sessions against a session built row by row."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.columnar.groups import Groups
from dataflow.fold.sessions import merged_intervals, session_groups

GAP = 10


def keyed(keys: list[int]) -> Groups:
    count = max(keys, default=-1) + 1
    numbers = np.array(keys, np.intp)
    sample = np.array([keys.index(key) for key in range(count)], np.intp)
    return Groups(numbers, sample, np.bincount(numbers, minlength=count))


def sessions(keys: list[int], times: list[int], gap_ms: int = GAP) -> list[tuple[list[int], int, int]]:
    """(rows, first row, last time) of each."""
    groups, last = session_groups(keyed(keys), np.array(times, np.int64), gap_ms)
    return [
        (np.flatnonzero(groups.of_row == number).tolist(), int(groups.sample[number]), int(last[number]))
        for number in range(groups.count)
    ]


def test_a_row_exactly_the_gap_later_still_joins_and_one_more_does_not() -> None:
    assert sessions([0, 0, 0], [0, GAP, 2 * GAP + 1]) == [([0, 1], 0, GAP), ([2], 2, 2 * GAP + 1)]


def test_keys_are_apart_and_rows_may_come_in_any_order() -> None:
    assert sessions([0, 1, 0, 1], [50, 5, 45, 0]) == [([0, 2], 2, 50), ([1, 3], 3, 5)]


def test_times_at_both_ends_of_int64_are_two_sessions() -> None:
    low, high = -(2**63), 2**63 - 1
    assert len(sessions([0, 0], [low, high])) == 2
    assert len(sessions([0, 0], [low, high], gap_ms=2**64)) == 1


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(-50, 50)), min_size=1, max_size=25))
def test_sessions_are_those_of_the_sorted_rows_of_each_key(rows: list[tuple[int, int]]) -> None:
    numbers = {key: number for number, key in enumerate(dict.fromkeys(key for key, _ in rows))}
    found = sessions([numbers[key] for key, _ in rows], [time for _, time in rows])
    assert sorted(row for members, _, _ in found for row in members) == list(range(len(rows)))
    for members, first, last in found:
        times = sorted(rows[row][1] for row in members)
        assert len({rows[row][0] for row in members}) == 1
        assert (rows[first][1], last) == (times[0], times[-1])
        assert all(b - a <= GAP for a, b in pairwise(times))
    ends = sorted((rows[first][0], rows[first][1], last) for _, first, last in found)
    assert all(a[0] != b[0] or b[1] - a[2] > GAP for a, b in pairwise(ends))


@pytest.mark.parametrize(
    ("intervals", "begins"),
    [
        ([], []),
        ([(0, 0, 5)], [True]),
        ([(0, 0, 5), (0, 5, 9)], [True, False]),
        ([(0, 0, 5), (0, 6, 9)], [True, True]),
        ([(0, 0, 100), (0, 1, 2), (0, 50, 60), (0, 101, 102)], [True, False, False, True]),
        ([(0, 0, 100), (1, 1, 2), (1, 50, 60)], [True, True, True]),
    ],
    ids=["none", "one", "touch", "apart", "one_holds_the_others", "another_key"],
)
def test_intervals_that_overlap_or_touch_are_one_session(
    intervals: list[tuple[int, int, int]], begins: list[bool]
) -> None:
    key, start, end = (np.array([each[at] for each in intervals], np.int64) for at in range(3))
    assert merged_intervals(key.astype(np.intp), start, end).tolist() == begins
