"""What a rollup makes of accepted rows that were read without it, and which of its windows are whole."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataflow.enrich.joins import Joins
from dataflow.fold.fold import Fold
from dataflow.messages import Judged, Parcel
from dataflow.own_columns import TIMESTAMP
from dataflow.pipeline.plan import Plan, RollupPlan
from dataflow.pipeline.tables import TableSpec, tables_of
from dataflow.rules import Joined, Rules

Tables = dict[str, pa.Table]


class LaterRollup:
    """One rollup over rows that the others have accepted.

    A record that was late for all of them stays late for this one: it is in no window, whatever this one allows.
    """

    def __init__(self, plan: Plan, rollup: RollupPlan, *, stored: bool, joins: Joins | None = None) -> None:
        """`stored`: the rows are those of table events, with the columns of dimensions as they were joined then. Others
        are joined with what `joins` has, the plan's own dimensions where left out.
        """
        self.plan = rollup
        own = replace(plan, rollups=(rollup,), dimensions=() if stored else plan.dimensions)
        self.fold = Fold(own, events=False, joins=None if stored else joins)
        names = {rollup.delta_table, *(rollup.distinct_table(agg.name) for agg in rollup.aggregates)}
        self.specs: dict[str, TableSpec] = {
            spec.name: spec for spec in tables_of(own, events=False) if spec.name in names
        }

    def parcel(self, partition: str, topic: str | None, start: int, end: int, rows: pa.RecordBatch) -> Parcel:
        """Of accepted rows with their watermarks: the rollup's counts, and rows of its tables and of late_events."""
        return self.fold.fold(self.judged(partition, topic, start, end, rows, self.plan.allowed_lateness_ms))

    def judged(
        self,
        partition: str,
        topic: str | None,
        start: int,
        end: int,
        rows: pa.RecordBatch,
        lateness_ms: int,
        dimensions: tuple[Joined, ...] | None = None,
    ) -> Judged:
        """Accepted rows as the fold takes them, by that allowed lateness; the rollup's own may have changed since.

        `dimensions`: by which they were joined, where that is still to be done.
        """
        rules = Rules(0, 0, 0, ((self.plan.name, lateness_ms),), dimensions)
        return Judged(partition, topic, start, end, rows.num_rows, rows=rows, rules=rules)

    def first_whole_ms(self, newest_ms: int) -> int:
        """Where the first window may begin that holds no row up to `newest_ms`."""
        return newest_ms + 1 + (self.plan.window.size_ms if self.plan.merges_windows else 0)

    def whole(self, tables: Mapping[str, pa.Table], from_ms: int | None) -> Tables:
        """Of merged tables the windows that begin at `from_ms` or later; of sessions, whole ones with their values."""
        if from_ms is None:
            return dict(tables)
        kept = {name: table.filter(pc.greater_equal(_starts(table), from_ms)) for name, table in tables.items()}
        if self.plan.merges_windows:
            cut = self._reaching(tables[self.plan.delta_table], from_ms) if self.plan.delta_table in tables else {}
            for name in kept.keys() - {self.plan.delta_table}:
                kept[name] = self._behind(kept[name], cut)
        return kept

    def whole_from_ms(self, tables: Mapping[str, pa.Table], from_ms: int | None) -> int | None:
        """From when on windows are whole, whatever the rollup has seen itself: behind what is left out of sessions."""
        if from_ms is None or not self.plan.merges_windows or self.plan.delta_table not in tables:
            return from_ms
        ends = self._reaching(tables[self.plan.delta_table], from_ms).values()
        return max(from_ms, *(end + 1 for end in ends)) if ends else from_ms

    def _reaching(self, sessions: pa.Table, from_ms: int) -> dict[tuple[Any, ...], int]:
        """Per key, how far the sessions reach that are left out: values up to there are theirs."""
        out = sessions.filter(pc.and_(pc.less(_starts(sessions), from_ms), pc.greater(sessions.column("row_count"), 0)))
        found: dict[tuple[Any, ...], int] = {}
        for key, end in zip(self._keys(out), _times(out, "window_end").to_pylist(), strict=True):
            found[key] = max(end, found.get(key, end))
        return found

    def _behind(self, values: pa.Table, cut: Mapping[tuple[Any, ...], int]) -> pa.Table:
        starts = _starts(values).to_pylist()
        stay = [key not in cut or start > cut[key] for key, start in zip(self._keys(values), starts, strict=True)]
        return values.filter(pa.array(np.asarray(stay, np.bool_)))

    def _keys(self, table: pa.Table) -> list[tuple[Any, ...]]:
        columns = [table.column(key.name).to_pylist() for key in self.plan.keys]
        return list(zip(*columns, strict=True)) if columns else [()] * table.num_rows


def _times(table: pa.Table, name: str) -> pa.ChunkedArray:
    return table.column(name).cast(TIMESTAMP).cast(pa.int64())


def _starts(table: pa.Table) -> pa.ChunkedArray:
    return _times(table, "window_start")
