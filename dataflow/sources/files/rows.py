"""Reads one Parquet file as a source partition: every row becomes the JSON record that the event model reads."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dataflow.errors import OffsetLost, SourceError
from dataflow.event.fields import FieldKind, TimeUnit, ms_to_text
from dataflow.event.schema import EventField, EventSchema
from dataflow.messages import POLL_SCHEMA, Poll
from dataflow.sources.files.content_print import Known

BATCH_ROWS = 16_384
_TICKS_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}

Convert = Callable[[pa.ChunkedArray | pa.Array], list[Any]]


class RowReader:
    """One Parquet file with the event's columns (nested fields as structs, or as columns named "a.b").

    Row number from 0 = offset. A null is written as null where the model allows null and left out elsewhere, so that
    a default applies or the contract refuses the row; columns that the model does not know are not read.
    """

    def __init__(
        self,
        path: Path,
        start: int,
        bounded_end: int | None,
        event: EventSchema,
        *,
        outside: Mapping[str, object],
        known: Known,
    ) -> None:
        """`outside`: JSON values of columns that the file's folders say, for those that it lacks itself. `known`: what
        the whole file is known by.

        Raises OffsetLost when the file has fewer than `start` rows, SourceError when it is no Parquet file.
        """
        try:
            self._file = pq.ParquetFile(path)
        except (pa.ArrowInvalid, OSError) as error:
            raise SourceError(f"{path} cannot be read as Parquet: {error}. Remove it or write it anew") from error
        rows: int = self._file.metadata.num_rows
        if start > rows:
            self._file.close()
            raise OffsetLost(
                f"{path} was read up to row {start}, but has only {rows} rows: it was changed. "
                "Restore the file as it was, or start a new lake"
            )
        self.position = start
        self._end = rows if bounded_end is None else min(rows, bounded_end)
        self.finished = start >= self._end
        self.unfinished = False
        self._known = known
        self._encode = RowEncoder(event, self._file.schema_arrow, path, outside)
        self._batches = self._rows_from(start)
        self._held: list[bytes] = []
        self._next = 0

    @property
    def hint(self) -> dict[str, Any]:
        """What the file is known by: beside it nothing but the row number is needed."""
        return self._known.told()

    @property
    def content(self) -> str:
        """The same as JSON."""
        return self._known.text()

    def poll(self, max_records: int, max_bytes: int) -> Poll | None:
        """The next rows: at least one unless the end is reached."""
        if self.finished:
            return None
        if self._next == len(self._held):
            self._held = self._encode(next(self._batches))
            self._next = 0
        count, size_bytes = 0, 0
        for record in self._held[self._next : self._next + min(max_records, self._end - self.position)]:
            size_bytes += len(record)
            if count and size_bytes > max_bytes:
                break
            count += 1
        start, end = self.position, self.position + count
        records = pa.RecordBatch.from_arrays(
            [
                pa.array(np.arange(start, end, dtype=np.int64)),
                pa.nulls(count, pa.int64()),
                pa.array(self._held[self._next : self._next + count], pa.binary()),
            ],
            schema=POLL_SCHEMA,
        )
        self._next += count
        self.position = end
        self.finished = end >= self._end
        return Poll(records, start, end)

    def confirm(self) -> None:
        """Nothing can have taken this input's place."""

    def lag(self) -> int | None:
        """Rows still to come."""
        return self._end - self.position

    def waiting(self) -> int | None:
        """There are no transactions here."""
        return None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _rows_from(self, start: int) -> Iterator[pa.RecordBatch]:
        first, skip = 0, start
        while first < self._file.num_row_groups and skip >= self._file.metadata.row_group(first).num_rows:
            skip -= self._file.metadata.row_group(first).num_rows
            first += 1
        groups = list(range(first, self._file.num_row_groups))
        for batch in self._file.iter_batches(BATCH_ROWS, row_groups=groups, columns=self._encode.columns):
            if skip >= batch.num_rows:
                skip -= batch.num_rows
                continue
            yield batch.slice(skip)
            skip = 0


