"""Which event an event is paired with: the latest of the other side that is near enough, column by column."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from dataflow.alerts.candidates import PARTITION, SIDE, TIME, each_once, later
from dataflow.columnar.codes import encode
from dataflow.columnar.groups import Digits, group
from dataflow.columnar.types import Bools, Int64s, Positions
from dataflow.own_columns import EVENT_PLACE
from dataflow.pipeline.pair_plan import PairPlan

PAIRS = 1 << 20
"""So many pairs are looked at together, unless there are more events to be paired."""

NONE = -1
"""Stands where there is no position."""

BIT = {"first": 1, "then": 2}
"""By side its bit in column SIDE."""

_OFFSET = EVENT_PLACE[1].name

_Fits = Callable[[Positions, Positions], Bools]


class Neighbours:
    """Some events of a rule, among them all that one of those asked for may be paired with. Known by positions."""

    def __init__(self, rule: PairPlan, rows: pa.Table, ranks: Int64s) -> None:
        """`rows` have the columns of the memory; `ranks` gives the order of source partitions by their numbers."""
        self.rows = rows
        self.count: int = rows.num_rows
        self.times: Int64s = rows.column(TIME).to_numpy()
        self._rule = rule
        self._side = rows.column(SIDE).to_numpy()
        codes = [encode(rows.column(key.name).combine_chunks()) for key in rule.keys]
        # by value, so that keys of one code are told apart
        self._group = group([Digits(each.of_row, len(each.values)) for each in codes], self.count).of_row
        self._place = (rows.column(_OFFSET).to_numpy(), ranks[rows.column(PARTITION).to_numpy()])
        self._asked: dict[str, pa.Array] = {}

    def of(self, side: str) -> Bools:
        """Which events are of a side."""
        answer: Bools = (self._side & BIT[side]) > 0
        return answer

    def firsts_of(self, thens: Positions, firsts: Positions) -> Positions:
        """Of each `then` the position of the latest of `firsts`, by time and then by place, or NONE.

        One of the same key less than the rule's time before it, that is another event, for which `having` is true.
        """
        ordered, low, high = self._reach(thens, firsts, 1 - self._rule.within_ms, 0)
        return _latest(thens, ordered, low, high, None if self._rule.having is None else self._holds)

    def is_met(self, side: str, events: Positions, others: Bools | None = None) -> Bools:
        """Whether each of these events of a side has one of the other, among `others` where they are given."""
        other = "then" if side == "first" else "first"
        at = np.flatnonzero(self.of(other) if others is None else self.of(other) & others)
        if side == "then":
            return np.asarray(self.firsts_of(events, at) != NONE)
        ordered, low, high = self._reach(events, at, 0, self._rule.within_ms - 1)
        fits = None if self._rule.having is None else lambda then, first: self._holds(first, then)
        return np.asarray(_latest(events, ordered, low, high, fits) != NONE)

    def _reach(
        self, of: Positions, others: Positions, before_ms: int, after_ms: int
    ) -> tuple[Positions, Positions, Positions]:
        """The others by key, time and place, and which of them, [low, high), each event reaches."""
        order = np.lexsort((*(part[others] for part in self._place), self.times[others], self._group[others]))
        ordered = others[order]
        times = each_once(self.times[ordered])
        size = len(times) + 1
        code = self._group[ordered] * size + np.searchsorted(times, self.times[ordered])
        start, time = self._group[of] * size, self.times[of]
        low = np.searchsorted(code, start + np.searchsorted(times, later(time, before_ms), "left"))
        high = np.searchsorted(code, start + np.searchsorted(times, later(time, after_ms), "right"))
        return ordered, low, high

    def _holds(self, first: Positions, then: Positions) -> Bools:
        """Whether `having` is true of each pair; unknown is not."""
        having = self._rule.having
        assert having is not None
        if len(first) == 0:
            return np.empty(0, np.bool_)
        at = {"first": pa.array(first), "then": pa.array(then)}
        pairs = {name: self._column(name).take(at[name.partition(".")[0]]) for name in having.columns}
        # a condition may name no column
        pairs = pairs or {"": at["first"]}
        answer: Bools = having.evaluate(pairs).fill_null(False).to_numpy(zero_copy_only=False)
        return answer

    def _column(self, name: str) -> pa.Array:
        if name not in self._asked:
            column = name.partition(".")[2]
            self._asked[name] = self.rows.column(TIME if column == self._rule.time else column).combine_chunks()
        return self._asked[name]


def _latest(of: Positions, ordered: Positions, low: Positions, high: Positions, holds: _Fits | None) -> Positions:
    """Of each event the last one in its range that is not itself, and for which, before it, the condition holds."""
    found = np.full(len(of), NONE, np.intp)
    at, step = high.copy(), 1
    live = np.flatnonzero(high > low)
    while len(live):
        count = np.minimum(at[live] - low[live], step)
        # of each, from its last one down
        which = np.repeat(live, count)
        back = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
        other = ordered[at[which] - 1 - back]
        fits = other != of[which]
        if holds is not None:
            asked = np.flatnonzero(fits)
            fits[asked] = holds(other[asked], of[which[asked]])
        hit = np.flatnonzero(fits)
        first = hit[np.unique(which[hit], return_index=True)[1]]
        found[which[first]] = other[first]
        at[live] -= count
        live = live[(found[live] == NONE) & (at[live] > low[live])]
        step = max(1, min(2 * step, PAIRS // max(1, len(live))))
    return found
