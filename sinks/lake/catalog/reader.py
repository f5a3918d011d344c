"""The reading side of the catalog: snapshots, tables, views and data files, without DuckDB and without locks."""

import sqlite3
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from types import TracebackType

from dataflow.errors import ForeignLake, LakeError, LakeMissing, NewerLake
from dataflow.sql import quoted
from sinks.lake.catalog.format import require_known
from sinks.lake.catalog.layout import Bounds, DataFile, Snapshot, TableLayout, ViewLayout, layouts, views
from sinks.lake.catalog.others import Other, others
from sinks.lake.catalog.ownership import own_objects
from sinks.lake.catalog.sqlite import CATALOG_NAME, connect_readonly, told
from sinks.lake.catalog.types import from_text, time_of, time_text
from sinks.lake.names import table_folder

_GRAIN_NS = 100_000_000
"""File systems may give changes that follow each other closely one and the same time."""


class CatalogReader(AbstractContextManager["CatalogReader"]):
    """One read-only connection to a lake's catalog. Paths resolve against the catalog's own folder.

    Raises NewerLake for a lake of a later version; an older one is read as it is.
    Several calls see one state only between `begin` and `end`; a single snapshot's content never changes anyway.
    """

    def __init__(self, folder: Path, *, busy_ms: int = 5_000) -> None:
        self.folder = Path(folder).resolve()
        self.path = self.folder / CATALOG_NAME
        self.busy_ms = busy_ms
        self._connection = connect_readonly(self.path, busy_ms=busy_ms)
        try:
            # a run makes the file first, then all tables in one transaction, which may come between two statements
            self._connection.execute("BEGIN")
            names = {name for (name,) in self._connection.execute("SELECT name FROM sqlite_master")}
            if names:
                self._connection.execute("SELECT 1 FROM ducklake_snapshot LIMIT 1").fetchone()
                require_known(self._connection, self.folder)
            self._connection.execute("COMMIT")
        except NewerLake:
            self._connection.close()
            raise
        except (sqlite3.Error, UnicodeDecodeError) as error:
            self._connection.close()
            raise ForeignLake(f"{self.path} is no DuckLake catalog ({error}); name the folder of a lake") from error
        if not names:
            self._connection.close()
            raise LakeMissing(f"the lake in {self.folder} is only being made; ask again in a moment")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def connection(self) -> sqlite3.Connection:
        """The SQLite connection, for reading the own_* tables."""
        return self._connection

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def is_current(self) -> bool:
        """Whether it sees what is committed now; see `sinks.lake.catalog.sqlite.Reading`."""
        return self._connection.is_current()

    def begin(self) -> None:
        """Start a read transaction: all calls up to `end` see one state of the catalog."""
        self._connection.execute("BEGIN")

    def end(self) -> None:
        """End the read transaction."""
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")

    def latest(self) -> Snapshot:
        """The newest snapshot."""
        return self._snapshots("ORDER BY s.snapshot_id DESC LIMIT 1")[0]

    def snapshots(self, *, last: int | None = None) -> list[Snapshot]:
        """All snapshots that time travel can still reach, oldest first; `last` = only so many newest ones."""
        if last is None:
            return self._snapshots("ORDER BY s.snapshot_id")
        return self._snapshots("ORDER BY s.snapshot_id DESC LIMIT ?", last)[::-1]

    def between(self, first: int, last: int) -> list[Snapshot]:
        """Those of the snapshots [first, last] that are kept, oldest first."""
        return self._snapshots("WHERE s.snapshot_id BETWEEN ? AND ? ORDER BY s.snapshot_id", first, last)

    def resolve(self, as_of: int | datetime | None) -> Snapshot:
        """The snapshot with this id, the newest at or before this time (UTC if it has no zone), or the newest of all.

        Raises LakeError when there is none, naming the range that exists or, for an id that was thinned out, the
        kept snapshots next to it.
        """
        if as_of is None:
            return self.latest()
        if isinstance(as_of, datetime):
            at = as_of if as_of.tzinfo else as_of.replace(tzinfo=UTC)
            found = self._snapshots("WHERE s.snapshot_time <= ? ORDER BY s.snapshot_id DESC LIMIT 1", time_text(at))
        else:
            found = self._snapshots("WHERE s.snapshot_id = ?", as_of)
        if found:
            return found[0]
        raise LakeError(f"{self.folder} has no snapshot {as_of}{self._neighbours(as_of)}")

    def _neighbours(self, as_of: int | datetime) -> str:
        """Why there is no such snapshot, and which are kept."""
        first = self._snapshots("ORDER BY s.snapshot_id LIMIT 1")[0]
        last = self.latest()
        if isinstance(as_of, datetime) or as_of > last.id:
            return f"; it holds {_dated(first)} to {_dated(last)}: choose one of `tidemill snapshots`"
        if as_of < first.id:
            return f" any more: it expired, and the oldest that is kept is {_dated(first)}"
        before = self._snapshots("WHERE s.snapshot_id < ? ORDER BY s.snapshot_id DESC LIMIT 1", as_of)[0]
        after = self._snapshots("WHERE s.snapshot_id > ? ORDER BY s.snapshot_id LIMIT 1", as_of)[0]
        return (
            f" any more: it was thinned out, as one per few seconds is kept of older ones, or ended by an erasure. Its "
            f"neighbours are kept: {_dated(before)} before it and {_dated(after)} after it; choose one of them"
        )

    def tables(self, snapshot_id: int) -> dict[str, TableLayout]:
        """Our tables at the snapshot, by name, columns in order."""
        with told(self.path, self.busy_ms):
            return layouts(self._connection, snapshot_id)

    def views(self, snapshot_id: int) -> dict[str, ViewLayout]:
        """Our views at the snapshot, by name."""
        with told(self.path, self.busy_ms):
            return views(self._connection, snapshot_id)

    def files(self, table: TableLayout, snapshot_id: int, *, bounds_of: Sequence[str] = ()) -> list[DataFile]:
        """The table's data files at the snapshot in row order, with the bounds of the columns named in `bounds_of`."""
        with told(self.path, self.busy_ms):
            return data_files(self._connection, self.folder, table, snapshot_id, bounds_of)

    def others(self, snapshot_id: int) -> dict[str, Other]:
        """Tables and views of other clients at the snapshot, by "schema.name"."""
        with told(self.path, self.busy_ms):
            return others(self._connection, self.folder, snapshot_id)

    def foreign_changes(self, snapshot_id: int) -> list[str]:
        """Names of our tables with rows that another DuckLake client deleted or keeps inside the catalog.

        Such rows are seen by the official extension only; `CALL ducklake_flush_inlined_data` and
        `ducklake_rewrite_data_files` turn them into plain files.
        """
        found: list[str] = []
        with told(self.path, self.busy_ms):
            names = {table.id: name for name, table in layouts(self._connection, snapshot_id).items()}
            deleted = self._connection.execute("SELECT DISTINCT table_id FROM ducklake_delete_file").fetchall()
            found += [names[table_id] for (table_id,) in deleted if table_id in names]
            held = self._connection.execute("SELECT table_id, table_name FROM ducklake_inlined_data_tables").fetchall()
            held += [(table_id, f"ducklake_inlined_delete_{table_id}") for table_id in names]
            there = {name for (name,) in self._connection.execute("SELECT name FROM sqlite_master")}
            for table_id, inline in held:
                if table_id in names and inline in there:
                    rows = self._connection.execute(f"SELECT 1 FROM {quoted(inline)} LIMIT 1").fetchone()
                    found += [names[table_id]] if rows else []
        return sorted(set(found))

    def _snapshots(self, tail: str, *values: object) -> list[Snapshot]:
        with told(self.path, self.busy_ms):
            rows = self._connection.execute(
                "SELECT s.snapshot_id, s.snapshot_time, s.schema_version, coalesce(c.changes_made, ''),"
                " c.commit_message FROM ducklake_snapshot s LEFT JOIN ducklake_snapshot_changes c"
                f" USING (snapshot_id) {tail}",
                values,
            ).fetchall()
        return [Snapshot(number, time_of(time), version, made, text) for number, time, version, made, text in rows]


