"""Reads one Parquet file as a source partition: every row is a record, whose values stay the columns that they are."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dataflow.errors import OffsetLost, SourceError
from dataflow.event.schema import EventSchema
from dataflow.formats.located import locate
from dataflow.messages import POLL_SCHEMA, Poll, TypedRows
from dataflow.sources.files.content_print import Known
from dataflow.sources.files.row_texts import RowTexts

BATCH_ROWS = 1 << 15
BATCH_BYTES = 32 << 20
_BUFFER_BYTES = 1 << 20
_LENGTH_BYTES = 4
_FAILURES = (pa.ArrowException, OSError, ValueError, OverflowError)


class RowReader:
    """One Parquet file with the event's columns (nested fields as structs, or as columns named "a.b").

    Row number from 0 = offset. Columns that the model does not know are not read. Memory holds some ten thousand rows,
    and fewer where they are large.
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

        Raises OffsetLost when the file has fewer than `start` rows, SourceError when it is no Parquet file, or has none
        of the event's columns.
        """
        self._path = path
        try:
            self._file = open_parquet(path)
            schema = self._file.schema_arrow
        except _FAILURES as error:
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
        self._columns = locate(event.root, schema).columns()
        if not self._columns:
            self._file.close()
            wanted = ", ".join(field.name for field in event.fields)
            raise SourceError(f"{path} has none of the event's columns ({wanted}): it has {', '.join(schema.names)}")
        self._event, self._outside = event, outside
        self._batches = self._rows_from(start)
        self._held: TypedRows | None = None
        self._told: RowTexts | None = None
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
        held = self._held
        if held is None or self._next == held.columns.num_rows:
            # not two at a time
            held = self._held = None
            held = self._held = self._load()
            self._next = 0
        rows = held.columns.num_rows
        row_bytes = max(1, held.columns.nbytes // rows)
        count = min(max_records, self._end - self.position, rows - self._next, max(1, max_bytes // row_bytes))
        start, end = self.position, self.position + count
        records = pa.RecordBatch.from_arrays(
            [
                pa.array(np.arange(start, end, dtype=np.int64)),
                pa.nulls(count, pa.int64()),
                pa.nulls(count, pa.binary()),
            ],
            schema=POLL_SCHEMA,
        )
        typed = held.slice(self._next, count)
        self._next += count
        self.position = end
        self.finished = end >= self._end
        return Poll(records, start, end, typed=typed)

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

    def _load(self) -> TypedRows:
        try:
            batch = next(self._batches)
        except StopIteration:
            raise self._broken("it has fewer rows than it says") from None
        except _FAILURES as error:
            raise self._broken(str(error)) from None
        batch = _without_views(batch)
        if self._told is None:
            self._told = RowTexts(self._event, batch.schema, self._outside)
        return TypedRows(batch, self._outside, self._told)

    def _broken(self, why: str) -> SourceError:
        return SourceError(
            f"{self._path} is broken behind row {self.position:,}: {why.rstrip('. ')}. Put a whole copy there"
        )

    def _rows_from(self, start: int) -> Iterator[pa.RecordBatch]:
        metadata: Any = self._file.metadata
        groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
        first, skip = 0, start
        while first < len(groups) and skip >= groups[first].num_rows:
            skip -= groups[first].num_rows
            first += 1
        sizes = [group.total_byte_size // max(1, group.num_rows) for group in groups[first:]]
        batch_rows = max(1, min(BATCH_ROWS, BATCH_BYTES // max(1, *sizes, 1)))
        # one thread: what several give back is dearer than what they save at so few rows
        wanted: Any = {"row_groups": [*range(first, len(groups))], "columns": self._columns, "use_threads": False}
        for batch in self._file.iter_batches(batch_rows, **wanted):
            if skip >= batch.num_rows:
                skip -= batch.num_rows
                continue
            yield batch.slice(skip)
            skip = 0


def open_parquet(path: Path) -> pq.ParquetFile:
    """A Parquet file to read in pieces, columns of few distinct texts as dictionaries. Raises what pyarrow does."""
    open_: Any = pq.ParquetFile
    with open_(path) as file:
        metadata = file.metadata
    few = _of_few_texts(metadata)
    file = open_(path, metadata=metadata, pre_buffer=False, buffer_size=_BUFFER_BYTES, read_dictionary=few)
    return cast("pq.ParquetFile", file)


def _of_few_texts(metadata: Any) -> list[str]:
    """The paths of such columns: a text that is written as it is takes four bytes for its length alone."""
    schema = metadata.schema
    texts = [at for at in range(len(schema)) if _is_single_text(schema.column(at))]
    sizes = dict.fromkeys(texts, 0)
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for at in texts:
            chunk = group.column(at)
            sizes[at] += chunk.total_uncompressed_size - _LENGTH_BYTES * chunk.num_values
    return [schema.column(at).path for at in texts if sizes[at] < 0]


def _is_single_text(column: Any) -> bool:
    is_one = column.max_repetition_level == 0 and column.converted_type != "DECIMAL"
    return bool(is_one and column.physical_type == "BYTE_ARRAY")


def _without_views(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same rows with plain texts where there were views of text, of which Arrow cannot pick some."""
    arrow: Any = pa
    views = [arrow.string_view(), arrow.binary_view()]
    if not any(type_ in views for type_ in batch.schema.types):
        return batch
    columns = [column.cast(pa.binary()) if column.type in views else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
