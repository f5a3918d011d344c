"""The frontier that makes windows final, as the writer follows it: by the ledger first, then by what it stages."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dataflow.messages import NEVER_MS, Range
from dataflow.pipeline.names import LEDGER
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.layout import DataFile
from sinks.lake.catalog.reader import data_files
from sinks.lake.catalog.sqlite import told
from sinks.lake.tables.finality import EVER_MS, Stand, frontier_ms, is_active, reached_ms

TRIES = 5
"""So often the ledger's files are looked up, while compactions put others in their place."""

_COLUMNS = pa.schema(
    [
        pa.field("partition", pa.string()),
        *(pa.field(name, pa.int64()) for name in ("end_offset", "read", "max_event_time", "watermark")),
        pa.field("final", pa.bool_()),
        pa.field("committed_at", pa.timestamp("us")),
        pa.field("idle_timeout_ms", pa.int64()),
    ]
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _Place:
    """Where a source partition stands. `since_us`: when it last had records; without any, when it was first there."""

    end: int
    watermark_ms: int | None
    since_us: int
    has_read: bool
    final: bool


class Frontier:
    """`sinks.lake.tables.finality.frontier_ms` of a lake and the epochs that are staged on it."""

    def __init__(self, idle_timeout_ms: int) -> None:
        self._idle_timeout_ms = idle_timeout_ms
        self._places: dict[str, _Place] = {}
        self._former_idle_ms = 0
        self._newest_us = 0

    @classmethod
    def of_lake(cls, catalog: Catalog, out_of_orderness_ms: int, idle_timeout_ms: int) -> "Frontier":
        """That of what is published. Reads columns of the ledger's files; `out_of_orderness_ms` as `frontier_sql`."""
        made = cls(idle_timeout_ms)
        for row in _last_lines(_ledger(catalog), out_of_orderness_ms):
            since_us = row["first_us"] if row["read_us"] is None else row["read_us"]
            end, final = divmod(row["place"], 2)
            made._places[row["partition"]] = _Place(end, row["mark"], since_us, row["read_us"] is not None, final == 1)
            made._former_idle_ms = max(made._former_idle_ms, row["idle_ms"] or 0)
            made._newest_us = max(made._newest_us, row["last_us"])
        return made

    def learn(self, ranges: Sequence[Range], final: Collection[str], at: datetime) -> None:
        """An epoch with these lines of the ledger is staged at `at`."""
        at_us = _us(at)
        for entry in ranges:
            is_final = entry.partition in final
            self._learn(entry.partition, _Place(entry.end, entry.watermark, at_us, entry.read > 0, is_final))
        if ranges:
            self._newest_us = max(self._newest_us, at_us)

    def at_ms(self, now: datetime) -> int:
        """The frontier at a time; EVER_MS where everything is final."""
        return self._at_ms(_us(now), self._idle_timeout_ms)

    def judged_ms(self) -> int:
        """The frontier of the newest commit, or less, and never beyond the furthest watermark; NEVER_MS before any."""
        idle_ms = max(self._idle_timeout_ms, self._former_idle_ms)
        furthest = max((reached_ms(stand) for stand in self._stands(self._newest_us, idle_ms)), default=-EVER_MS)
        return max(NEVER_MS, min(self._at_ms(self._newest_us, idle_ms), furthest))

    def _at_ms(self, now_us: int, idle_ms: int) -> int:
        return frontier_ms(self._stands(now_us, idle_ms)) if self._places else -EVER_MS

    def _stands(self, now_us: int, idle_ms: int) -> list[Stand]:
        return [
            Stand(each.watermark_ms, is_active(each.since_us, now_us, idle_ms), each.final)
            for each in self._places.values()
        ]

    def _learn(self, name: str, new: _Place) -> None:
        known = self._places.get(name)
        if known is None:
            self._places[name] = new
            return
        marks = [mark for mark in (known.watermark_ms, new.watermark_ms) if mark is not None]
        known.watermark_ms = max(marks, default=None)
        if new.end != known.end:
            known.end, known.final = max((known.end, known.final), (new.end, new.final))
        else:
            known.final = known.final or new.final
        if new.has_read:
            known.since_us = max(known.since_us, new.since_us) if known.has_read else new.since_us
            known.has_read = True
        elif not known.has_read:
            known.since_us = min(known.since_us, new.since_us)


def _ledger(catalog: Catalog) -> pa.Table:
    """The ledger, as far as it is asked for here."""
    table = catalog.tables()[LEDGER]
    for left in range(TRIES, 0, -1):
        with told(catalog.path, catalog.busy_ms):
            files = data_files(catalog.connection, catalog.folder, table, catalog.head().id)
        try:
            return pa.concat_tables([_COLUMNS.empty_table(), *map(_lines, files)])
        except FileNotFoundError:
            # a compaction has put another file in its place
            if left == 1:
                raise
    raise AssertionError("the last try raises")


def _lines(file: DataFile) -> pa.Table:
    with pq.ParquetFile(file.path) as content:
        there = [name for name in _COLUMNS.names if name in content.schema_arrow.names]
        rows = content.read(columns=there)
    columns = [
        rows.column(field.name).cast(field.type) if field.name in there else pa.nulls(rows.num_rows, field.type)
        for field in _COLUMNS
    ]
    return pa.Table.from_arrays(columns, schema=_COLUMNS)


def _last_lines(ledger: pa.Table, out_of_orderness_ms: int) -> list[dict[str, Any]]:
    """Of each source partition what its lines come to."""
    at = ledger.column("committed_at").cast(pa.int64())
    untold = pc.if_else(
        pc.is_null(ledger.column("idle_timeout_ms")),
        pc.subtract(ledger.column("max_event_time"), out_of_orderness_ms),
        pa.scalar(None, pa.int64()),
    )
    final = pc.fill_null(ledger.column("final"), False).cast(pa.int64())
    columns = {
        "partition": ledger.column("partition"),
        "place": pc.add(pc.multiply(ledger.column("end_offset"), 2), final),
        "mark": pc.coalesce(ledger.column("watermark"), untold),
        "read_us": pc.if_else(pc.greater(ledger.column("read"), 0), at, pa.scalar(None, pa.int64())),
        "first_us": at,
        "last_us": at,
        "idle_ms": ledger.column("idle_timeout_ms"),
    }
    asked = [(name, "min" if name == "first_us" else "max") for name in columns if name != "partition"]
    found = pa.table(columns).group_by("partition").aggregate(asked)
    return found.rename_columns(
        [name.rpartition("_")[0] if name != "partition" else name for name in found.column_names]
    ).to_pylist()


def _us(at: datetime) -> int:
    return (at.replace(tzinfo=at.tzinfo or UTC) - _EPOCH) // timedelta(microseconds=1)
