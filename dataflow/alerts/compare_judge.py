"""One alert rule that compares windows with earlier ones: judged once a window is over, and anew where it changes."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Context, Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from dataflow.alerts.closed import ClosedStore
from dataflow.alerts.extended import filled, with_counts
from dataflow.alerts.grouped import numbered
from dataflow.alerts.judge import Stored
from dataflow.alerts.telling import CHANGE, Told, newest_changes, told_changes
from dataflow.alerts.values import value_of, values_of
from dataflow.alerts.windows import END, START, Span, in_windows, times_ms, windows_of
from dataflow.columnar.numbers import constant, from_arrow
from dataflow.columnar.types import Bools, Int64s, Values
from dataflow.fold.merge import merge_rows
from dataflow.messages import NEVER_MS
from dataflow.own_columns import TIMESTAMP
from dataflow.pipeline.alert_plan import AlertPlan
from dataflow.pipeline.comparison import BEFORE, SAMPLE, Comparison
from dataflow.pipeline.tables import ALERT_SCHEMA, rollup_tables
from dataflow.windows import Window
from dataflow.windows.kinds import kind_of

MOST_WINDOWS = 1_000
"""So many windows that are over at once are named one by one; of more, all that is stored of their time is read."""

_DIGITS = Decimal("0.000001")
_EXACT = Context(prec=80)
_INT64_BOUND = 2**62


class CompareJudge:
    """Which alerts of a rule that compares stand; `dataflow.alerts.closed.ClosedJudge`.

    It holds nothing: what it compares is read from the store when a window is over. A row of a window that was over has
    that window judged anew, and those that are compared with it.
    """

    rows = size_bytes = 0

    def __init__(self, rule: AlertPlan, store: ClosedStore, judged_ms: int) -> None:
        assert rule.comparison is not None, "a rule that compares says what"
        self.rule = rule
        self.judged_ms = judged_ms
        self._comparison: Comparison = rule.comparison
        self._store = store
        self._delta, *self._sides = rollup_tables(rule.rollup)
        self._keys = tuple(key.name for key in rule.rollup.keys)
        self._counted = [each.name for each in rule.rollup.aggregates if each.keeps_values]
        self._spec = with_counts(self._delta, self._counted)

    def forget_all(self) -> None:
        """It holds nothing."""

    def changes(self, rows: Mapping[str, pa.Table], *, end_ms: int, over_ms: int) -> pa.Table:
        """As `ClosedJudge` says. A window that is compared with one that has left is not judged either."""
        new = Stored(
            rows.get(self._delta.name, self._delta.schema.empty_table()),
            {side.name: rows.get(side.name, side.schema.empty_table()) for side in self._sides},
            ALERT_SCHEMA.empty_table(),
        )
        touched = set().union(windows_of(new.delta), *map(windows_of, new.sides.values()))
        backs, before_ms = self._comparison.back_ms, self.judged_ms
        self.judged_ms = max(end_ms, before_ms)
        windows = {window for window in _with_later(touched, backs) if window[1] <= before_ms}
        if end_ms > before_ms:
            windows |= self._ended(before_ms, end_ms, touched)
        windows = {window for window in windows if window[1] - self._comparison.reach_ms > over_ms}
        if not windows:
            return ALERT_SCHEMA.empty_table()
        needed = windows | {(start - back, end - back) for start, end in windows for back in backs}
        stored = self._store.read(needed)
        merged = self._merged([stored, _inside(new, needed)])
        changes = stored.changes.filter(pa.array(in_windows(stored.changes, windows)))
        return self._judged(windows, merged, newest_changes(self.rule, changes))

    def _ended(self, after_ms: int, by_ms: int, touched: set[Span]) -> set[Span]:
        """The windows that end in that time and have rows, or are compared with one that has."""
        window = self.rule.rollup.window
        if after_ms > NEVER_MS and (by_ms - after_ms) // window.slide_ms <= MOST_WINDOWS:
            return set(grid(window, after_ms, by_ms))
        since_ms = max(after_ms - self._comparison.reach_ms, NEVER_MS)
        stored = self._store.ending(since_ms)
        there = touched.union(windows_of(stored.delta))
        return {each for each in _with_later(there, self._comparison.back_ms) if after_ms < each[1] <= by_ms}

    def _merged(self, parts: Sequence[Stored]) -> pa.Table:
        """One row per key and window that has a counted row, with exact distinct counts."""
        rows = [_filled_of(self._spec, part.delta, self._delta.schema.names) for part in parts]
        for name, side in zip(self._counted, self._sides, strict=True):
            values = merge_rows(side, pa.concat_tables([part.sides[side.name] for part in parts]))
            ones = values.append_column(name, pa.array(np.ones(values.num_rows, np.int64)))
            rows.append(_filled_of(self._spec, ones, [*self._spec.keys, name]))
        merged = merge_rows(self._spec, pa.concat_tables(rows))
        return merged.filter(pa.array(merged.column("row_count").to_numpy() > 0))

    def _judged(self, windows: set[Span], merged: pa.Table, known: pa.Table) -> pa.Table:
        """The changes of alerts of these windows; `merged`: rows of them and of what they are compared with."""
        backs = self._comparison.back_ms
        places = [(merged, 0), *((merged, back) for back in backs), (known, 0)]
        heads = [_head(rows, self._keys, back) for rows, back in places]
        every = pa.concat_tables(heads)
        asked = in_windows(every, windows)
        group = numbered(every, (*self._keys, START, END))
        _, group[asked] = np.unique(group[asked], return_inverse=True)
        count = int(group[asked].max()) + 1 if asked.any() else 0
        ends = np.cumsum([head.num_rows for head in heads])
        parts = [slice(int(end) - head.num_rows, int(end)) for head, end in zip(heads, ends, strict=True)]
        sums = _Sums(self._comparison, merged, count)
        for number, part in enumerate(parts[:-1]):
            sums.add(group[part], asked[part], is_before=number > 0)
        change = np.zeros(count, np.int64)
        of_known, is_asked = group[parts[-1]], asked[parts[-1]]
        change[of_known[is_asked]] = known.column(CHANGE).to_numpy()[is_asked]
        changed = np.flatnonzero(sums.stands() != (change % 2 == 1))
        if len(changed) == 0:
            return ALERT_SCHEMA.empty_table()
        sample = np.zeros(count, np.int64)
        sample[group[asked]] = np.flatnonzero(asked)
        head = every.take(pa.array(sample[changed]))
        row = np.full(count, -1, np.int64)
        row[group[parts[0]][asked[parts[0]]]] = np.flatnonzero(asked[parts[0]])
        values = self._values(merged, head, row[changed])
        lines = [
            Told(int(change[each]) + 1, start, end, {**value, **sums.told(each)})
            for each, start, end, value in zip(
                changed.tolist(), times_ms(head, START).tolist(), times_ms(head, END).tolist(), values, strict=True
            )
        ]
        return told_changes(self.rule, lines)

    def _values(self, merged: pa.Table, head: pa.Table, row: Int64s) -> list[dict[str, Any]]:
        """Keys and aggregates of these windows, `row` being their rows, -1 where there is none."""
        places = pa.array(row, mask=row < 0)
        found = {name: each.take(places).to_pylist() for name, each in values_of(self.rule, merged).items()}
        found.update((name, head.column(name).to_pylist()) for name in self._keys)
        zero = {each.name for each in self.rule.judged if each.kind.counts}
        return [
            {name: 0 if each[at] is None and name in zero else each[at] for name, each in found.items()}
            for at in range(len(row))
        ]


class _Sums:
    """What is compared, per key and window, in whole units; of doubles, doubles in the order of windows."""

    def __init__(self, comparison: Comparison, merged: pa.Table, count: int) -> None:
        self._comparison = comparison
        numbers = from_arrow(value_of(comparison.value, merged))
        self._scale = numbers.scale
        there = np.ones(merged.num_rows, np.bool_) if numbers.valid is None else numbers.valid
        self._values, self._there = numbers.values, there
        self._rows = merged.column("row_count").to_numpy()
        wide = self._is_wide(numbers.values)
        kind = object if wide else numbers.values.dtype
        self._factors = [_fraction(each, is_double=self._scale is None) for each in self._asked()]
        self._now, self._before = (np.zeros(count, kind) for _ in range(2))
        self._has_now, self._n_before = np.zeros(count, np.bool_), np.zeros(count, np.int64)
        self._sample = np.zeros(count, np.int64)

    def add(self, group: Int64s, asked: Bools, *, is_before: bool) -> None:
        """Rows of the merged ones that are of these groups, as values of windows or of those before."""
        rows, known = np.flatnonzero(asked), asked & self._there
        target = self._before if is_before else self._now
        # a group has one row of a window
        target[group[known]] += self._values[known].astype(target.dtype)
        if is_before:
            self._n_before[group[known]] += 1
            self._sample[group[rows]] += self._rows[rows]
        else:
            self._has_now[group[known]] = True

    def stands(self) -> Bools:
        """Where an alert stands."""
        rule = self._comparison
        over = self._over()
        comparable = np.ones(len(over), np.bool_) if rule.is_counting else self._has_now & (self._n_before > 0)
        true = np.zeros(len(over), np.bool_)
        now = self._now * over
        for which, (units, parts) in zip(self._which(), self._factors, strict=True):
            left, right = now * parts, self._before * units
            true |= np.asarray(left < right if which == "below" else left > right, np.bool_)
        answer: Bools = true & comparable & (self._sample >= rule.at_least * len(rule.back_ms))
        return answer

    def told(self, at: int) -> dict[str, Any]:
        """What a window is compared with, and how many events that was, a window."""
        over = int(self._over()[at])
        before: Any = None
        if over and self._scale is None:
            before = float(self._before[at]) / over
        elif over:
            before = _share(int(self._before[at]), over * 10 ** (self._scale or 0))
        return {BEFORE: before, SAMPLE: _share(int(self._sample[at]), len(self._comparison.back_ms))}

    def _over(self) -> Values:
        """Over how many windows the sum goes: of counts and sums all, also those without a row."""
        windows = len(self._comparison.back_ms)
        found = np.full(len(self._n_before), windows) if self._comparison.is_counting else self._n_before
        return found.astype(self._now.dtype)

    def _is_wide(self, values: Values) -> bool:
        """Whether sums and products with the factors may not fit in 64 bits."""
        if self._scale is None or values.dtype == object:
            return self._scale is not None
        most = max(abs(int(values.min())), abs(int(values.max()))) if len(values) else 0
        factors = [_fraction(each, is_double=False) for each in self._asked()]
        largest = max(max(units, parts) for units, parts in factors)
        return bool(most * (len(self._comparison.back_ms) + 1) * largest >= _INT64_BOUND)

    def _asked(self) -> list[Decimal]:
        both = (self._comparison.drops_below, self._comparison.rises_above)
        return [each for each in both if each is not None]

    def _which(self) -> Iterable[str]:
        both = (("below", self._comparison.drops_below), ("above", self._comparison.rises_above))
        return [name for name, each in both if each is not None]


def grid(window: Window, after_ms: int, by_ms: int) -> Iterable[Span]:
    """Every window that ends after the one time and by the other, whether it has rows or not."""
    size, slide = window.size_ms, window.slide_ms
    if kind_of(window).anchored:
        # ends are a step apart, and one of them is where the next base begins
        first = (after_ms - window.offset_ms) // slide * slide + slide + window.offset_ms
        for end in range(first, by_ms + 1, slide):
            yield (end - 1 - window.offset_ms) // size * size + window.offset_ms, end
        return
    first = (after_ms - size - window.offset_ms) // slide * slide + slide + window.offset_ms
    for start in range(first, by_ms - size + 1, slide):
        yield start, start + size


def _with_later(windows: Iterable[Span], backs: Sequence[int]) -> set[Span]:
    """These windows, and those that are compared with them."""
    return {(start + back, end + back) for start, end in windows for back in (0, *backs)}


def _inside(new: Stored, windows: set[Span]) -> Stored:
    def kept(rows: pa.Table) -> pa.Table:
        return rows.filter(pa.array(in_windows(rows, windows)))

    return Stored(kept(new.delta), {name: kept(side) for name, side in new.sides.items()}, new.changes)


def _filled_of(spec: Any, rows: pa.Table, names: Iterable[str]) -> pa.Table:
    return filled(spec, {name: rows.column(name) for name in names}, rows.num_rows)


def _head(rows: pa.Table, keys: tuple[str, ...], back_ms: int) -> pa.Table:
    """Keys and windows, so much later."""
    moved = {name: pa.array(times_ms(rows, name) + back_ms).cast(TIMESTAMP) for name in (START, END)}
    return pa.table({**{name: rows.column(name) for name in keys}, **moved})


def _share(units: int, over: int) -> Decimal:
    """To six decimals, the nearest."""
    return _EXACT.quantize(_EXACT.divide(Decimal(units), Decimal(over)), _DIGITS)


def _fraction(factor: Decimal, *, is_double: bool) -> tuple[Any, Any]:
    """The factor as units over parts."""
    if is_double:
        return float(factor), 1.0
    numbers = constant(factor)
    return int(numbers.values), 10 ** (numbers.scale or 0)
