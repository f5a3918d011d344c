"""Rows of a rollup that go out: those of windows that became final, or each that a commit touched."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta

from dataflow.errors import SnapshotExpired
from dataflow.pipeline.emit_plan import EmitPlan
from dataflow.pipeline.emit_schema import CORRECTION
from dataflow.pipeline.names import LEDGER
from dataflow.pipeline.plan import Plan
from dataflow.pipeline.targets import FINAL
from dataflow.sql import quoted
from emit.lake_rows import bounded_sql, json_rows, new_rows_sql, newer_files, nothing_sql, typed_rows, with_tables
from emit.position import Position
from emit.record import Batch, Record
from query.duck import duckdb
from query.reader import Bound, LakeReader, LakeSnapshot
from query.recent.frontier import Rule, frontier_at
from sinks.lake.catalog.types import time_text
from sinks.lake.tables.finality import EVER_MS
from sinks.lake.tables.views import shown_after_ms

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RollupRows:
    """What goes out of the rollup that `emit` names, one of the plan's."""

    def __init__(self, reader: LakeReader, plan: Plan, emit: EmitPlan) -> None:
        assert emit.rollup is not None
        self._reader = reader
        self._rollup = emit.rollup
        self._when = emit.when
        self._rule = Rule(plan.out_of_orderness_ms, plan.idle_timeout_ms)
        self.source = emit.rollup.name
        self._keys = [key.name for key in self._rollup.keys]
        self._windowed = [*self._keys, "window_start", "window_end"]
        self._key = emit.key
        self._is_json = not emit.is_registered

    def newest(self, snapshot: LakeSnapshot) -> Position:
        """Where a way out stands that has nothing to send of what is there."""
        return self._at(snapshot, None)

    def moves(self, snapshot: LakeSnapshot, after: Position) -> bool:
        """Whether there may be more than at `after`: a commit, or a source partition that became idle."""
        return snapshot.id > after.snapshot or self._at(snapshot, after).final_ms != after.final_ms

    def since(self, snapshot: LakeSnapshot, after: Position | None) -> Batch:
        """All that goes out after `after` (None: all), up to the snapshot and the time it is now."""
        position = self._at(snapshot, after)
        records = self._final(snapshot, after, position) if self._when == FINAL else self._touched(snapshot, after)
        return Batch(records, position)

    def _at(self, snapshot: LakeSnapshot, after: Position | None) -> Position:
        final_ms = self._final_ms(snapshot, None if after is None else after.final_ms) if self._when == FINAL else None
        return Position(snapshot.id, time_text(snapshot.time), final_ms)

    def _final_ms(self, snapshot: LakeSnapshot, before: int | None) -> int | None:
        """Windows that ended by then are final; it never goes back."""
        if LEDGER not in snapshot.tables:
            return before
        with closing(self._reader.parser()) as cursor:
            (frontier,) = cursor.execute(f"SELECT {frontier_at(snapshot.ends(), self._rule)}").fetchall()[0]
            if frontier >= EVER_MS:
                # all is final that is there; what comes after all is judged by its own time again
                rows = bounded_sql(snapshot, None, self._rollup.delta_table)
                (last,) = cursor.execute(f"SELECT max(epoch_ms(window_end)) FROM ({rows}) AS rows").fetchall()[0]
            else:
                last = frontier + 1 - self._rollup.allowed_lateness_ms
        if last is None or last <= -EVER_MS // 2:
            return before
        return int(last) if before is None else max(int(last), before)

    def _touched(self, snapshot: LakeSnapshot, after: Position | None) -> Iterator[Record]:
        """The newest value of each key and window that commits touched, and no value of those that left."""
        if self.source not in snapshot.views:
            return
        with closing(self._reader.parser()) as cursor:
            if after is not None:
                yield from self._left(cursor, snapshot, after)
            if self._mark_touched(cursor, snapshot, after, ""):
                values = [*self._windowed, *self._aggregates, "late_count"]
                yield from self._rows(cursor, snapshot, self._of_touched(cursor, snapshot), values, "true", "false")

    def _left(self, cursor: duckdb.DuckDBPyConnection, snapshot: LakeSnapshot, after: Position) -> Iterator[Record]:
        """Of windows that retention took since: that they have no value any more."""
        border = shown_after_ms(snapshot.views[self.source].sql)
        if border is None:
            return
        try:
            former = self._reader.snapshot(after.snapshot)
        except SnapshotExpired:
            return
        view = former.views.get(self.source)
        known = None if view is None else shown_after_ms(view.sql)
        if view is None or known == border:
            return
        bound = ("window_end", None, border + 1)
        gone = f"window_end <= epoch_ms({border})"
        for record in self._rows(cursor, former, self._bounded(former, bound), self._windowed, gone, "false"):
            yield record._replace(value=None, values=(), snapshot=snapshot.id)

    def _final(self, snapshot: LakeSnapshot, after: Position | None, position: Position) -> Iterator[Record]:
        """Rows whose window became final, then those of final ones that changed nevertheless."""
        if self.source not in snapshot.views or position.final_ms is None:
            return
        known = None if after is None else after.final_ms
        fresh = f"window_end <= epoch_ms({position.final_ms})"
        fresh += "" if known is None else f" AND window_end > epoch_ms({known})"
        values = [*self._windowed, *self._aggregates]
        with closing(self._reader.parser()) as cursor:
            if known != position.final_ms:
                bound = ("window_end", None if known is None else known + 1, position.final_ms + 1)
                tables = self._bounded(snapshot, None if self._rollup.merges_windows else bound)
                yield from self._rows(cursor, snapshot, tables, values, fresh, "false")
            if known is not None and self._mark_touched(
                cursor, snapshot, after, f" WHERE row_count > 0 AND window_end <= epoch_ms({known})"
            ):
                tables = self._of_touched(cursor, snapshot)
                yield from self._rows(cursor, snapshot, tables, values, f"window_end <= epoch_ms({known})", "true")

    @property
    def _aggregates(self) -> list[str]:
        return [aggregate.name for aggregate in self._rollup.aggregates]

    def _mark_touched(
        self, cursor: duckdb.DuckDBPyConnection, snapshot: LakeSnapshot, after: Position | None, where: str
    ) -> bool:
        """Make table touched, of the keys and windows with rows of commits after `after`; whether there are any."""
        since = None if after is None else after.snapshot
        if not newer_files(snapshot, self._rollup.delta_table, since):
            return False
        rows = new_rows_sql(snapshot, self._rollup.delta_table, since)
        names = ", ".join(map(quoted, self._windowed))
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE touched AS SELECT DISTINCT {names} FROM ({rows}) AS rows{where}")
        return bool(cursor.execute("SELECT count(*) FROM touched").fetchall()[0][0])

    def _of_touched(self, cursor: duckdb.DuckDBPyConnection, snapshot: LakeSnapshot) -> dict[str, str]:
        """The rollup's tables with the rows of keys and windows that were touched alone; of sessions, of the keys."""
        names = self._keys if self._rollup.merges_windows else self._windowed
        bound = None
        if not self._rollup.merges_windows:
            sql = "SELECT min(epoch_ms(window_end)), max(epoch_ms(window_end)) FROM touched"
            first, last = cursor.execute(sql).fetchall()[0]
            bound = ("window_end", first, last + 1)
        same = " AND ".join(f"touched.{quoted(name)} IS NOT DISTINCT FROM rows.{quoted(name)}" for name in names)
        keep = f" WHERE EXISTS (SELECT 1 FROM touched WHERE {same or 'true'})"
        return {
            name: f"SELECT rows.* FROM ({sql}) AS rows{keep}" for name, sql in self._bounded(snapshot, bound).items()
        }

    def _bounded(self, snapshot: LakeSnapshot, bound: tuple[str, int | None, int] | None) -> dict[str, str]:
        """SELECTs of the rollup's tables, by name, from files that can hold rows in the bound: column, from, before."""
        sides = [each.name for each in self._rollup.aggregates if each.keeps_values]
        names = [self._rollup.delta_table, *map(self._rollup.distinct_table, sides)]
        if bound is None:
            return {name: bounded_sql(snapshot, None, name) for name in names}
        column, first, before = bound
        low = None if first is None else _time(first)
        return {name: bounded_sql(snapshot, Bound(name, column, low, _time(before)), name) for name in names}

    def _rows(
        self,
        cursor: duckdb.DuckDBPyConnection,
        snapshot: LakeSnapshot,
        tables: dict[str, str],
        values: Sequence[str],
        where: str,
        correction: str,
    ) -> Iterator[Record]:
        """The view's rows over these tables, where they fit; `correction` says whether they are corrections."""
        view = snapshot.views[self.source].sql
        names, order = (", ".join(map(quoted, each)) for each in (values, self._windowed))
        told = f", {correction} AS {CORRECTION}" if self._when == FINAL else ""
        touched = self._in_touched() if self._rollup.merges_windows and correction == "true" else ""
        sql = with_tables(
            {**tables, LEDGER: nothing_sql(snapshot, LEDGER)},
            f"SELECT {names}{told} FROM ({view}) AS shown WHERE {where}{touched} ORDER BY window_end, {order}",
        )
        shown = range(len(values) + bool(told))
        key = [values.index(name) for name in self._key]
        if not self._is_json:
            for written_key, held in typed_rows(cursor, sql, key, shown):
                yield Record(written_key, None, snapshot.id, values=held)
            return
        for key_text, value in json_rows(cursor, sql, [key, shown]):
            assert key_text is not None
            yield Record(key_text, value, snapshot.id)

    def _in_touched(self) -> str:
        """Sessions that hold one of the rows that were touched."""
        same = "".join(f"touched.{quoted(name)} IS NOT DISTINCT FROM shown.{quoted(name)} AND " for name in self._keys)
        inside = "touched.window_start >= shown.window_start AND touched.window_end <= shown.window_end"
        return f" AND EXISTS (SELECT 1 FROM touched WHERE {same}{inside})"


def _time(ms: int) -> datetime:
    """As bounds have it; what no datetime tells is the first or last one."""
    try:
        return _EPOCH + timedelta(milliseconds=ms)
    except OverflowError:
        return (datetime.min if ms < 0 else datetime.max).replace(tzinfo=UTC)
