"""Compaction: few files instead of many, with every snapshot that can still be asked for unchanged."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from dataflow.fold.merge import merge_rows
from dataflow.pipeline.tables import TableSpec
from dataflow.steps import UNSEEN, Steps, each
from sinks.lake.catalog.arrow import column_type
from sinks.lake.catalog.bounds import recompute_bounds
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.layout import TableLayout, strange_columns
from sinks.lake.catalog.ownership import files_with_deletes
from sinks.lake.catalog.reader import CatalogReader
from sinks.lake.catalog.sqlite import told
from sinks.lake.catalog.staged import StagedFile
from sinks.lake.catalog.types import time_text
from sinks.lake.content import DamagedFile, read_content
from sinks.lake.fault import Fault, no_fault
from sinks.lake.files import write_file
from sinks.lake.names import merged_file_name, table_folder, table_path, unique_name
from sinks.lake.upkeep.expire import ExpiryReport, Retention, expire
from sinks.lake.upkeep.keeping import Slots
from sinks.lake.upkeep.leave import Departure, leave, slots_of_lake
from sinks.lake.upkeep.tiers import LiveFile, runs_to_merge, summable
from sinks.lake.upkeep.times import file_times
from sinks.lake.upkeep.turn import shared_turn


@dataclass(frozen=True, slots=True)
class CompactionReport:
    """What one compaction did. `files` is the number of live files per table afterwards."""

    merged_files: int
    written_files: int
    rewritten_rows: int
    summed_rows: int
    """Rows saved by adding up delta rows of equal keys."""
    skipped: tuple[str, ...]
    """Runs that were left alone, and why: a damaged or missing file, or another writer was faster."""
    expiry: ExpiryReport
    files: Mapping[str, int]
    seconds: float
    departures: tuple[Departure, ...] = ()
    """What has left because it is older than it is kept."""


@dataclass(slots=True)
class _Tally:
    merged_files: int = 0
    written_files: int = 0
    rewritten_rows: int = 0
    summed_rows: int = 0
    skipped: list[str] = field(default_factory=list)
    departures: tuple[Departure, ...] = ()

    def remove(self, catalog: Catalog, now: datetime, retention: Retention, fault: Fault) -> ExpiryReport:
        """What goes before anything is merged: snapshots and files beyond `retention`, then what is kept no longer."""
        expiry = expire(catalog, now, retention, fault=fault)
        self.departures, stays = leave(catalog, now, fault=fault)
        self.skipped += stays
        return expiry

    def leaves(self, table: TableLayout, files: int, strange: Sequence[str]) -> bool:
        """Whether the table is left alone, because another client gave it a column; told where that leaves files."""
        if strange and files > 1:
            self.skipped.append(f"{table.name}: another client gave it the column {strange[0]}, so its files stay")
        return bool(strange)

    def waits(self) -> None:
        """An erasure is at work; told once."""
        text = "an erasure is at work; the next run will merge the files"
        if text not in self.skipped:
            self.skipped.append(text)

    def report(self, expiry: ExpiryReport, files: Mapping[str, int], seconds: float) -> CompactionReport:
        return CompactionReport(
            self.merged_files,
            self.written_files,
            self.rewritten_rows,
            self.summed_rows,
            tuple(self.skipped),
            expiry,
            files,
            seconds,
            self.departures,
        )


def compact(
    catalog: Catalog,
    specs: Sequence[TableSpec],
    *,
    clock: Callable[[], datetime],
    retention: Retention | None = None,
    fault: Fault = no_fault,
    unique: Callable[[], str] = unique_name,
    steps: Steps = UNSEEN,
) -> CompactionReport:
    """Expire old snapshots, let leave what is older than it is kept, merge small files, delete those nothing needs.

    Works beside a writing pipeline, in another thread with a Catalog of its own or in another process: Parquet is
    read and written outside of transactions, which stay short and check again that nothing has changed. `specs` say
    how delta rows add up; our tables without a spec are only merged, and those of other clients are left alone, as is
    a table of ours that another client gave a column to. Ledger rows are never dropped. Each table is one of `steps`.
    """
    retention = retention or Retention()
    started = time.perf_counter()
    tally = _Tally()
    expiry = tally.remove(catalog, clock(), retention, fault)
    slots = slots_of_lake(catalog, clock())
    by_name = {spec.name: spec for spec in specs}
    oldest = catalog.one("SELECT min(snapshot_id) FROM ducklake_snapshot")[0]
    tables = catalog.tables()
    for table in each(tables.values(), steps):
        spec = by_name.get(table.name)
        adds_up = spec is not None and spec.keys and set(spec.schema.names) == {column.name for column in table.columns}
        summed_below = oldest if adds_up else None
        files = live_files(catalog, table, slots.get(table.name))
        if tally.leaves(table, len(files), strange_columns(catalog.connection, table)):
            continue
        for run in runs_to_merge(files, summed_below=summed_below):
            with shared_turn(catalog.folder) as free:
                if not free:
                    tally.waits()
                    break
                merge = _Merge(table, run, spec, oldest if summable(run, summed_below) else None)
                _carry_out(catalog, merge, merged_file_name(unique()), clock, tally, fault)
    counts = {table.name: len(live_files(catalog, table)) for table in tables.values()}
    return tally.report(expiry, counts, time.perf_counter() - started)


@dataclass(frozen=True, slots=True)
class _Merge:
    """A run of files to become one; with `summed_below`, all rows are older, and `spec` says how they add up."""

    table: TableLayout
    run: Sequence[LiveFile]
    spec: TableSpec | None
    summed_below: int | None


def _carry_out(
    catalog: Catalog, merge: _Merge, name: str, clock: Callable[[], datetime], tally: _Tally, fault: Fault
) -> None:
    table, run, total = merge.table, merge.run, merge.summed_below
    try:
        staged = _merge(catalog, table, run, merge.spec if total is not None else None, name, fault)
    except DamagedFile as damage:
        tally.skipped.append(str(damage))
        return
    fault("before_compact")
    if _swap(catalog, table, run, staged, clock(), total, fault):
        tally.merged_files += len(run)
        tally.written_files += 1
        tally.rewritten_rows += staged.rows
        tally.summed_rows += sum(file.rows for file in run) - staged.rows
    else:
        (table_folder(catalog.folder, table.path) / staged.path).unlink(missing_ok=True)
        tally.skipped.append(f"{table.name}: another writer changed the files to be merged; the next run will")
    fault("after_compact")


def live_files(catalog: Catalog | CatalogReader, table: TableLayout, slots: Slots | None = None) -> list[LiveFile]:
    """The table's live files in row order; those that another client deleted rows from are not mergeable.

    `slots` says into which steps of time they fall, where the table leaves some day.
    """
    with told(catalog.path, catalog.busy_ms):
        touched = files_with_deletes(catalog.connection, table.id)
        rows = catalog.connection.execute(
            "SELECT data_file_id, path, record_count, file_size_bytes, row_id_start, begin_snapshot, partial_max,"
            " path_is_relative = 1 AND partition_id IS NULL AND encryption_key IS NULL AND mapping_id IS NULL"
            " FROM ducklake_data_file WHERE table_id = ? AND end_snapshot IS NULL ORDER BY row_id_start, data_file_id",
            (table.id,),
        ).fetchall()
        times = [] if slots is None else file_times(catalog.connection, table, slots.column)
    files = [
        LiveFile(number, path, count, size, start, begin, partial, bool(ours) and number not in touched)
        for number, path, count, size, start, begin, partial, ours in rows
    ]
    if slots is None:
        return files
    # a commit between the two reads: its files come last, and a later round sees their times
    latest = {file.id: file.latest_ms for file in times}
    numbers = slots.numbers([latest.get(file.id) for file in files])
    return [replace(file, slot=number) for file, number in zip(files, numbers, strict=True)]


def _merge(
    catalog: Catalog, table: TableLayout, run: Sequence[LiveFile], spec: TableSpec | None, name: str, fault: Fault
) -> StagedFile:
    folder = table_folder(catalog.folder, table.path)
    parts = [read_file(catalog, folder / file.path, file, table) for file in run]
    whole = pa.concat_tables(_alike([part for part, _ in parts], table))
    if spec is not None:
        summed = merge_rows(spec, whole.select(spec.schema.names).cast(spec.schema))
        return write_file(catalog.folder, table, summed, name, fault=fault)
    snapshots = pa.chunked_array([mark for _, marks in parts for mark in marks.chunks], pa.int64())
    return write_file(catalog.folder, table, whole, name, snapshots=snapshots, fault=fault)


def read_file(catalog: Catalog, path: Path, file: LiveFile, table: TableLayout) -> tuple[pa.Table, pa.ChunkedArray]:
    """A file's columns under their names of now, and the snapshot of each row. Raises DamagedFile."""
    known = catalog.one("SELECT digest FROM own_file WHERE data_file_id = ?", file.id)
    return read_content(path, table, digest=known and known[0], snapshot=file.begin_snapshot)