def _dated(snapshot: Snapshot) -> str:
    return f"{snapshot.id} ({snapshot.time:%Y-%m-%d %H:%M:%S} UTC)"


def open_readonly(path: Path | str, *, busy_ms: int = 5_000) -> CatalogReader:
    """Open the lake in folder `path` (or the catalog file itself) for reading.

    Raises LakeMissing when there is none, ForeignLake when the file is something else.
    """
    folder = Path(path)
    return CatalogReader(folder.parent if folder.name == CATALOG_NAME else folder, busy_ms=busy_ms)


def data_files(
    connection: sqlite3.Connection, folder: Path, table: TableLayout, snapshot_id: int, bounds_of: Sequence[str] = ()
) -> list[DataFile]:
    """`CatalogReader.files` on any connection."""
    wanted = {column.id: column for name in bounds_of if (column := table.column(name)) is not None}
    rows = connection.execute(
        "SELECT data_file_id, path, record_count, row_id_start, begin_snapshot, partial_max, file_size_bytes"
        " FROM ducklake_data_file WHERE table_id = ? AND begin_snapshot <= ?"
        " AND (end_snapshot IS NULL OR end_snapshot > ?) ORDER BY row_id_start, data_file_id",
        (table.id, snapshot_id, snapshot_id),
    ).fetchall()
    bounds: dict[int, dict[str, Bounds]] = {}
    if wanted and rows:
        marks = ",".join("?" * len(wanted))
        stats = connection.execute(
            "SELECT data_file_id, column_id, min_value, max_value, null_count FROM ducklake_file_column_stats"
            f" WHERE data_file_id >= ? AND table_id = ? AND column_id IN ({marks})",
            (min(row[0] for row in rows), table.id, *wanted),
        )
        for file_id, column_id, low, high, nulls in stats:
            column = wanted[column_id]
            entry = Bounds(from_text(low, column.type), from_text(high, column.type), nulls)
            bounds.setdefault(file_id, {})[column.name] = entry
    base = table_folder(folder, table.path)
    return [
        DataFile(number, _file_path(str(base), name), count, row_id, begin, partial, size, bounds.get(number, {}))
        for number, name, count, row_id, begin, partial, size in rows
    ]


