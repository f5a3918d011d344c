"""One alert rule over the merged rows of each commit: for which keys and windows `having` has turned true or untrue."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from dataflow.alerts.extended import filled, with_counts
from dataflow.alerts.telling import CHANGE, Told, newest_changes, told_changes
from dataflow.alerts.totals import Joined, Known, Totals
from dataflow.alerts.values import values_of
from dataflow.alerts.windows import END, START, Span, times_ms, windows_of
from dataflow.columnar.types import Bools, Positions
from dataflow.fold.merge import merge_rows
from dataflow.pipeline.alert_plan import AlertPlan
from dataflow.pipeline.tables import ALERT_SCHEMA, TableSpec, rollup_tables

MOST_ROWS = 2_000_000
"""So many keys and windows, and distinct values of them, a rule holds in memory; of more, the lake is read again."""

SEEN = "_seen"
"""Of distinct values in memory: 0 where it comes for the first time."""


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
        self.spec = with_counts(self.delta, [*self._counted, CHANGE])
        self._touched: dict[Span, int] = {}
        self._commits = 0
        self.forget_all()

    @property
    def counts(self) -> dict[str, str]:
        """The aggregates that count distinct values, each with the side table of these."""
        return {name: side.name for name, side in zip(self._counted, self.sides, strict=True)}

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
        parts = {name: after(rows, over_ms) for name, rows in {self.delta.name: delta, **sides}.items()}
        touched = set().union(*map(windows_of, parts.values()))
        if not touched:
            return ALERT_SCHEMA.empty_table()
        self._recall(touched - self._touched.keys())
        self._commits += 1
        self._touched.update(dict.fromkeys(touched, self._commits))
        rows = [self.extended(parts[self.delta.name])]
        for name, side in zip(self._counted, self.sides, strict=True):
            if side.name in parts:
                rows.append(self._first_seen(name, side.name, parts[side.name]))
        joined = self._totals.joined(rows[0] if len(rows) == 1 else merge_rows(self.spec, pa.concat_tables(rows)))
        values = values_of(self.rule, joined.rows)
        stands = self.stands(joined.rows, values)
        number = joined.rows.column(CHANGE).to_numpy().copy()
        at = np.flatnonzero(stands != (number % 2 == 1))
        number[at] += 1
        joined = joined.with_column(CHANGE, number)
        self._totals.replace(joined)
        return self.told(joined.rows, values, at)

    def hold(self, windows: set[Span]) -> None:
        """Have all of these windows in memory that is stored of them; what is judged stays the same."""
        absent = windows - self._touched.keys()
        self._recall(absent)
        self._touched.update(dict.fromkeys(absent, self._commits))

    def joined(self, rows: pa.Table) -> Joined:
        """Rows in `spec`, one per key of windows that are held, merged with what is known of them. Nothing changes."""
        return self._totals.joined(rows)

    def known(self, rows: pa.Table) -> Known | None:
        """What is known of the keys of rows in `spec`, one per key of windows that are held. Nothing changes."""
        return self._totals.known(rows)

    def unseen(self, table: str, rows: pa.Table) -> pa.Table:
        """Those rows of a side table, in `seen_spec`, whose value their key and window had not so far."""
        known = self._values[table]
        joined = known.joined(merge_rows(known.spec, with_unseen(rows)))
        return joined.rows.filter(is_unseen(joined.rows))

    def seen_spec(self, table: str) -> TableSpec:
        """That of a side table's values in memory."""
        return self._values[table].spec

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
        self._totals = Totals(self.spec)
        self._values = {side.name: Totals(with_counts(side, [SEEN])) for side in self.sides}
        self._touched = {}

    def _recall(self, windows: set[Span]) -> None:
        """Read what is stored of windows that are not in memory."""
        if not windows:
            return
        stored = self._store.read(windows)
        rows = [self.extended(stored.delta), self._extended_changes(stored.changes)]
        for name, side in zip(self._counted, self.sides, strict=True):
            rows.append(self._first_seen(name, side.name, stored.sides[side.name]))
        self._totals.replace(Joined(merge_rows(self.spec, pa.concat_tables(rows))))

    def _first_seen(self, aggregate: str, table: str, rows: pa.Table) -> pa.Table:
        """A row per value that its key and window had not so far, which counts it for the aggregate."""
        return self.counted(aggregate, now_seen(self._values[table], with_unseen(rows)))

    def counted(self, aggregate: str, new: pa.Table) -> pa.Table:
        """A row in `spec` per value that is new, which counts it for the aggregate."""
        return self._filled({**_columns(new, self.spec.keys), aggregate: np.ones(new.num_rows, np.int64)}, new.num_rows)

    def extended(self, delta: pa.Table) -> pa.Table:
        """Rows of the rollup's table in `spec`."""
        return self._filled(_columns(delta, self.delta.schema.names), delta.num_rows)

    def _extended_changes(self, changes: pa.Table) -> pa.Table:
        """One row per alert with the number of its newest change."""
        newest = newest_changes(self.rule, changes)
        return self._filled(_columns(newest, newest.schema.names), newest.num_rows)

    def _filled(self, columns: Mapping[str, Any], rows: int) -> pa.Table:
        return filled(self.spec, columns, rows)

    def stands(self, merged: pa.Table, values: Mapping[str, pa.Array]) -> Bools:
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

    def told(self, merged: pa.Table, values: Mapping[str, pa.Array], at: Positions) -> pa.Table:
        """The changes in words: the rows at these positions have just changed."""
        changed = pa.array(at)
        rows = merged.take(changed)
        columns = {name: each.take(changed).to_pylist() for name, each in values.items()}
        places = zip(
            rows.column(CHANGE).to_pylist(), times_ms(rows, START).tolist(), times_ms(rows, END).tolist(), strict=True
        )
        lines = [Told(*place, {name: each[at] for name, each in columns.items()}) for at, place in enumerate(places)]
        return told_changes(self.rule, lines)


def now_seen(known: Totals, rows: pa.Table) -> pa.Table:
    """Those rows that were not known; all of them are from now on."""
    joined = known.joined(merge_rows(known.spec, rows))
    new = joined.rows.filter(is_unseen(joined.rows))
    known.replace(joined.with_column(SEEN, np.ones(joined.rows.num_rows, np.int64)))
    return new


def with_unseen(rows: pa.Table) -> pa.Table:
    """Rows of a side table, none of which was seen so far."""
    return rows.append_column(SEEN, pa.nulls(rows.num_rows, pa.int64()).fill_null(0))


def is_unseen(rows: pa.Table) -> pa.Array:
    """Which of the rows were not seen so far."""
    return pa.array(rows.column(SEEN).to_numpy() == 0)


def after(rows: pa.Table, over_ms: int) -> pa.Table:
    """Those rows whose windows end after `over_ms`."""
    end = times_ms(rows, END)
    return rows if len(end) == 0 or end.min() > over_ms else rows.filter(pa.array(end > over_ms))


def _columns(rows: pa.Table, names: Iterable[str]) -> dict[str, pa.ChunkedArray]:
    return {name: rows.column(name) for name in names}
