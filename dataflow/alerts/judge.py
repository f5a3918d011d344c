"""One alert rule over the merged rows of each commit: for which keys and windows `having` has turned true or untrue."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from dataflow.alerts.extended import filled, with_counts
from dataflow.alerts.telling import CHANGE, Told, newest_changes, told_changes
from dataflow.alerts.totals import Joined, Totals
from dataflow.alerts.values import values_of
from dataflow.alerts.windows import END, START, Span, times_ms, windows_of
from dataflow.columnar.types import Bools
from dataflow.fold.merge import merge_rows
from dataflow.pipeline.alert_plan import AlertPlan
from dataflow.pipeline.tables import ALERT_SCHEMA, rollup_tables

MOST_ROWS = 2_000_000
"""So many keys and windows, and distinct values of them, a rule holds in memory; of more, the lake is read again."""

_SEEN = "_seen"


@dataclass(frozen=True, slots=True)
class Stored:
    """All that is stored of some windows: delta rows, rows of side tables by table, and changes of the rule's alerts.

    Each in the table's own schema, rows of equal keys not merged.
    """

    delta: pa.Table
    sides: Mapping[str, pa.Table]
    changes: pa.Table


class Store(Protocol):
    """Where rows of windows are read back that are not in memory."""

    def read(self, windows: set[Span]) -> Stored:
        """All that is stored of these windows; what is being judged now is not."""
        ...


class RuleJudge:
    """Which alerts of one rule stand, as a function of all rows of its rollup so far.

    In memory are the merged rows of the windows that had rows lately; those of another window are read from the store
    when it has one again. So the memory may be forgotten at any time, and after a restart there is none.
    """

    def __init__(self, rule: AlertPlan, store: Store) -> None:
        self.rule = rule
        self._store = store
        self.delta, *self.sides = rollup_tables(rule.rollup)
        self._counted = [each.name for each in rule.rollup.aggregates if each.keeps_values]
        self._spec = with_counts(self.delta, [*self._counted, CHANGE])
        self._touched: dict[Span, int] = {}
        self._commits = 0
        self.forget_all()

    @property
    def rows(self) -> int:
        """How many keys and windows are in memory, and distinct values of them."""
        return self._totals.rows + sum(values.rows for values in self._values.values())

    @property
    def size_bytes(self) -> int:
        """Memory of these, and of rows that wait to be cleaned away."""
        return self._totals.size_bytes + sum(values.size_bytes for values in self._values.values())

    def changes(self, delta: pa.Table, sides: Mapping[str, pa.Table], *, over_ms: int) -> pa.Table:
        """The changes of alerts, in ALERT_SCHEMA, that these merged rows of a commit make.

        `delta` has rows of the rollup's table, `sides` of its side tables, which may come in a commit of their own.
        Windows that ended by `over_ms` have left and are not judged.
        """
        parts = {name: _after(rows, over_ms) for name, rows in {self.delta.name: delta, **sides}.items()}
        touched = set().union(*map(windows_of, parts.values()))
        if not touched:
            return ALERT_SCHEMA.empty_table()
        self._recall(touched - self._touched.keys())
        self._commits += 1
        self._touched.update(dict.fromkeys(touched, self._commits))
        rows = [self._extended(parts[self.delta.name])]
        for name, side in zip(self._counted, self.sides, strict=True):
            if side.name in parts:
                rows.append(self._first_seen(name, side.name, parts[side.name]))
        joined = self._totals.joined(rows[0] if len(rows) == 1 else merge_rows(self._spec, pa.concat_tables(rows)))
        values = values_of(self.rule, joined.rows)
        stands = self._stands(joined.rows, values)
        number = joined.rows.column(CHANGE).to_numpy().copy()
        at = np.flatnonzero(stands != (number % 2 == 1))
        number[at] += 1
        joined = joined.with_column(CHANGE, number)
        self._totals.replace(joined)
        changed = pa.array(at)
        return self._told(joined.rows.take(changed), {name: each.take(changed) for name, each in values.items()})

    def forget(self, over_ms: int) -> None:
        """Windows that end by `over_ms` need not be in memory any more; they leave when it is worth it.

        Where more than MOST_ROWS are left, so does the half of the windows that had no row for longest.
        """
        held = [self._totals, *self._values.values()]
        if not any(each.is_full for each in held):
            return
        kept = [window for window in self._touched if window[1] > over_ms]
        if self.rows > MOST_ROWS:
            kept.sort(key=self._touched.__getitem__, reverse=True)
            kept = [each for at, each in enumerate(kept) if at < len(kept) // 2 or self._touched[each] == self._commits]
        self._touched = {window: self._touched[window] for window in kept}
        for each in held:
            each.clean(self._touched.keys())

    def forget_all(self) -> None:
        """What is stored has changed in another way than by what was judged here."""
        self._totals = Totals(self._spec)
        self._values = {side.name: Totals(with_counts(side, [_SEEN])) for side in self.sides}
        self._touched = {}

    def _recall(self, windows: set[Span]) -> None:
        """Read what is stored of windows that are not in memory."""
        if not windows:
            return
        stored = self._store.read(windows)
        rows = [self._extended(stored.delta), self._extended_changes(stored.changes)]
        for name, side in zip(self._counted, self.sides, strict=True):
            rows.append(self._first_seen(name, side.name, stored.sides[side.name]))
        self._totals.replace(Joined(merge_rows(self._spec, pa.concat_tables(rows))))

    def _first_seen(self, aggregate: str, table: str, rows: pa.Table) -> pa.Table:
        """A row per value that its key and window had not so far, which counts it for the aggregate."""
        known = self._values[table]
        unseen = pa.nulls(rows.num_rows, pa.int64()).fill_null(0)
        joined = known.joined(merge_rows(known.spec, rows.append_column(_SEEN, unseen)))
        new = joined.rows.filter(pa.array(joined.rows.column(_SEEN).to_numpy() == 0))
        known.replace(joined.with_column(_SEEN, np.ones(joined.rows.num_rows, np.int64)))
        return self._filled(
            {**_columns(new, self._spec.keys), aggregate: np.ones(new.num_rows, np.int64)}, new.num_rows
        )

    def _extended(self, delta: pa.Table) -> pa.Table:
        return self._filled(_columns(delta, self.delta.schema.names), delta.num_rows)

    def _extended_changes(self, changes: pa.Table) -> pa.Table:
        """One row per alert with the number of its newest change."""
        newest = newest_changes(self.rule, changes)
        return self._filled(_columns(newest, newest.schema.names), newest.num_rows)

    def _filled(self, columns: Mapping[str, Any], rows: int) -> pa.Table:
        return filled(self._spec, columns, rows)

    def _stands(self, merged: pa.Table, values: Mapping[str, pa.Array]) -> Bools:
        """For which rows `having` is true; unknown is not, nor is a window with nothing but late rows."""
        having = self.rule.having
        assert having is not None, "only rules that are judged with each row come here"
        true = (
            having.evaluate({name: values[name] for name in having.columns})
            .fill_null(False)
            .to_numpy(zero_copy_only=False)
        )
        answer: Bools = true & (merged.column("row_count").to_numpy() > 0)
        return answer

    def _told(self, rows: pa.Table, values: Mapping[str, pa.Array]) -> pa.Table:
        """The changes in words: these rows have just changed."""
        columns = {name: each.to_pylist() for name, each in values.items()}
        places = zip(
            rows.column(CHANGE).to_pylist(), times_ms(rows, START).tolist(), times_ms(rows, END).tolist(), strict=True
        )
        lines = [Told(*place, {name: each[at] for name, each in columns.items()}) for at, place in enumerate(places)]
        return told_changes(self.rule, lines)


def _after(rows: pa.Table, over_ms: int) -> pa.Table:
    end = times_ms(rows, END)
    return rows if len(end) == 0 or end.min() > over_ms else rows.filter(pa.array(end > over_ms))


def _columns(rows: pa.Table, names: Iterable[str]) -> dict[str, pa.ChunkedArray]:
    return {name: rows.column(name) for name in names}