@lru_cache(maxsize=32_768)
def _file_path(folder: str, name: str) -> Path:
    """Of thousands of files nearly all are the same at the next snapshot, and a path costs more than its row."""
    return Path(folder, name)


def next_offsets(folder: Path) -> dict[str, int]:
    """Per source partition the offset at which the newest commit ends; opens and closes a connection of its own."""
    with CatalogReader(folder) as reader:
        return dict(reader.connection.execute('SELECT "partition", next FROM own_offset'))


def written(folder: Path) -> tuple[int, ...] | None:
    """What changes with every commit, for who asks often: times and sizes of the catalog and its log.

    None where they cannot tell, as a change of this very moment may not show in them.
    """
    path = Path(folder) / CATALOG_NAME
    stamp: list[int] = []
    for each in (path, path.with_name(f"{path.name}-wal")):
        try:
            status = each.stat()
        except OSError:
            stamp += (0, -1)
            continue
        if time.time_ns() - status.st_mtime_ns < _GRAIN_NS:
            return None
        stamp += (status.st_mtime_ns, status.st_size)
    return tuple(stamp)


def live_files(folder: Path) -> dict[str, int]:
    """Per table of ours the number of files in its newest state; opens and closes a connection of its own."""
    with CatalogReader(folder) as reader:
        rows = reader.connection.execute(
            "SELECT t.table_id, t.table_name, count(f.data_file_id) FROM ducklake_table t LEFT JOIN ducklake_data_file"
            " f ON f.table_id = t.table_id AND f.end_snapshot IS NULL WHERE t.end_snapshot IS NULL GROUP BY 1, 2"
        ).fetchall()
        own = own_objects(reader.connection)
        return {name: count for number, name, count in rows if number in own}