def _alike(parts: Sequence[pa.Table], table: TableLayout) -> list[pa.Table]:
    """The parts with the same columns: those that any of them has, as NULL where one lacks it."""
    kinds: dict[str, set[pa.DataType]] = {}
    for part in parts:
        for entry in part.schema:
            kinds.setdefault(entry.name, set()).add(entry.type)
    fields = []
    for column in table.columns:
        if column.name in kinds:
            found = kinds[column.name]
            fields.append(pa.field(column.name, found.pop() if len(found) == 1 else column_type(column)))
    schema = pa.schema(fields)
    aligned = []
    for part in parts:
        arrays = [
            part.column(entry.name).cast(entry.type)
            if entry.name in part.schema.names
            else pa.chunked_array([pa.nulls(part.num_rows, entry.type)])
            for entry in schema
        ]
        aligned.append(pa.Table.from_arrays(arrays, schema=schema))
    return aligned


def _swap(
    catalog: Catalog,
    table: TableLayout,
    run: Sequence[LiveFile],
    staged: StagedFile,
    now: datetime,
    summed_below: int | None,
    fault: Fault,
) -> bool:
    """Put the merged file in the place of `run` in one transaction; False when the run has changed meanwhile."""
    ids = [file.id for file in run]
    marks = ",".join("?" * len(ids))
    with catalog.transaction() as connection:
        still = {file.id: file for file in live_files(catalog, table)}
        if any(still.get(file.id) != file for file in run):
            return False
        if not (table_folder(catalog.folder, table.path) / staged.path).exists():
            # a run that started meanwhile took it for a leftover
            return False
        if summed_below is not None:
            oldest = catalog.one("SELECT min(snapshot_id) FROM ducklake_snapshot")[0]
            if oldest < summed_below:
                return False
        for name in ("ducklake_data_file", "ducklake_file_column_stats", "ducklake_file_partition_value", "own_file"):
            connection.execute(f"DELETE FROM {name} WHERE data_file_id IN ({marks})", ids)
        file_id = catalog.head().next_file_id
        catalog.snapshot(now, f"merge_adjacent:{table.id}", file_ids=1, message="compaction")
        catalog.insert_file(
            file_id,
            staged,
            begin=min(file.begin_snapshot for file in run),
            row_id_start=run[0].row_id_start,
            partial_max=None if summed_below is not None else max(file.newest for file in run),
        )
        rows, size_bytes = sum(file.rows for file in run), sum(file.size_bytes for file in run)
        connection.execute(
            "UPDATE ducklake_table_stats SET record_count = record_count + ?, file_size_bytes = file_size_bytes + ?"
            " WHERE table_id = ?",
            (staged.rows - rows, staged.size_bytes - size_bytes, table.id),
        )
        connection.executemany(
            "INSERT INTO ducklake_files_scheduled_for_deletion VALUES (?, ?, 1, ?)",
            [(file.id, table_path(table.path) + file.path, time_text(now)) for file in run],
        )
        if summed_below is not None:
            recompute_bounds(connection, table.id)
        fault("in_compact")
    return True
