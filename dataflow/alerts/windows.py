"""Windows by their borders, and which rows lie in some of them."""

from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa

from dataflow.columnar.types import Bools, Int64s
from dataflow.own_columns import WINDOW

Span = tuple[int, int]
"""A window: its start and end in ms."""

START, END = (field.name for field in WINDOW)


def times_ms(rows: pa.Table, name: str) -> Int64s:
    """A column of times (TIMESTAMP of ms) as milliseconds."""
    return rows.column(name).combine_chunks().view(pa.int64()).to_numpy()


def windows_of(rows: pa.Table) -> set[Span]:
    """The windows of some rows."""
    start, end = times_ms(rows, START), times_ms(rows, END)
    # rows that come sorted have few that differ from the one before
    first = np.ones(len(start), np.bool_)
    first[1:] = (start[1:] != start[:-1]) | (end[1:] != end[:-1])
    return set(zip(start[first].tolist(), end[first].tolist(), strict=True))


def in_windows(rows: pa.Table, windows: Collection[Span]) -> Bools:
    """Which of the rows lie in one of these windows."""
    start, end = times_ms(rows, START), times_ms(rows, END)
    wanted = np.array(sorted(windows), np.int64).reshape(-1, 2)
    starts, ends = np.unique(wanted[:, 0]), np.unique(wanted[:, 1])
    found: Bools = np.isin(start, starts) & np.isin(end, ends)
    at = np.flatnonzero(found)
    # windows of one start may differ in their ends, so that pairs are compared
    pairs = np.searchsorted(starts, wanted[:, 0]) * len(ends) + np.searchsorted(ends, wanted[:, 1])
    own = np.searchsorted(starts, start[at]) * len(ends) + np.searchsorted(ends, end[at])
    found[at] = np.isin(own, pairs)
    return found


def begins_in(rows: pa.Table, spans: Sequence[Span]) -> Bools:
    """Which of the rows have windows that begin in [start, end) of one of these spans, which ascend and lie apart."""
    start = times_ms(rows, START)
    firsts = np.array([first for first, _ in spans], np.int64)
    ends = np.array([end for _, end in spans], np.int64)
    of = np.searchsorted(firsts, start, "right") - 1
    found: Bools = (of >= 0) & (start < ends[of])
    return found
