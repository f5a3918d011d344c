"""Reads one CSV file as a source partition: a row below the header is a record, its number from 0 the offset."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa

from dataflow.errors import SourceError
from dataflow.event.fields import FieldKind
from dataflow.event.schema import EventField, EventSchema
from dataflow.formats.located import locate
from dataflow.messages import POLL_SCHEMA, Poll, Refusal
from dataflow.sources.files.lines import Hint, LineReader, Manner
from dataflow.sources.files.outside import json_value
from dataflow.sources.files.row_ends import ROW_BYTES, row_ends
from dataflow.sources.files.row_texts import nest

_HEADER_BYTES = 1 << 30
_NOT_CLOSED = Refusal("malformed", None, "no row of CSV: a quote is not closed")


class SeparatedReader:
    """One CSV file: commas between fields, quotes as in RFC 4180, the columns' names in the first row, UTF-8.

    The event model says how a field's text is read. An empty field is a null where the model allows one, an empty text
    where the field is one, and left out elsewhere. A row that is no row of the header's length is refused.
    """

    def __init__(
        self,
        path: Path,
        start: int,
        hint: Hint | None,
        bounded_end: int | None,
        event: EventSchema,
        *,
        outside: Mapping[str, object],
        manner: Manner,
    ) -> None:
        """`outside`: JSON values of columns that the file's folders say, for those that it lacks itself.

        Raises OffsetLost as LineReader does, SourceError when it has none of the event's columns.
        """
        manner = replace(manner, ends=partial(row_ends, longest_bytes=manner.row_bytes or ROW_BYTES))
        first = LineReader(path, 0, None, 1, manner=manner)
        header = first.poll(1, _HEADER_BYTES)
        first.close()
        # a header without its newline may be written on; no row can be behind it
        is_cut = header is not None and header.cut
        names = [] if header is None or is_cut else _fields(header.records.column("value")[0].as_py())
        if isinstance(names, Refusal):
            raise SourceError(f"{path} cannot be read as CSV, its first row is no header: {names.message}")
        self._values = _Values(path, names, event, outside, manner.row_bytes or ROW_BYTES)
        end = None if bounded_end is None else bounded_end + 1
        # without a header there is no row either; at the first row the header may be younger than the hint
        line, hint = (start + 1, hint if start else None) if header is not None and not is_cut else (0, None)
        end = 0 if is_cut else end
        self._rows = LineReader(path, line, hint, end, manner=manner)
        self.position = start
        self.finished, self.unfinished = self._rows.finished, is_cut

    @property
    def hint(self) -> Hint:
        """Byte of the file that belongs to `position`."""
        return self._rows.hint

    @property
    def content(self) -> str:
        """What the file is known by up to `position`."""
        return self._rows.content

    def poll(self, max_records: int, max_bytes: int) -> Poll | None:
        """The next rows."""
        poll = self._rows.poll(max_records, max_bytes)
        self.finished, self.unfinished = self._rows.finished, self._rows.unfinished
        if poll is None:
            return None
        refused: dict[int, Refusal] = {}
        texts: list[bytes | None] = []
        for offset, value in enumerate(poll.records.column("value").to_pylist(), start=poll.start - 1):
            said = self._values.json(value)
            if isinstance(said, Refusal):
                refused[offset] = said
            texts.append(None if isinstance(said, Refusal) else said)
        columns = [pa.array(np.arange(poll.start - 1, poll.end - 1, dtype=np.int64)), *poll.records.columns[1:]]
        records = pa.RecordBatch.from_arrays(columns, schema=POLL_SCHEMA)
        self.position = poll.end - 1
        return replace(
            poll,
            records=records,
            start=poll.start - 1,
            end=poll.end - 1,
            json=pa.array(texts, pa.binary()),
            refused=refused,
        )

    def confirm(self) -> None:
        """Nothing can have taken this input's place."""

    def lag(self) -> int | None:
        """Rows still to come, as LineReader estimates lines."""
        return self._rows.lag()

    def waiting(self) -> int | None:
        """There are no transactions here."""
        return None

    def close(self) -> None:
        """Close the file."""
        self._rows.close()


class _Values:
    """Rows of a file to JSON records of the model."""

    def __init__(
        self, path: Path, names: Sequence[str], event: EventSchema, outside: Mapping[str, object], row_bytes: int
    ) -> None:
        self._bound = (
            f"Where that is so for {row_bytes:,} bytes, the row ends with its line and the next line begins another: "
            "close it, or raise max_record_bytes for longer rows"
        )
        self._width = len(names)
        at = {name: number for number, name in enumerate(names)}
        header = pa.schema([(name, pa.string()) for name in at])
        here = [(part.field, at[part.path[0]]) for part in locate(event.root, header).fields() if part.path]
        if not here and names:
            wanted = ", ".join(field.name for field in event.fields)
            raise SourceError(f"{path} has none of the event's columns ({wanted}): it has {', '.join(names)}")
        self._at = [number for _, number in here]
        read = {field.name for field, _ in here}
        lacking = [field for field in event.fields if field.name in outside and field.name not in read]
        self._outside = [(field, outside[field.name]) for field in lacking]
        self._fields = [*(field for field, _ in here), *(field for field, _ in self._outside)]
        self._encode = msgspec.json.Encoder(decimal_format="number").encode

    def json(self, row: bytes) -> bytes | Refusal:
        if not row:
            return b""
        cells = _fields(row)
        if cells == _NOT_CLOSED:
            return replace(_NOT_CLOSED, message=f"{_NOT_CLOSED.message}. {self._bound}")
        if isinstance(cells, Refusal):
            return cells
        if len(cells) != self._width:
            return Refusal("malformed", None, f"the row has {len(cells)} fields, the header {self._width}")
        values = [_cell(field, cells[at]) for field, at in zip(self._fields, self._at, strict=False)]
        values += [value for _, value in self._outside]
        return self._encode(nest(self._fields, values))


def _cell(field: EventField, text: str) -> object:
    if text:
        return json_value(field, text)
    return "" if field.kind is FieldKind.STR and not field.nullable else None


def _fields(row: bytes) -> list[str] | Refusal:
    try:
        text = row.decode()
    except UnicodeDecodeError as error:
        return Refusal("invalid_utf8", None, f"byte {error.start} of the row is no UTF-8")
    try:
        return next(csv.reader((text,), strict=True))
    except (csv.Error, StopIteration) as error:
        if "unexpected end of data" in str(error):
            return _NOT_CLOSED
        return Refusal("malformed", None, f"no row of CSV: {error}")


csv.field_size_limit((1 << 31) - 1)
