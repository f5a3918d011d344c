"""The lake's catalog, writing side: DuckLake rows and our own, in one SQLite file, one transaction per change."""

import json
import sqlite3
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from dataflow.errors import Fenced, ForeignLake, LakeUnwritable
from sinks.lake.catalog.bounds import widen_bounds
from sinks.lake.catalog.format import migrate, require_known
from sinks.lake.catalog.layout import TableLayout, layouts
from sinks.lake.catalog.schema import AUTHOR, DUCKLAKE, INDEXES, OWN, SCHEMA_ID
from sinks.lake.catalog.sqlite import CATALOG_NAME, connect, connect_readonly, told, transaction
from sinks.lake.catalog.staged import StagedFile
from sinks.lake.catalog.types import time_text
from sinks.lake.names import SCHEMA_FOLDER

BUSY_MS = 30_000
"""How long a commit waits for another process's transaction before it gives up."""


_SCRUB_TRIES = 20


class Head(NamedTuple):
    """The newest snapshot: its id and time, and the numbers that the next one goes on with."""

    id: int
    time: str
    schema_version: int
    next_catalog_id: int
    next_file_id: int


class Catalog:
    """An open lake. Methods that change it must run inside `transaction()`; one thread at a time."""

    def __init__(self, folder: Path, connection: sqlite3.Connection, busy_ms: int) -> None:
        self.folder = folder
        self.path = folder / CATALOG_NAME
        self.busy_ms = busy_ms
        self.connection = connection

    @classmethod
    def create(cls, folder: Path, now: datetime, *, busy_ms: int = BUSY_MS) -> "Catalog":
        """Make an empty lake in an absent or empty folder; ForeignLake when the folder holds anything else."""
        folder = Path(folder).absolute()
        path = folder / CATALOG_NAME
        require_empty(folder, make=True)
        catalog = cls(folder, connect(path, busy_ms=busy_ms, create=True), busy_ms)
        try:
            with catalog.transaction() as connection:
                if connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
                    raise ForeignLake(f"{path} already holds a database; name an empty folder")
                for statement in (DUCKLAKE + INDEXES + OWN).split(";"):
                    if statement.strip():
                        connection.execute(statement)
                catalog._first_rows(time_text(now))
                migrate(connection)
        except BaseException:
            catalog.close()
            raise
        return catalog

    @classmethod
    def open(cls, folder: Path, *, busy_ms: int = BUSY_MS) -> "Catalog":
        """Open an existing lake of ours for writing, as it is: `sinks.lake.tables.event_times` takes older ones over.

        Raises LakeMissing, ForeignLake or NewerLake when it is not there, not ours, or of a later version.
        """
        folder = Path(folder).absolute()
        return cls._ours(folder, connect(folder / CATALOG_NAME, busy_ms=busy_ms), busy_ms)

    @classmethod
    def look(cls, folder: Path, *, busy_ms: int = BUSY_MS) -> "Catalog":
        """The same for whoever only looks: raises as `open` does, and nothing can be changed through it."""
        folder = Path(folder).absolute()
        return cls._ours(folder, connect_readonly(folder / CATALOG_NAME, busy_ms=busy_ms), busy_ms)

    @classmethod
    def _ours(cls, folder: Path, connection: sqlite3.Connection, busy_ms: int) -> "Catalog":
        catalog = cls(folder, connection, busy_ms)
        try:
            with told(catalog.path, busy_ms):
                found = {
                    name
                    for (name,) in connection.execute(
                        "SELECT name FROM sqlite_master WHERE name IN ('own_pipeline', 'ducklake_snapshot')"
                    )
                }
                version = None
                if "ducklake_snapshot" in found:
                    row = connection.execute("SELECT value FROM ducklake_metadata WHERE \"key\" = 'version'").fetchone()
                    version = row[0] if row else None
                require_known(connection, folder)
            if len(found) < 2 or version != "1.0":
                what = "a DuckLake catalog of another writer" if "ducklake_snapshot" in found else "another database"
                raise ForeignLake(f"{catalog.path} is {what}, not a Tidemill lake; name another folder")
        except BaseException:
            connection.close()
            raise
        return catalog

    def close(self) -> None:
        """Close the connection; commits nothing."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """BEGIN IMMEDIATE .. COMMIT; rolled back on any exception."""
        with transaction(self.connection, self.path, self.busy_ms) as connection:
            yield connection

    def scrub(self, wait: Callable[[], None]) -> None:
        """Write the catalog anew without what was deleted from it, and empty its write-ahead log.

        Beside writers and readers; `wait` pauses while one of them still needs the log. Raises LakeUnwritable when it
        goes on needing it.
        """
        with told(self.path, self.busy_ms):
            # nothing of the old content in a temporary file either
            self.connection.execute("PRAGMA temp_store=MEMORY")
            self.connection.execute("VACUUM")
            for _ in range(_SCRUB_TRIES):
                if not self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                    return
                wait()
        raise LakeUnwritable(
            f"{self.path}: another process reads an old state of the catalog all the while, so what was deleted is "
            "still in its write-ahead log. End that process (find it with `fuser`), then run the same command again"
        )

    def one(self, sql: str, *values: object) -> Any:
        """First row of a query, or None."""
        with told(self.path, self.busy_ms):
            return self.connection.execute(sql, values).fetchone()

    def head(self) -> Head:
        """The newest snapshot."""
        return Head(
            *self.one(
                "SELECT snapshot_id, snapshot_time, schema_version, next_catalog_id, next_file_id"
                " FROM ducklake_snapshot ORDER BY snapshot_id DESC LIMIT 1"
            )
        )

    def tables(self) -> dict[str, TableLayout]:
        """Our tables as of now, by name."""
        with told(self.path, self.busy_ms):
            return layouts(self.connection, self.head().id)

    def offsets(self) -> dict[str, tuple[int, int | None]]:
        """Per source partition: where the lake goes on, and the largest event time it has seen (ms)."""
        with told(self.path, self.busy_ms):
            rows = self.connection.execute('SELECT "partition", next, max_event_time FROM own_offset').fetchall()
        return {partition: (following, seen) for partition, following, seen in rows}

    def definitions(self) -> dict[str, str]:
        """The stored definition of each pipeline that has filled the lake, by its name."""
        with told(self.path, self.busy_ms):
            return dict(self.connection.execute("SELECT name, definition FROM own_pipeline"))

    def topics(self) -> dict[str, str | None]:
        """Per source partition its Kafka topic; None where it is of another source."""
        with told(self.path, self.busy_ms):
            return dict(self.connection.execute('SELECT "partition", topic FROM own_offset'))

    def incarnation(self, pipeline: str) -> int:
        """Which run may publish now."""
        row = self.one("SELECT incarnation FROM own_pipeline WHERE name = ?", pipeline)
        return int(row[0]) if row else 0

    def take_over(self, pipeline: str, lineage: str) -> int:
        """Become the only run that may publish; returns the new incarnation. A transaction of its own."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE own_pipeline SET incarnation = incarnation + 1, lineage = ? WHERE name = ?", (lineage, pipeline)
            )
            return self.incarnation(pipeline)

    def require_incarnation(self, pipeline: str, mine: int) -> None:
        """Raise Fenced unless `mine` is still the run that may publish."""
        current = self.incarnation(pipeline)
        if current != mine:
            raise Fenced(
                f"another run of pipeline {pipeline} has taken over the lake {self.folder} (it is run {current},"
                f" this is {mine}); this one has published nothing since. Stop one of the two"
            )

    def snapshot(
        self,
        at: datetime,
        changes: str,
        *,
        schema: bool = False,
        catalog_ids: int = 0,
        file_ids: int = 0,
        message: str | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> int:
        """Insert the next DuckLake snapshot and return its id. Its time never goes back, whatever the clock does."""
        head = self.head()
        number = head.id + 1
        row = Head(
            number,
            max(time_text(at), head.time),
            head.schema_version + schema,
            head.next_catalog_id + catalog_ids,
            head.next_file_id + file_ids,
        )
        self.connection.execute("INSERT INTO ducklake_snapshot VALUES (?, ?, ?, ?, ?)", row)
        self.connection.execute(
            "INSERT INTO ducklake_snapshot_changes VALUES (?, ?, ?, ?, ?)",
            (number, changes, AUTHOR, message, json.dumps(extra, separators=(",", ":")) if extra else None),
        )
        return number

    def append(
        self,
        files: Sequence[StagedFile],
        at: datetime,
        *,
        message: str | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> int:
        """Add `files` to their tables in one new snapshot; returns its id."""
        first_file = self.head().next_file_id
        touched = sorted({file.table_id for file in files})
        changes = ",".join(f"inserted_into_table:{table_id}" for table_id in touched)
        snapshot_id = self.snapshot(at, changes, file_ids=len(files), message=message, extra=extra)
        for file_id, file in enumerate(files, start=first_file):
            row = self.one("SELECT next_row_id FROM ducklake_table_stats WHERE table_id = ?", file.table_id)
            if row is None:
                self.connection.execute("INSERT INTO ducklake_table_stats VALUES (?, 0, 0, 0)", (file.table_id,))
            self.connection.execute(
                "UPDATE ducklake_table_stats SET record_count = record_count + ?, next_row_id = next_row_id + ?,"
                " file_size_bytes = file_size_bytes + ? WHERE table_id = ?",
                (file.rows, file.rows, file.size_bytes, file.table_id),
            )
            self.insert_file(file_id, file, begin=snapshot_id, row_id_start=row[0] if row else 0)
        return snapshot_id

    def insert_file(
        self, file_id: int, file: StagedFile, *, begin: int, row_id_start: int, partial_max: int | None = None
    ) -> None:
        """Insert the rows that describe one data file, and widen its table's global statistics."""
        self.connection.execute(
            "INSERT INTO ducklake_data_file VALUES"
            " (?, ?, ?, NULL, NULL, ?, 1, 'parquet', ?, ?, ?, ?, NULL, NULL, NULL, ?)",
            (
                file_id,
                file.table_id,
                begin,
                file.path,
                file.rows,
                file.size_bytes,
                file.footer_bytes,
                row_id_start,
                partial_max,
            ),
        )
        self.connection.executemany(
            "INSERT INTO ducklake_file_column_stats VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
            [
                (
                    file_id,
                    file.table_id,
                    column.column_id,
                    column.size_bytes,
                    column.value_count,
                    column.null_count,
                    column.low,
                    column.high,
                    column.contains_nan,
                )
                for column in file.columns
            ],
        )
        self.connection.execute("INSERT INTO own_file VALUES (?, ?)", (file_id, file.digest))
        widen_bounds(self.connection, file)

    def _first_rows(self, now: str) -> None:
        run = self.connection.execute
        metadata = (
            ("version", "1.0"),
            ("created_by", "Tidemill"),
            ("data_path", data_path(self.folder)),
            ("encrypted", "false"),
        )
        for key, value in metadata:
            run("INSERT INTO ducklake_metadata VALUES (?, ?, NULL, NULL)", (key, value))
        run("INSERT INTO ducklake_snapshot VALUES (0, ?, 0, 1, 0)", (now,))
        run("INSERT INTO ducklake_snapshot_changes VALUES (0, 'created_schema:\"main\"', NULL, NULL, NULL)")
        run(
            "INSERT INTO ducklake_schema VALUES (?, ?, 0, NULL, 'main', ?, 1)",
            (SCHEMA_ID, str(uuid.uuid5(uuid.NAMESPACE_URL, f"{data_path(self.folder)}{now}")), SCHEMA_FOLDER),
        )


def require_empty(folder: Path, *, make: bool = False) -> None:
    """Raise ForeignLake where a folder that is to become a lake holds anything else; `make` it if it is absent."""
    try:
        if make:
            folder.mkdir(parents=True, exist_ok=True)
        # a crash in the first transaction leaves an empty database: that is still nobody's
        strangers = [entry.name for entry in folder.iterdir() if not entry.name.startswith(CATALOG_NAME)]
    except OSError as error:
        raise LakeUnwritable(
            f"cannot make the lake folder {folder}: {error.strerror}; choose a writable folder"
        ) from error
    if strangers:
        raise ForeignLake(
            f"{folder} is not empty (it holds {strangers[0]!r}) and has no {CATALOG_NAME}; name an empty folder"
        )


def data_path(folder: Path) -> str:
    """DuckLake's data_path of a lake folder: absolute, with a trailing slash."""
    return f"{Path(folder).resolve().as_posix()}/"
