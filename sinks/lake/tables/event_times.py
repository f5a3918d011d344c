"""Taking an older lake over: with its catalog's steps, its event times, which were BIGINTs, become TIMESTAMPs."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from dataflow.errors import LakeError
from dataflow.pipeline.names import EVENTS, LATE_EVENTS
from dataflow.steps import UNSEEN, Steps, each
from sinks.lake.catalog.bounds import recompute_bounds
from sinks.lake.catalog.catalog import BUSY_MS, Catalog
from sinks.lake.catalog.format import (
    FORMAT,
    MIGRATIONS,
    format_of,
    migrate,
    require_known,
    this_version,
    times_are_written_anew,
)
from sinks.lake.catalog.layout import Column, TableLayout
from sinks.lake.catalog.ownership import files_with_deletes
from sinks.lake.catalog.sqlite import told
from sinks.lake.catalog.staged import StagedFile
from sinks.lake.content import read_content, require_plain
from sinks.lake.fault import Fault, no_fault
from sinks.lake.files import write_file
from sinks.lake.names import merged_file_name, table_folder, unique_name
from sinks.lake.tables.definition import read_definition

MESSAGE = "takeover"
"""Of the snapshot from which on they are TIMESTAMPs; those before it stay as they were, files and all."""

_WITH_TIMES = MIGRATIONS.index(times_are_written_anew) + 1
"""The first format with TIMESTAMPs."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Takeover:
    """What whoever takes a lake over brings along.

    `event_time`: the events' column of their time, where a pipeline file tells it. `say` is told what takes its time,
    before it begins; each file is one of `steps`.
    """

    event_time: str | None = None
    say: Say = lambda text: None
    steps: Steps = UNSEEN
    fault: Fault = no_fault


@dataclass(frozen=True, slots=True)
class _File:
    """A live file, as the catalog has it; `digest` None for one of another client."""

    id: int
    path: str
    rows: int
    size_bytes: int
    row_id_start: int
    begin: int
    partial_max: int | None
    is_plain: bool
    digest: str | None

    @property
    def is_theirs(self) -> bool:
        """Another client wrote it, which may have given each row an id of its own."""
        return self.digest is None

    @property
    def newest(self) -> int:
        """The newest snapshot that added one of its rows."""
        return self.begin if self.partial_max is None else self.partial_max


@dataclass(slots=True)
class _Anew:
    """A table to be written anew: its layout and files as they are, the layout as it will be, and the files of that."""

    table: TableLayout
    files: list[_File]
    becomes: TableLayout
    staged: list[StagedFile] = field(default_factory=list)

    @property
    def changed(self) -> list[Column]:
        """The columns that become TIMESTAMPs."""
        return [column for column in self.becomes.columns if column.former_id is not None]


def open_existing(folder: Path, now: datetime, how: Takeover | None = None, *, busy_ms: int = BUSY_MS) -> Catalog:
    """Open a lake of ours for writing, after taking an older one over.

    Raises as `Catalog.open` does, and LakeError where an older lake cannot be taken over, which leaves it as it was.
    """
    catalog = Catalog.open(folder, busy_ms=busy_ms)
    try:
        with told(catalog.path, busy_ms):
            as_it_is = format_of(catalog.connection)
        if as_it_is != (FORMAT, this_version()):
            with taking_over(catalog, how or Takeover()) as take_over:
                take_over(now)
    except BaseException:
        catalog.close()
        raise
    return catalog


@contextmanager
def taking_over(catalog: Catalog, how: Takeover) -> Iterator[Callable[[datetime], None]]:
    """A transaction in which what is given, when called, brings the lake to this version's format.

    Files are written anew before it begins, one after the other, and published by it all at once: killed anywhere, the
    lake is as before, and files that no row names are left, which the next run removes. A lake whose event time is not
    known without its pipeline file keeps that step for later.
    """
    with told(catalog.path, catalog.busy_ms):
        known = format_of(catalog.connection).number >= _WITH_TIMES
        wanted = None if known else _wanted(catalog, how)
    steps = MIGRATIONS if known or wanted is not None else MIGRATIONS[: _WITH_TIMES - 1]
    work = [] if wanted is None else [_as_it_is(catalog, name, columns) for name, columns in wanted.items()]
    tables = [each for each in work if each is not None]
    published = False

    def take_over(now: datetime) -> None:
        nonlocal published
        require_known(catalog.connection, catalog.folder)
        # another process may have been faster
        if format_of(catalog.connection).number < _WITH_TIMES:
            _require_unchanged(catalog, tables)
            migrate(catalog.connection, steps)
            if tables:
                _publish(catalog, tables, now)
                how.fault("in_retype")
            published = True
        else:
            migrate(catalog.connection, steps)

    try:
        _stage(catalog, tables, how)
        if tables:
            how.fault("before_retype")
        with catalog.transaction():
            yield take_over
    except BaseException:
        published = False
        raise
    finally:
        if not published:
            _remove(catalog, tables)
    if published and tables:
        how.fault("after_retype")