class RowEncoder:
    """Arrow rows to JSON records, exactly: decimals by their digits, times in the unit that the model reads."""

    def __init__(self, event: EventSchema, schema: pa.Schema, path: Path, outside: Mapping[str, object]) -> None:
        """`schema` is the file's, `outside` as of RowReader. Raises SourceError when it has none of the event's
        columns.
        """
        located = [(field, _locate(field, schema)) for field in event.fields]
        self._fields = [(field, place) for field, place in located if place is not None]
        if not self._fields:
            wanted = ", ".join(field.name for field in event.fields)
            raise SourceError(f"{path} has none of the event's columns ({wanted}): it has {', '.join(schema.names)}")
        self._converts = [_converter(field) for field, _ in self._fields]
        lacking = [field for field, place in located if place is None and field.name in outside]
        self._all = [*(field for field, _ in self._fields), *lacking]
        self._outside = [outside[field.name] for field in lacking]
        self._json = msgspec.json.Encoder(decimal_format="number")
        self.columns = [".".join(place) for _, place in self._fields]

    def __call__(self, batch: pa.RecordBatch) -> list[bytes]:
        """One record per row, in row order."""
        columns = []
        for (_, place), convert in zip(self._fields, self._converts, strict=True):
            column = batch.column(place[0])
            columns.append(convert(pc.struct_field(column, place[1:]) if len(place) > 1 else column))
        fields = self._all
        columns += [[value] * batch.num_rows for value in self._outside]
        if all(len(field.path) == 1 for field in fields):
            names = [(field.path[0], field.null_ok) for field in fields]
            objects = [
                {name: value for (name, null_ok), value in zip(names, row, strict=True) if null_ok or value is not None}
                for row in zip(*columns, strict=True)
            ]
        else:
            objects = [nest(fields, row) for row in zip(*columns, strict=True)]
        return [self._record(each) for each in objects]

    def _record(self, record: dict[str, Any]) -> bytes:
        if any(isinstance(value, float) and not math.isfinite(value) for value in record.values()):
            # JSON has no NaN: written as it is, the contract refuses it, where msgspec would make it a null.
            return json.dumps(record, default=str).encode()
        return self._json.encode(record)


def _locate(field: EventField, schema: pa.Schema) -> tuple[str, ...] | None:
    """Where a field's values are: one column named "a.b", or a path into a struct; None = the file lacks it."""
    if field.name in schema.names:
        return (field.name,)
    head, *inner = field.name.split(".")
    if not inner or head not in schema.names:
        return None
    at = schema.field(head).type
    for name in inner:
        if not pa.types.is_struct(at) or at.get_field_index(name) < 0:
            return None
        at = at.field(name).type
    return (head, *inner)


def nest(fields: Sequence[EventField], row: Sequence[Any]) -> dict[str, Any]:
    """One row as nested objects; an optional object whose leaves are all null is left out."""
    record: dict[str, Any] = {}
    held = {field.path[0] for field, value in zip(fields, row, strict=True) if value is not None}
    optional = {field.path[0] for field in fields if field.nullable and not field.null_ok}
    for field, value in zip(fields, row, strict=True):
        if value is None and (not field.null_ok or (field.path[0] in optional and field.path[0] not in held)):
            continue
        inner = record
        for name in field.path[:-1]:
            inner = inner.setdefault(name, {})
        inner[field.path[-1]] = value
    return record


def _converter(field: EventField) -> Convert:
    if field.kind is FieldKind.EVENT_TIME:
        unit = field.unit or TimeUnit.MILLIS
        return lambda column: _times(column, unit)
    if field.kind is FieldKind.DATE:
        return lambda column: [each.isoformat() if isinstance(each, date) else each for each in column.to_pylist()]
    return _amounts if field.is_amount_text else _plain


def _amounts(column: pa.ChunkedArray | pa.Array) -> list[Any]:
    """Decimals as the text that a field of MoneyText reads; what is of another type stays what it is."""
    return [f"{each:f}" if isinstance(each, Decimal) else each for each in _plain(column)]


def _plain(column: pa.ChunkedArray | pa.Array) -> list[Any]:
    return [str(each) if isinstance(each, bytes | datetime | timedelta) else each for each in column.to_pylist()]


def _times(column: pa.ChunkedArray | pa.Array, unit: TimeUnit) -> list[Any]:
    """Event times as the model reads them; a timestamp without a zone is UTC."""
    if not pa.types.is_timestamp(column.type):
        return list(column.to_pylist())
    ticks = column.cast(pa.int64()).to_pylist()
    have = _TICKS_PER_SECOND[column.type.unit]
    if unit is TimeUnit.TEXT:
        return [None if each is None else ms_to_text(each * 1_000 // have) for each in ticks]
    want = _TICKS_PER_SECOND[unit.value]
    return [None if each is None else each * want // have for each in ticks]
