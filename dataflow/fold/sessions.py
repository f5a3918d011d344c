"""Partial sessions: rows or intervals of a key without a pause longer than the gap become one (semantics rule 7)."""

import numpy as np
import numpy.typing as npt

from dataflow.columnar.groups import Groups, order_by_group
from dataflow.columnar.types import Int64s, Positions


def session_groups(keys: Groups, time: Int64s, gap_ms: int) -> tuple[Groups, Int64s]:
    """Sessions of rows: groups whose `sample` is their first row in time, and the last time of each.

    A row exactly `gap_ms` after the one before still joins. There is at least one row.
    """
    by_time = np.argsort(time, kind="stable")
    order = by_time[order_by_group(keys.of_row[by_time], keys.count)]
    key, at = keys.of_row[order], time[order]
    begins = np.empty(len(order), np.bool_)
    begins[:1] = True
    # Ascending times: the difference as unsigned number is right even where int64 would overflow.
    pause = (at[1:] - at[:-1]).view(np.uint64)
    begins[1:] = (key[1:] != key[:-1]) | (pause > np.uint64(min(gap_ms, 2**64 - 1)))
    starts = np.flatnonzero(begins)
    of_row = np.empty(len(order), np.intp)
    of_row[order] = np.cumsum(begins) - 1
    last = np.append(starts[1:], len(order)) - 1
    return Groups(of_row, order[starts], last - starts + 1), at[last]


def merged_intervals(key: Positions, start: Int64s, end: Int64s) -> npt.NDArray[np.bool_]:
    """Where a new session begins, of intervals in the order of their keys and starts.

    Intervals of one key that overlap or touch are one session.
    """
    rows = len(key)
    begins = np.ones(rows, np.bool_)
    if rows < 2:
        return begins
    # An interval begins a session if it starts after the furthest end of its key so far, and that need not be the end
    # of the one before it: [1, 9) [2, 4) [6, 8) is one session. The furthest end is a running maximum that starts anew
    # with each key, without a loop over keys: ends are replaced by their ranks 0 .. rows - 1, and each key's ranks are
    # lifted above all those of the keys before it. One running maximum over it all never looks back past a key's first
    # row, and its remainder by `rows` is a rank of this key again. With 4 rows of the keys a and b:
    #
    #     key                     a  a  b  b
    #     [start, end)         1, 9  2, 4  0, 3  5, 7
    #     rank of the end         3  1  0  2          ends ascending: 3, 4, 7, 9
    #     number * rows + rank    3  1  4  6
    #     running maximum         3  3  4  6          without lifting, a's 3 would go on: 3 3 3 3
    #     % rows                  3  3  0  2
    #     furthest end            9  9  3  7
    #     begins                  T  F  T  T          2 <= 9: still a's session; 5 > 3: b's second one
    by_end = np.argsort(end, kind="stable")
    rank = np.empty(rows, np.int64)
    rank[by_end] = np.arange(rows)
    number = np.concatenate(([0], np.cumsum(key[1:] != key[:-1])))
    furthest = end[by_end[np.maximum.accumulate(number * rows + rank) % rows]]
    begins[1:] = (number[1:] != number[:-1]) | (start[1:] > furthest[:-1])
    return begins