def _wanted(catalog: Catalog, how: Takeover) -> dict[str, list[str]] | None:
    """The columns that hold times, by table; None where that of the events is not known."""
    time = how.event_time
    if time is None:
        texts = catalog.definitions().values()
        times = [read.time_column for text in texts if (read := read_definition(text)) is not None]
        if None in times:
            return None
        time = times[0] if times else None
    return {EVENTS: [] if time is None else [time], LATE_EVENTS: ["event_time", "watermark"]}


def _as_it_is(catalog: Catalog, name: str, wanted: Sequence[str]) -> _Anew | None:
    """The table with its files; None where there is nothing to do."""
    table = catalog.tables().get(name)
    old = [] if table is None else [c for c in table.columns if c.name in wanted and c.type == "int64"]
    if table is None or not old:
        return None
    require_plain(catalog.connection, table, "start again")
    files = _live(catalog, table)
    if not all(file.is_plain for file in files):
        raise LakeError(
            f"another client deleted rows of table {name}, which has to be written anew for this version: turn that "
            "into files with CALL ducklake_rewrite_data_files('lake', delete_threshold => 0), then start again"
        )
    (last,) = catalog.one("SELECT max(column_id) FROM ducklake_column WHERE table_id = ?", table.id)
    becomes = {
        column.id: column._replace(id=number, type="timestamp", former_id=column.id)
        for number, column in enumerate(old, start=last + 1)
    }
    columns = tuple(becomes.get(column.id, column) for column in table.columns)
    return _Anew(table, files, table._replace(columns=columns))


def _live(catalog: Catalog, table: TableLayout) -> list[_File]:
    touched = files_with_deletes(catalog.connection, table.id)
    rows = catalog.connection.execute(
        "SELECT data_file_id, path, record_count, file_size_bytes, row_id_start, begin_snapshot, partial_max,"
        " path_is_relative = 1 AND partition_id IS NULL AND encryption_key IS NULL AND mapping_id IS NULL, digest"
        " FROM ducklake_data_file LEFT JOIN own_file USING (data_file_id)"
        " WHERE table_id = ? AND end_snapshot IS NULL ORDER BY row_id_start, data_file_id",
        (table.id,),
    )
    return [
        _File(number, path, count, size, start, begin, partial, bool(ours) and number not in touched, digest)
        for number, path, count, size, start, begin, partial, ours, digest in rows.fetchall()
    ]


def _stage(catalog: Catalog, tables: Sequence[_Anew], how: Takeover) -> None:
    """Write the files anew: the same rows in the same order, each with the snapshot that added it."""
    for anew in tables:
        table, names = anew.table, " and ".join(column.name for column in anew.changed)
        folder, rows = table_folder(catalog.folder, table.path), sum(file.rows for file in anew.files)
        if rows:
            how.say(
                f"{table.name} is written anew with {names} as TIMESTAMP: {rows:,} rows in {len(anew.files):,} files, "
                f"{sum(file.size_bytes for file in anew.files):,} bytes"
            )
        for file in each(anew.files, how.steps):
            content, marks = read_content(
                folder / file.path, anew.becomes, digest=file.digest, snapshot=file.begin, row_ids_go=file.is_theirs
            )
            name = merged_file_name(unique_name())
            anew.staged.append(
                write_file(catalog.folder, anew.becomes, content, name, snapshots=marks, fault=how.fault)
            )


def _require_unchanged(catalog: Catalog, tables: Sequence[_Anew]) -> None:
    """Inside the transaction: raise LakeError where what was read is not what is there."""
    now = catalog.tables()
    for anew in tables:
        folder = table_folder(catalog.folder, anew.table.path)
        there = all((folder / file.path).exists() for file in anew.staged)
        if now.get(anew.table.name) != anew.table or _live(catalog, anew.table) != anew.files or not there:
            raise LakeError(
                f"another process changed table {anew.table.name} of {catalog.folder} while it was written anew for "
                "this version; the lake is as it was. End that process, then start again"
            )


