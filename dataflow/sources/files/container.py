"""Reads one Avro container file as a source partition: a record's number from 0 is its offset."""

import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import msgspec
import numpy as np
import pyarrow as pa

from dataflow.errors import OffsetLost, SourceError
from dataflow.event.fields import FieldKind, TimeUnit, ms_to_text
from dataflow.event.schema import EventField, EventSchema
from dataflow.messages import POLL_SCHEMA, Poll, Refusal
from dataflow.sources.files.content_print import Known, Print, digest, known_of
from dataflow.sources.files.lines import Manner
from dataflow.sources.files.row_texts import nest

_TICKS = {"millis": 1_000, "micros": 1_000_000, "nanos": 1_000_000_000}
_FIRST_DAY = date(1970, 1, 1)
_FAILURES = (ValueError, TypeError, KeyError, IndexError, EOFError, StopIteration, OSError, OverflowError)

Convert = Callable[[Any], object]


class _Unsayable(Exception):
    """A value that no JSON text can say; `refusal` tells it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class ContainerReader:
    """One Avro container file with the event's fields, by name; nested fields as records.

    Values are read by the schema in the file: times in its unit, decimals by its scale, bytes as UTF-8 text. Records
    behind the last whole block wait until the block is whole.
    """

    def __init__(
        self,
        path: Path,
        start: int,
        bounded_end: int | None,
        event: EventSchema,
        *,
        outside: Mapping[str, object],
        manner: Manner,
        hint: Any = None,
    ) -> None:
        """Raises OffsetLost when the file has fewer than `start` records, SourceError when it is no Avro file."""
        self._path = path
        self._file = path.open("rb")
        self.position = 0
        self.finished = False
        self.unfinished = False
        self._end = bounded_end
        self._manner = manner
        self._read = known_of(hint)
        self._print = Print.beside(self._read)
        found = path.stat()
        self._stat = (found.st_size, found.st_mtime_ns)
        self._bytes = path.open("rb")
        try:
            self._blocks = fastavro.block_reader(self._file)
            schema: Any = self._blocks.writer_schema
            self._plain, self._converts = _plain_schema(schema), _located(schema, event)
        except _FAILURES as error:
            self.close()
            raise SourceError(
                f"{path} cannot be read as an Avro container: {error}. Remove it or write it anew"
            ) from None
        fields = [field for field, _, _ in self._converts]
        if not fields:
            self.close()
            wanted = ", ".join(field.name for field in event.fields)
            there = ", ".join(each["name"] for each in schema.get("fields", ()))
            raise SourceError(f"{path} has none of the event's columns ({wanted}): it has {there}")
        more = [field for field in event.fields if field.name in outside and field not in fields]
        self._fields, self._outside = [*fields, *more], [outside[field.name] for field in more]
        self._json = msgspec.json.Encoder(decimal_format="number")
        self._held: list[Any] = []
        self._next = 0
        self._skip_to(start)

    @property
    def hint(self) -> dict[str, Any]:
        """What the file is known by: beside it nothing but the record's number is needed."""
        return self._known().told()

    @property
    def content(self) -> str:
        """The same as JSON."""
        return self._known().text()

    def _known(self) -> Known:
        chain, part = self._print.value()
        manner = self._manner
        return Known(manner.kind, self._print.size, manner.first, chain, part, 0, digest(b""), self._stat, manner.place)

    def _take_print(self) -> None:
        """Take the bytes of the block that was read. Raises OffsetLost where they are not what was read before."""
        self._print.update(self._bytes.read(self._file.tell() - self._print.size))
        read = self._read
        if read is not None and self._print.size == read.size and not self._print.is_of(read):
            self.close()
            raise OffsetLost(
                f"{self._path} was read up to byte {read.size}, and was changed in that part since. Restore the file "
                "as it was, or start a new lake"
            )

    def poll(self, max_records: int, max_bytes: int) -> Poll | None:
        """The next records: at least one unless the end is reached."""
        if self.finished or (self._next == len(self._held) and not self._load()):
            return None
        start = self.position
        limit = max_records if self._end is None else min(max_records, self._end - start)
        texts: list[bytes | None] = []
        values: list[bytes] = []
        refused: dict[int, Refusal] = {}
        size_bytes = 0
        for row in self._held[self._next : self._next + limit]:
            value, text = self._record(row, start + len(values), refused)
            size_bytes += len(value)
            if values and size_bytes > max_bytes:
                refused.pop(start + len(values), None)
                break
            values.append(value)
            texts.append(text)
        end = start + len(values)
        records = pa.RecordBatch.from_arrays(
            [pa.array(np.arange(start, end, dtype=np.int64)), pa.nulls(end - start, pa.int64()), pa.array(values)],
            schema=POLL_SCHEMA,
        )
        self._next += len(values)
        self.position = end
        self.finished = self._end is not None and end >= self._end
        return Poll(records, start, end, pa.array(texts, pa.binary()), refused)

    def confirm(self) -> None:
        """Nothing can have taken this input's place."""

    def lag(self) -> int | None:
        """Not known: a container does not say how many records it has."""
        return (1 if self.unfinished else 0) if self.finished else None

    def waiting(self) -> int | None:
        """There are no transactions here."""
        return None

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._bytes.close()

    def _record(self, row: Any, offset: int, refused: dict[int, Refusal]) -> tuple[bytes, bytes | None]:
        """The record as a dead letter shows it, and as the decoder reads it; None where it is refused."""
        values: list[object] = []
        try:
            for _, path, convert in self._converts:
                at = row
                for name in path:
                    at = at.get(name) if isinstance(at, dict) else None
                values.append(None if at is None else convert(at))
        except _Unsayable as problem:
            refused[offset] = problem.refusal
            return repr(row).encode(errors="backslashreplace"), None
        record = nest(self._fields, [*values, *self._outside])
        text = self._json.encode(record)
        return text, text

    def _skip_to(self, start: int) -> None:
        while self.position < start:
            if self._next == len(self._held) and not self._load():
                self.close()
                raise OffsetLost(
                    f"{self._path} was read up to record {start}, but has only {self.position}: it was changed. "
                    "Restore the file as it was, or start a new lake"
                )
            step = min(start - self.position, len(self._held) - self._next)
            self._next += step
            self.position += step
        self.finished = self._end is not None and start >= self._end

    def _load(self) -> bool:
        """The next block's records; False at the end."""
        while True:
            try:
                block = next(self._blocks)
            except StopIteration:
                self.finished = True
                return False
            except EOFError:
                self.finished = self.unfinished = True
                return False
            except _FAILURES as error:
                raise self._broken(error) from None
            body = io.BytesIO(block.bytes_.getvalue())  # type: ignore[attr-defined]  # its types lack it
            try:
                self._held = [fastavro.schemaless_reader(body, self._plain, None) for _ in range(block.num_records)]
            except _FAILURES as error:
                raise self._broken(error) from None
            if body.read(1):
                raise self._broken(ValueError("bytes are left over behind a block's last record"))
            self._next = 0
            self._take_print()
            if self._held:
                return True

    def _broken(self, error: BaseException) -> SourceError:
        return SourceError(
            f"{self._path} is broken behind record {self.position}: {error or type(error).__name__}. Put a whole copy "
            "there"
        )


