"""Where rows of CSV end: newlines that stand in no quoted field, unless its quote is not closed in time."""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

from dataflow.columnar.types import Bools, Int64s
from dataflow.sources.files.line_text import NEWLINE
from dataflow.sources.files.lines import MARK

ROW_BYTES = 1 << 20
"""A row may be so long with the newlines in its quoted fields, or as long as `max_record_bytes` where that is more."""

_QUOTE, _COMMA = 34, 44


def row_ends(data: bytes, longest_bytes: int = ROW_BYTES) -> Int64s:
    """Where rows end in `data`, which begins with one; where more of the file has to be seen, there is no end yet.

    A quote begins a quoted field only where the field begins; anywhere else in a field without quotes it is text. A
    row whose quoted field goes on for more than `longest_bytes` from its beginning ends with its first line, and the
    next line begins another: what is told depends on the file alone, not on how it is cut into `data`.
    """
    found = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(found == NEWLINE)
    quotes = np.flatnonzero(found == _QUOTE)
    if not len(quotes):
        return newlines
    first = len(MARK) if data.startswith(MARK) else 0
    before = found[np.maximum(quotes - 1, 0)]
    begins = (quotes == first) | (before == _COMMA) | (before == NEWLINE)
    bounds = quotes
    if not np.all(begins[::2] | (before[::2] == _QUOTE)):
        bounds = np.array(_bounds(quotes.tolist(), begins.tolist(), is_inside=False), np.int64)
    ends: Int64s = newlines[np.searchsorted(bounds, newlines) % 2 == 0]
    starts = np.concatenate(([0], ends + 1))
    too_long = np.flatnonzero(np.append(ends, len(data)) - starts > longest_bytes)
    if not len(too_long):
        return ends
    good = int(too_long[0])
    lines = newlines[np.searchsorted(newlines, starts[good]) :]
    after = np.searchsorted(quotes, starts[good])
    rest = _Lines(int(starts[good]), lines, quotes[after:], begins[after:])
    return np.concatenate((ends[:good], rest.row_ends(len(data), longest_bytes)))


def _bounds(quotes: Sequence[int], begins: Sequence[bool], *, is_inside: bool) -> list[int]:
    """Of all quotes those that begin and end quoted fields, in turn. `begins`: those that stand where a field does.

    `is_inside`: whether the first of them stands in a quoted field.
    """
    bounds: list[int] = []
    at, count = 0, len(quotes)
    while at < count:
        if (len(bounds) % 2 == 1) == is_inside:
            if begins[at]:
                bounds.append(quotes[at])
        elif at + 1 < count and quotes[at + 1] == quotes[at] + 1:
            at += 1
        else:
            bounds.append(quotes[at])
        at += 1
    return bounds


class _Lines:
    """Whole lines, each with what it does to a quoted field: a line is looked at once, however many rows fail."""

    def __init__(self, start: int, ends: Int64s, quotes: Int64s, begins: Bools) -> None:
        """Lines from byte `start` that end at `ends`, and all quotes behind `start`."""
        self._ends: list[int] = ends.tolist()
        self._starts = [start, *(end + 1 for end in self._ends)]
        self._opening: list[int] = []
        """Lines that leave a quoted field open, where they begin in none."""
        self._closing: list[int] = []
        """Lines that leave none open, where they begin in one."""
        cuts = np.searchsorted(quotes, ends).tolist()
        places, beginning = quotes.tolist(), begins.tolist()
        from_ = 0
        for line, to in enumerate(cuts):
            if to > from_:
                held, begin = places[from_:to], beginning[from_:to]
                if len(_bounds(held, begin, is_inside=False)) % 2 == 1:
                    self._opening.append(line)
                if len(_bounds(held, begin, is_inside=True)) % 2 == 1:
                    self._closing.append(line)
            from_ = to

    def row_ends(self, seen_bytes: int, longest_bytes: int) -> Int64s:
        """Where rows end, of a file that was seen up to `seen_bytes`."""
        ends: list[int] = []
        line, count = 0, len(self._ends)
        while line < count:
            opening = _next(self._opening, line, count)
            ends += self._ends[line:opening]
            if opening == count:
                break
            closing = _next(self._closing, opening + 1, count)
            limit = self._starts[opening] + longest_bytes
            if closing < count and self._ends[closing] <= limit:
                ends.append(self._ends[closing])
                line = closing + 1
            elif seen_bytes > limit:
                ends.append(self._ends[opening])
                line = opening + 1
            else:
                break
        return np.array(ends, np.int64)


def _next(lines: Sequence[int], at: int, count: int) -> int:
    found = bisect_left(lines, at)
    return lines[found] if found < len(lines) else count
