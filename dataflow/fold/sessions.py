"""Partial sessions: rows or intervals of a key without a pause longer than the gap become one."""

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
    return Groups(of_row, order[starts]), at[last]


def merged_intervals(key: Positions, start: Int64s, end: Int64s) -> npt.NDArray[np.bool_]:
    """Where a new session begins, of intervals in the order of their keys and starts.

    Intervals of one key that overlap or touch are one session.
    """
    rows = len(key)
    begins = np.ones(rows, np.bool_)
    if rows < 2:
        return begins
    # The running maximum of `end` within each key: ranks of ends, lifted above all ranks of earlier keys.
    by_end = np.argsort(end, kind="stable")
    rank = np.empty(rows, np.int64)
    rank[by_end] = np.arange(rows)
    number = np.concatenate(([0], np.cumsum(key[1:] != key[:-1])))
    furthest = end[by_end[np.maximum.accumulate(number * rows + rank) % rows]]
    begins[1:] = (number[1:] != number[:-1]) | (start[1:] > furthest[:-1])
    return begins