def _publish(catalog: Catalog, tables: Sequence[_Anew], now: datetime) -> None:
    """Inside the transaction: one snapshot that ends the old columns and files, and begins the new ones."""
    run = catalog.connection.execute
    first = catalog.head().next_file_id
    changes = ",".join(
        f"{what}:{anew.table.id}"
        for anew in tables
        for what in ("altered_table", *(("deleted_from_table", "inserted_into_table") if anew.files else ()))
    )
    count = sum(len(anew.files) for anew in tables)
    snapshot_id = catalog.snapshot(now, changes, schema=True, file_ids=count, message=MESSAGE)
    version = catalog.head().schema_version
    for anew in tables:
        number = anew.table.id
        _exchange_columns(catalog, anew, snapshot_id)
        run("INSERT INTO ducklake_schema_versions VALUES (?, ?, ?)", (snapshot_id, version, number))
        _exchange_files(catalog, anew, snapshot_id, first)
        first += len(anew.files)
        recompute_bounds(catalog.connection, number)


def _exchange_columns(catalog: Catalog, anew: _Anew, snapshot_id: int) -> None:
    run, number = catalog.connection.execute, anew.table.id
    for column in anew.changed:
        # a column of its own, in the place of the old one: files and bounds of the two never mix
        run(
            "INSERT INTO ducklake_column SELECT ?, ?, NULL, table_id, column_order, column_name, 'timestamp',"
            " initial_default, default_value, nulls_allowed, parent_column, default_value_type,"
            " default_value_dialect FROM ducklake_column WHERE table_id = ? AND column_id = ?"
            " AND end_snapshot IS NULL",
            (column.id, snapshot_id, number, column.former_id),
        )
        run(
            "UPDATE ducklake_column SET end_snapshot = ? WHERE table_id = ? AND column_id = ? AND end_snapshot IS NULL",
            (snapshot_id, number, column.former_id),
        )
        run(
            "INSERT INTO ducklake_table_column_stats SELECT table_id, ?, 0, NULL, NULL, NULL, NULL"
            " FROM ducklake_table_column_stats WHERE table_id = ? AND column_id = ?",
            (column.id, number, column.former_id),
        )


def _exchange_files(catalog: Catalog, anew: _Anew, snapshot_id: int, first: int) -> None:
    """Row ids stay, but for those of rows that another client wrote, which get new ones behind all others."""
    run, number = catalog.connection.execute, anew.table.id
    run(
        "UPDATE ducklake_data_file SET end_snapshot = ? WHERE table_id = ? AND end_snapshot IS NULL",
        (snapshot_id, number),
    )
    (following,) = catalog.one(
        "SELECT coalesce(max(next_row_id), 0) FROM ducklake_table_stats WHERE table_id = ?", number
    )
    for file_id, (old, new) in enumerate(zip(anew.files, anew.staged, strict=True), start=first):
        row_id = following if old.is_theirs else old.row_id_start
        following += old.rows if old.is_theirs else 0
        catalog.insert_file(file_id, new, begin=snapshot_id, row_id_start=row_id, partial_max=old.newest)
    # the old files count until no snapshot shows them, as after any delete
    run(
        "UPDATE ducklake_table_stats SET record_count = record_count + ?, file_size_bytes = file_size_bytes + ?,"
        " next_row_id = ? WHERE table_id = ?",
        (
            sum(file.rows for file in anew.staged),
            sum(file.size_bytes for file in anew.staged),
            following,
            number,
        ),
    )


def _remove(catalog: Catalog, tables: Sequence[_Anew]) -> None:
    """Remove what was staged, but for what the catalog names: whether a COMMIT took place, it alone knows.

    ^C while a COMMIT waits for the disk, say, is heard as soon as that returns. Where the catalog cannot be asked, the
    next run removes what no row names.
    """
    with suppress(LakeError, sqlite3.Error):
        for anew in tables:
            for file in anew.staged:
                if catalog.one("SELECT 1 FROM ducklake_data_file WHERE path = ?", file.path) is None:
                    with suppress(OSError):
                        (table_folder(catalog.folder, anew.table.path) / file.path).unlink(missing_ok=True)
