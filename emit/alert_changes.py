"""The changes of alerts that came with commits, in the order of these."""

from collections.abc import Iterator

from dataflow.pipeline.emit_plan import EmitPlan
from dataflow.pipeline.names import ALERT_CHANGES, ALERTS
from dataflow.sql import quoted, text
from emit.lake_rows import json_rows, new_rows_sql, newer_files, typed_rows, with_tables
from emit.position import Position
from emit.record import Batch, Record
from query.reader import LakeReader, LakeSnapshot
from query.scan import scan_sql
from sinks.lake.catalog.types import time_text

SHOWN = ("alert_id", "change", "state", "rule", "severity", "message", "window_start", "window_end", "quiet")
_BESIDE = ("alert_id", "change", "rule", "_snapshot", "key", "values")


class AlertChanges:
    """What changed of a pipeline's alerts, of the rules that `plan` names."""

    source = ALERTS

    def __init__(self, reader: LakeReader, plan: EmitPlan) -> None:
        self._reader = reader
        self._rules = plan.rules
        self._is_json = not plan.is_registered

    def newest(self, snapshot: LakeSnapshot) -> Position:
        """Where a way out stands that has nothing to send of what is there."""
        return Position(snapshot.id, time_text(snapshot.time))

    def moves(self, snapshot: LakeSnapshot, after: Position) -> bool:
        """Whether there may be more than at `after`."""
        return snapshot.id > after.snapshot

    def since(self, snapshot: LakeSnapshot, after: Position | None) -> Batch:
        """All changes in commits after `after` (None: in all), up to the snapshot."""
        return Batch(self._records(snapshot, None if after is None else after.snapshot), self.newest(snapshot))

    def _records(self, snapshot: LakeSnapshot, after: int | None) -> Iterator[Record]:
        if ALERT_CHANGES not in snapshot.tables or not newer_files(snapshot, ALERT_CHANGES, after):
            return
        told = new_rows_sql(snapshot, ALERT_CHANGES, after)
        cursor = self._reader.parser()
        try:
            where = "" if self._rules is None else f" WHERE rule IN ({', '.join(map(text, self._rules))})"
            cursor.execute(f"CREATE TEMP TABLE fresh AS SELECT * FROM ({told}) AS told{where}")
            columns = ", ".join(f"fresh.{quoted(name)}" for name in (*SHOWN[:-1], *_BESIDE))
            sql = (
                f"SELECT {columns}, coalesce(stands.quiet, false) AS quiet FROM fresh"
                f" LEFT JOIN ({self._stands(snapshot)}) AS stands ON stands.alert_id = fresh.alert_id"
                " ORDER BY fresh._snapshot, fresh.window_start, fresh.window_end, fresh.rule, fresh.key, fresh.change"
            )
            first = len(SHOWN) - 1
            quiet = first + len(_BESIDE)
            shown = [*range(first), quiet]
            if not self._is_json:
                key_of = [first + _BESIDE.index(name) for name in ("key", "values", "_snapshot")]
                for key, (*held, at) in typed_rows(cursor, sql, [0], [*shown, *key_of]):
                    yield Record(key, None, int(str(at)), values=tuple(held))
                return
            for row in json_rows(cursor, sql, [shown], range(first, quiet)):
                yield _record([str(each) for each in row])
        finally:
            cursor.close()

    def _stands(self, snapshot: LakeSnapshot) -> str:
        """SELECT of whether each alert of the keys that changed is quiet."""
        changes = scan_sql(snapshot.tables[ALERT_CHANGES], snapshot.files(ALERT_CHANGES), snapshot.id)
        same = f"SELECT * FROM ({changes}) AS known SEMI JOIN fresh USING (rule, key)"
        view = snapshot.views[ALERTS].sql
        return with_tables({ALERT_CHANGES: same}, f"SELECT alert_id, quiet FROM ({view}) AS alerts")


def _record(row: list[str]) -> Record:
    shown, alert_id, change, rule, snapshot, key, values = row
    # key and values are JSON already, digit by digit as the lake has them
    value = f'{shown[:-1]}, "key": {key}, "values": {values}}}'
    return Record(
        f'{{"alert_id": "{alert_id}"}}', value, int(snapshot), f"{alert_id}.{change}", rule, alert_id, int(change)
    )
