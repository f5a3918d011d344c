"""Rows of some windows read back from the lake: files by their bounds, rows by their windows."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dataflow.alerts.windows import END, START, Span, begins_in, in_windows, times_ms
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.layout import DataFile, TableLayout
from sinks.lake.catalog.reader import data_files
from sinks.lake.catalog.sqlite import told
from sinks.lake.catalog.staged import StagedFile
from sinks.lake.catalog.types import Bound, from_text, to_text
from sinks.lake.content import DamagedFile, committed_bytes, pieces_of
from sinks.lake.names import table_folder

TRIES = 5
"""A compaction may put another file in the place of one that is about to be read; it was looked up too long ago."""


class _Place(NamedTuple):
    """A file to be read. `digest`: of the bytes that were committed; None where nobody knows."""

    path: Path
    digest: str | None


class _Wanted(NamedTuple):
    """Which files may hold what is asked for, by their `bounds` of a column, and which rows are it."""

    file: Callable[[DataFile], bool]
    row: Callable[[pa.Table], npt.NDArray[np.bool_]]
    bounds: str = START


class StoredWindows:
    """Reads the tables of one lake, as they are when it is asked, with files that are staged and not published yet."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def rows(
        self,
        table: TableLayout,
        schema: pa.Schema,
        windows: set[Span],
        staged: Iterable[StagedFile] = (),
    ) -> pa.Table:
        """The rows of these windows, (start, end) in ms, in `schema`; a column that a file lacks is null.

        Rows come in any order, and rows of equal keys are not merged. Raises DamagedFile.
        """
        starts = sorted({start for start, _ in windows})
        wanted = _Wanted(lambda file: _may_hold(file, starts), lambda rows: in_windows(rows, windows))
        return self._rows(table, schema, wanted, staged)

    def rows_between(
        self,
        table: TableLayout,
        schema: pa.Schema,
        spans: Sequence[Span],
        staged: Iterable[StagedFile] = (),
    ) -> Iterator[pa.Table]:
        """The same of windows that begin in [start, end) of one of these spans, which ascend and lie apart.

        In pieces, read one by one from files whose bytes are all here when the first piece comes.
        """
        wanted = _Wanted(lambda file: _may_begin(file, spans), lambda rows: begins_in(rows, spans))
        return self._pieces(table, schema, wanted, staged)

    def ending(
        self, table: TableLayout, schema: pa.Schema, after_ms: int, staged: Iterable[StagedFile] = ()
    ) -> pa.Table:
        """The same of windows that end after that time."""
        wanted = _Wanted(lambda file: _may_end(file, after_ms), lambda rows: times_ms(rows, END) > after_ms, END)
        return self._rows(table, schema, wanted, staged)

    def _rows(self, table: TableLayout, schema: pa.Schema, wanted: _Wanted, staged: Iterable[StagedFile]) -> pa.Table:
        return pa.concat_tables([schema.empty_table(), *self._pieces(table, schema, wanted, staged)])

    def _pieces(
        self, table: TableLayout, schema: pa.Schema, wanted: _Wanted, staged: Iterable[StagedFile]
    ) -> Iterator[pa.Table]:
        files = self._contents(table, wanted, staged)
        # what was decoded takes several times the memory of the bytes, which go one by one
        while files:
            path, content = files.pop()
            for piece in pieces_of(content, path, table, schema.names):
                rows = _in(schema, piece)
                is_meant = wanted.row(rows)
                # to leave nothing out takes as long as to read it
                yield rows if is_meant.all() else rows.filter(pa.array(is_meant))

    def _contents(self, table: TableLayout, wanted: _Wanted, staged: Iterable[StagedFile]) -> list[tuple[Path, bytes]]:
        """The bytes of all files, the last first."""
        folder = table_folder(self._catalog.folder, table.path)
        pending = [_Place(folder / file.path, file.digest) for file in staged if file.table == table.name]
        for _ in range(TRIES):
            try:
                places = [*self._places(table, wanted), *pending]
                return [(place.path, committed_bytes(place.path, place.digest)) for place in reversed(places)]
            except DamagedFile as damage:
                problem = damage
        raise problem

    def _places(self, table: TableLayout, asked: _Wanted) -> list[_Place]:
        catalog = self._catalog
        files = data_files(catalog.connection, catalog.folder, table, catalog.head().id, [asked.bounds])
        wanted = [file for file in files if asked.file(file)]
        with told(catalog.path, catalog.busy_ms):
            digests = {
                file.id: catalog.one("SELECT digest FROM own_file WHERE data_file_id = ?", file.id) for file in wanted
            }
        return [_Place(file.path, (digests[file.id] or (None,))[0]) for file in wanted]


def _may_hold(file: DataFile, starts_ms: Sequence[int]) -> bool:
    """Whether one of these starts, which ascend, lies within the file's bounds."""
    bounds = file.bounds.get(START)
    if bounds is None or bounds.low is None or bounds.high is None:
        return True
    low, high = 0, len(starts_ms)
    while low < high:
        # the first start that is not below the file's bounds
        middle = (low + high) // 2
        known = _bound(starts_ms[middle])
        if known is None:
            return True
        low, high = (middle + 1, high) if known < bounds.low else (low, middle)  # type: ignore[operator]  # both are texts of times
    if low == len(starts_ms):
        return False
    known = _bound(starts_ms[low])
    return known is None or known <= bounds.high  # type: ignore[operator]  # both are texts of times


def _may_begin(file: DataFile, spans: Sequence[Span]) -> bool:
    """Whether one of these spans meets the file's bounds."""
    bounds = file.bounds.get(START)
    if bounds is None or bounds.low is None or bounds.high is None:
        return True
    for start, end in spans:
        # a time without a text lies beyond all that have one
        low, last = _bound(start), _bound(end - 1)
        if (low is None or low <= bounds.high) and (last is None or bounds.low <= last):  # type: ignore[operator]  # all are texts of times
            return True
    return False


def _may_end(file: DataFile, after_ms: int) -> bool:
    """Whether the file's bounds reach beyond that time."""
    bounds, known = file.bounds.get(END), _bound(after_ms)
    if bounds is None or bounds.high is None or known is None:
        return True
    return bounds.high > known  # type: ignore[operator]  # both are texts of times


def _bound(ms: int) -> Bound | None:
    return from_text(to_text(ms * 1000, "timestamp"), "timestamp")


def _in(schema: pa.Schema, content: pa.Table) -> pa.Table:
    """A column that a file lacks is null."""
    columns = [
        content.column(field.name).cast(field.type)
        if field.name in content.schema.names
        else pa.nulls(content.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)