@dataclass(frozen=True, slots=True)
class _Logical:
    """What a schema says of a value beyond its type."""

    type: str
    name: str
    scale: int


def _plain_schema(schema: Any) -> Any:
    """The schema without logical types: values come as they are stored, and none is out of a Python type's range."""
    if isinstance(schema, list):
        return [_plain_schema(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _plain_schema(value) if key in ("type", "items", "values", "fields") else value
        for key, value in schema.items()
        if key not in ("logicalType", "precision", "scale")
    }


def _located(schema: Any, event: EventSchema) -> list[tuple[EventField, tuple[str, ...], Convert]]:
    """The event's fields that the schema has, with the path to each and what makes a JSON value of it."""
    named: dict[str, Any] = {}
    _collect(schema, named)
    found = []
    for field in event.fields:
        at: Any = schema
        for name in field.path:
            record = _resolve(at, named)
            fields = record.get("fields", ()) if isinstance(record, dict) else ()
            at = next((each["type"] for each in fields if each["name"] == name), None)
        if at is not None:
            found.append((field, field.path, _converter(field, _logical(_resolve(at, named)))))
    return found


def _collect(schema: Any, named: dict[str, Any]) -> None:
    if isinstance(schema, list):
        for each in schema:
            _collect(each, named)
    elif isinstance(schema, dict):
        if isinstance(schema.get("name"), str) and schema.get("type") in ("record", "enum", "fixed", "error"):
            named[schema["name"]] = schema
        for key in ("type", "items", "values"):
            if not isinstance(schema.get(key), str):
                _collect(schema.get(key), named)
        for each in schema.get("fields", ()):
            _collect(each["type"], named)


def _resolve(schema: Any, named: Mapping[str, Any]) -> Any:
    """The type that a value is of, where it is one type or null."""
    if isinstance(schema, list):
        kinds = [each for each in schema if each != "null"]
        return _resolve(kinds[0], named) if len(kinds) == 1 else None
    if isinstance(schema, str):
        return named.get(schema, {"type": schema})
    if isinstance(schema, dict) and isinstance(schema.get("type"), dict | list):
        return _resolve(schema["type"], named)
    return schema


def _logical(schema: Any) -> _Logical | None:
    if not isinstance(schema, dict):
        return None
    return _Logical(str(schema.get("type")), str(schema.get("logicalType", "")), int(schema.get("scale", 0) or 0))


def _converter(field: EventField, logical: _Logical | None) -> Convert:
    name = "" if logical is None else logical.name
    if logical is not None and name == "decimal" and logical.type in ("bytes", "fixed"):
        scale = logical.scale
        if field.is_amount_text:
            return lambda value: f"{Decimal(int.from_bytes(value, 'big', signed=True)).scaleb(-scale):f}"
        return lambda value: Decimal(int.from_bytes(value, "big", signed=True)).scaleb(-scale)
    if name == "date" and field.kind is FieldKind.DATE:
        return lambda value: _day(field, value)
    per_second = next((ticks for unit, ticks in _TICKS.items() if name.endswith(f"timestamp-{unit}")), None)
    if per_second is not None and field.kind is FieldKind.EVENT_TIME:
        have = per_second
        return lambda value: _time(field, value, have)
    return lambda value: _said(field, value)


def _said(field: EventField, value: Any, inside: str = "") -> object:
    """The value as JSON has it; `inside` is its place in a field that holds many."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise _Unsayable(
                Refusal("invalid_utf8", field.name, f"byte {error.start} of {field.name} is no UTF-8")
            ) from None
    if isinstance(value, float) and not math.isfinite(value):
        raise _Unsayable(_no_number(field, value, inside))
    if isinstance(value, dict | list | tuple):
        # what is inside matters to fields that hold many values alone
        return _inner(field, value) if field.kind in (FieldKind.LIST, FieldKind.JSON) else []
    return value


def _inner(field: EventField, value: Any, inside: str = "") -> object:
    """A list or a map with all that is in it, as JSON has it."""
    if isinstance(value, dict):
        return {str(key): _inner(field, each, str(key)) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_inner(field, each, inside or str(at)) for at, each in enumerate(value)]
    return _said(field, value, inside)


def _no_number(field: EventField, value: float, inside: str) -> Refusal:
    """A NaN or an infinity is of the field's type where that takes doubles, and breaks its limits then."""
    place = ".".join((*field.path, inside) if inside else field.path)
    takes = (field.element or field) if inside else field
    if takes.kind in (FieldKind.FLOAT, FieldKind.JSON) or (takes.kind is FieldKind.MONEY and not takes.is_amount_text):
        return Refusal("constraint", place, f"no finite number: {value}")
    return Refusal("wrong_type", place, f"must be no double: {value}")


def _day(field: EventField, days: int) -> object:
    try:
        return (_FIRST_DAY + timedelta(days=days)).isoformat()
    except OverflowError:
        message = f"{field.name} is {days} days from 1970, outside of the years 1 to 9999"
        raise _Unsayable(Refusal("constraint", field.name, message)) from None


def _time(field: EventField, ticks: int, per_second: int) -> object:
    """A time as the model reads it, floored to its unit."""
    unit = field.unit or TimeUnit.MILLIS
    if unit is TimeUnit.TEXT:
        at_ms = ticks * 1_000 // per_second
        try:
            return ms_to_text(at_ms)
        except OverflowError:
            message = f"{field.name} is {at_ms} ms from 1970, outside of the years 1 to 9999"
            raise _Unsayable(Refusal("constraint", field.name, message)) from None
    want = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[unit.value]
    return ticks * want // per_second
