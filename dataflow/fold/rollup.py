"""One rollup over one batch: filter, lateness per window, groups, delta rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from dataflow.columnar.groups import Digits, Groups, digits, group, ranges
from dataflow.columnar.types import Bools, Int64s, Positions
from dataflow.enrich.columns import Columns
from dataflow.fold.assign import Assigner
from dataflow.fold.partials import Selection, empty_partials
from dataflow.fold.pieces import Gathered, pieces
from dataflow.fold.sessions import session_groups
from dataflow.messages import NEVER_MS, RollupCount
from dataflow.own_columns import TIMESTAMP
from dataflow.pipeline.plan import AggregatePlan, RollupPlan
from dataflow.pipeline.tables import delta_schema, distinct_schema, rollup_tables

_NO_ROWS = np.empty(0, np.intp)


class Times:
    """Event times and watermarks of a batch, and what all its rollups derive from them."""

    def __init__(self, event_time: Int64s, watermark: Int64s) -> None:
        """`watermark` is the one before each row; NEVER_MS = none yet."""
        self.event_time = event_time
        self.watermark = watermark
        # end - 1 + lateness >= event time: a row ahead of its watermark cannot be late for any window.
        self.suspects = np.flatnonzero((event_time <= watermark) & (watermark != NEVER_MS))
        self._panes: dict[tuple[int, int, str | None], Digits] = {}

    def panes(self, assigner: Assigner) -> Digits:
        """The pane of each row."""
        key = assigner.pane_key
        if key not in self._panes:
            self._panes[key] = digits(assigner.panes(self.event_time))
        return self._panes[key]


@dataclass(slots=True)
class RollupDelta:
    """What a rollup makes of a batch. `late_at`: rows of the batch that are late for it, ascending."""

    count: RollupCount
    taken: Bools | None
    late_at: Positions
    late_by_ms: Int64s
    tables: dict[str, pa.RecordBatch] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Windows:
    """Delta rows to be: group `of[i]` in window [start[i], end[i])."""

    of: Positions
    start: Int64s
    end: Int64s

    def where(self, mask: Bools) -> "_Windows":
        return _Windows(self.of[mask], self.start[mask], self.end[mask])


@dataclass(frozen=True, slots=True)
class _Panes:
    """Groups of rows that have the same key and the same windows. `late_windows`: for how many each is late."""

    selection: Selection
    sample: Positions
    times: Int64s
    late_windows: Int64s | None

    def values_a_group(self, aggregates: Sequence[AggregatePlan]) -> Int64s:
        """How many rows a group gives in one window, in the table where it gives most."""
        count = self.selection.groups.count
        most = np.ones(count, np.int64)
        for aggregate in aggregates:
            np.maximum(most, np.bincount(self.selection.distinct(aggregate)[0], minlength=count), out=most)
        return most


class RollupFold:
    """One rollup of the plan, ready to fold batches."""

    def __init__(self, plan: RollupPlan) -> None:
        """Prepares schemas and window arithmetic."""
        self.plan = plan
        self._assigner = Assigner(plan.window, plan.allowed_lateness_ms)
        self._keys = [key.name for key in plan.keys]
        self._schema = delta_schema(plan)
        self._specs = {spec.name: spec for spec in rollup_tables(plan)}
        self._distinct = [aggregate for aggregate in plan.aggregates if aggregate.kind.keeps_values]
        self._distinct_schemas = {aggregate.name: distinct_schema(plan, aggregate) for aggregate in self._distinct}

    def fold(self, columns: Columns, times: Times) -> RollupDelta:
        """Delta rows of a batch. Rows of the same key and window may repeat: they merge by `merge_rows`."""
        taken = None if self.plan.where is None else columns.mask(self.plan.where)
        rows = None if taken is None else np.flatnonzero(taken)
        count = columns.rows if rows is None else len(rows)
        late_windows = self._late_windows(times, taken, rows, count)
        delta = RollupDelta(RollupCount(columns.rows - count, count, 0), taken, _NO_ROWS, np.empty(0, np.int64))
        if count == 0:
            return delta
        if late_windows is not None:
            self._count_late(delta, times, rows, late_windows)
        if self.plan.merges_windows:
            self._fold_sessions(delta, columns, times, rows, late_windows)
        else:
            self._fold_panes(delta, columns, times, rows, late_windows)
        return delta

    def _late_windows(self, times: Times, taken: Bools | None, rows: Positions | None, count: int) -> Int64s | None:
        """For how many of its windows each taken row is late; None = no row is late for any."""
        suspects = times.suspects if taken is None else times.suspects[taken[times.suspects]]
        if suspects.size == 0:
            return None
        late = self._assigner.late_windows(times.event_time[suspects], times.watermark[suspects])
        if not late.any():
            return None
        windows = np.zeros(count, np.int64)
        windows[suspects if rows is None else np.searchsorted(rows, suspects)] = late
        return windows

    def _count_late(self, delta: RollupDelta, times: Times, rows: Positions | None, late_windows: Int64s) -> None:
        """Rows that are late for all their windows here."""
        some = np.flatnonzero(late_windows)
        at = some if rows is None else rows[some]
        every = late_windows[some] == self._assigner.window_counts(times.event_time[at])
        delta.late_at = at[every]
        delta.late_by_ms = self._assigner.late_by(times.event_time[delta.late_at], times.watermark[delta.late_at])
        delta.count.late = len(delta.late_at)
        delta.count.counted -= delta.count.late

    def _fold_panes(
        self, delta: RollupDelta, columns: Columns, times: Times, rows: Positions | None, late_windows: Int64s | None
    ) -> None:
        """Group once by key, pane and number of late windows; then expand groups, not rows, to windows."""
        groups = self._groups(columns, times, rows, late_windows)
        sample = groups.sample if rows is None else rows[groups.sample]
        late_of = None if late_windows is None else late_windows[groups.sample]
        alike = _Panes(Selection(columns, rows, groups), sample, times.event_time[sample], late_of)
        if self._assigner.has_one_window:
            self._expand(delta, columns, alike, np.arange(groups.count, dtype=np.intp))
            return
        weights = self._assigner.window_counts(alike.times) * alike.values_a_group(self._distinct)
        gathered = Gathered(self._specs)
        for piece in pieces(alike.times, weights):
            part = replace(delta, tables={})
            self._expand(part, columns, alike, piece)
            if len(piece) == groups.count:
                delta.tables.update(part.tables)
                return
            gathered.add(part.tables)
        delta.tables.update(gathered.tables())

    def _groups(self, columns: Columns, times: Times, rows: Positions | None, late_windows: Int64s | None) -> Groups:
        """The rows by key, pane and number of late windows."""
        count = columns.rows if rows is None else len(rows)
        if self.plan.names_events:
            # no two rows have one key
            every = np.arange(count, dtype=np.intp)
            return Groups(every, every, np.ones(count, np.int64))
        panes = times.panes(self._assigner)
        if late_windows is None:
            return group([*self._key_digits(columns, None), panes], count, rows)
        late = Digits(late_windows, int(late_windows.max()) + 1)
        return group([*self._key_digits(columns, rows), _picked(panes, rows), late], count)

    def _expand(self, delta: RollupDelta, columns: Columns, panes: "_Panes", at: Positions) -> None:
        """Delta rows of the groups `at`, ascending, in each of their windows."""
        expansion = self._assigner.expand(panes.times[at])
        windows = _Windows(at[expansion.of], expansion.start, expansion.end)
        late = None
        if panes.late_windows is not None:
            is_late = expansion.ordinal < panes.late_windows[windows.of]
            windows, late = windows.where(~is_late), windows.where(is_late)
        self._emit(delta, columns, panes.selection, panes.sample, windows)
        self._emit_distinct(delta, columns, panes.selection, panes.sample, windows)
        if late is not None:
            self._emit_late(delta, columns, panes.sample[late.of], late, panes.selection.sizes[late.of])

    def _fold_sessions(
        self, delta: RollupDelta, columns: Columns, times: Times, rows: Positions | None, late_windows: Int64s | None
    ) -> None:
        """Partial sessions of the rows in time; late rows apart, each with its own window."""
        if late_windows is not None:
            at = delta.late_at
            alone = group([*self._key_digits(columns, at), digits(times.event_time[at])], len(at))
            sample = at[alone.sample]
            own = self._assigner.expand(times.event_time[sample])
            windows = _Windows(own.of, own.start, own.end)
            self._emit_late(delta, columns, sample, windows, np.bincount(alone.of_row, minlength=alone.count))
            in_time = np.flatnonzero(late_windows == 0)
            rows = in_time if rows is None else rows[in_time]
        count = columns.rows if rows is None else len(rows)
        if count == 0:
            return
        time = times.event_time if rows is None else times.event_time[rows]
        keys = group(self._key_digits(columns, rows), count)
        groups, last_time = session_groups(keys, time, self.plan.window.size_ms)
        first_time = time[groups.sample]
        end = self._assigner.expand(last_time).end
        windows = _Windows(np.arange(groups.count, dtype=np.intp), first_time, end)
        sample = groups.sample if rows is None else rows[groups.sample]
        self._emit(delta, columns, Selection(columns, rows, groups), sample, windows)
        if self._distinct_schemas:
            # a value stands with its own row's window: where partial sessions begin and end depends on the cuts
            points = group([*self._key_digits(columns, rows), digits(time)], count)
            own = self._assigner.expand(time[points.sample])
            sample = points.sample if rows is None else rows[points.sample]
            windows = _Windows(own.of, own.start, own.end)
            self._emit_distinct(delta, columns, Selection(columns, rows, points), sample, windows)

    def _emit(
        self, delta: RollupDelta, columns: Columns, selection: Selection, sample: Positions, windows: _Windows
    ) -> None:
        """Delta rows of all groups."""
        if len(windows.of) == 0:
            return
        partials = [array for each in self.plan.aggregates for array in selection.partials(each)]
        count = selection.groups.count
        # Where every group has one window, in time, the partials already stand in the windows' order.
        if len(windows.of) != count or not self._assigner.has_one_window:
            of = pa.array(windows.of)
            partials = [array.take(of) for array in partials]
        sizes = selection.sizes[windows.of]
        self._add(delta, columns, sample[windows.of], windows, partials, sizes, np.zeros(len(sizes), np.int64))

    def _emit_distinct(
        self, delta: RollupDelta, columns: Columns, selection: Selection, sample: Positions, windows: _Windows
    ) -> None:
        """Rows of the side tables of exact distinct counts."""
        if not self._distinct_schemas or len(windows.of) == 0:
            return
        lengths = np.bincount(windows.of, minlength=selection.groups.count)
        starts = (np.cumsum(lengths) - lengths).astype(np.intp)
        for aggregate in self._distinct:
            of, values = selection.distinct(aggregate)
            at = ranges(starts[of], lengths[of])
            repeated = values.take(pa.array(np.repeat(np.arange(len(of)), lengths[of])))
            head = self._head(columns, sample[windows.of[at]], _Windows(at, windows.start[at], windows.end[at]))
            name, schema = self.plan.distinct_table(aggregate.name), self._distinct_schemas[aggregate.name]
            if len(at):
                delta.tables[name] = pa.RecordBatch.from_arrays([*head, repeated], schema=schema)

    def _emit_late(
        self, delta: RollupDelta, columns: Columns, sample: Positions, windows: _Windows, late_counts: Int64s
    ) -> None:
        """Rows that only say how many late rows a key's window left out."""
        rows = len(windows.of)
        if rows:
            partials = [array for each in self.plan.aggregates for array in empty_partials(each, rows)]
            self._add(delta, columns, sample, windows, partials, np.zeros(rows, np.int64), late_counts)

    def _add(
        self,
        delta: RollupDelta,
        columns: Columns,
        sample: Positions,
        windows: _Windows,
        partials: list[pa.Array],
        row_counts: Int64s,
        late_counts: Int64s,
    ) -> None:
        arrays = [*self._head(columns, sample, windows), *partials, pa.array(row_counts), pa.array(late_counts)]
        batch = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        before = delta.tables.get(self.plan.delta_table)
        delta.tables[self.plan.delta_table] = batch if before is None else pa.concat_batches([before, batch])

    def _head(self, columns: Columns, sample: Positions, windows: _Windows) -> list[pa.Array]:
        """Key columns, window_start, window_end; `sample`: a row of the batch with the key of each window."""
        keys = []
        for name in self._keys:
            if self.plan.names_events:
                keys.append(columns[name].take(pa.array(sample)))
                continue
            codes = columns.codes(name)
            keys.append(codes.values.take(pa.array(codes.of_row[sample])))
        return [*keys, pa.array(windows.start).view(TIMESTAMP), pa.array(windows.end).view(TIMESTAMP)]

    def _key_digits(self, columns: Columns, rows: Positions | None) -> Sequence[Digits]:
        parts = []
        for name in self._keys:
            codes = columns.codes(name)
            parts.append(_picked(Digits(codes.of_row, len(codes.values)), rows))
        return parts


def _picked(part: Digits, rows: Positions | None) -> Digits:
    return part if rows is None else Digits(part.of_row[rows], part.size)
