"""Retention: snapshots that grow too old, files that nothing needs any more, files that nothing ever listed."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sinks.lake.catalog.bounds import recompute_bounds
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.deliveries import held_snapshots
from sinks.lake.catalog.ownership import (
    full_path,
    is_own_file,
    named_files,
    own_folders,
    own_objects,
)
from sinks.lake.catalog.schema import AUTHOR
from sinks.lake.catalog.types import time_of, time_text
from sinks.lake.fault import Fault, no_fault
from sinks.lake.names import SCHEMA_FOLDER, is_merged_file, sink_file, table_folder

CHUNK_ROWS = 2_000
"""Catalog rows deleted per transaction: the writer never waits longer than a few ms."""

THINNED_ALREADY = 500
"""So many snapshots in a row with nothing to thin out between them: older ones have been thinned out before."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the past stays.

    Time travel reaches `keep` back; snapshots older than `thin_after` are thinned out to one per `thin_every`.
    A replaced file is deleted `grace` after it was replaced (longer than the longest query), a file that no catalog
    row names after `orphan_age`.
    """

    keep: timedelta = timedelta(days=7)
    thin_after: timedelta = timedelta(hours=1)
    thin_every: timedelta = timedelta(seconds=10)
    grace: timedelta = timedelta(minutes=10)
    orphan_age: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ExpiryReport:
    """What `expire` removed."""

    snapshots: int
    files_deleted: int
    orphans_deleted: int


def expire(catalog: Catalog, now: datetime, retention: Retention, *, fault: Fault = no_fault) -> ExpiryReport:
    """Drop snapshots beyond the retention, then delete files whose grace is over and orphans.

    The newest snapshot always stays, and so do the one that was current at `now - keep` and those up to which commits
    have been sent on: rows that came after them can be told for as long.
    """
    snapshots = _expire_snapshots(catalog, now, retention)
    schedule_dead_files(catalog, now, fault)
    return ExpiryReport(
        snapshots,
        delete_scheduled(catalog, now - retention.grace, fault),
        _delete_orphans(catalog, now - retention.orphan_age, fault),
    )


def _expire_snapshots(catalog: Catalog, now: datetime, retention: Retention) -> int:
    held = held_snapshots(catalog.connection)
    beyond = _beyond(catalog, now - retention.keep) + _thinned(catalog, now, retention)
    doomed = [number for number in beyond if number not in held]
    for start in range(0, len(doomed), CHUNK_ROWS):
        with catalog.transaction() as connection:
            for name in ("ducklake_snapshot", "ducklake_snapshot_changes"):
                connection.executemany(
                    f"DELETE FROM {name} WHERE snapshot_id = ?"
                    " AND snapshot_id < (SELECT max(snapshot_id) FROM ducklake_snapshot)",
                    [(number,) for number in doomed[start : start + CHUNK_ROWS]],
                )
    return len(doomed)


def _beyond(catalog: Catalog, horizon: datetime) -> list[int]:
    """Snapshots older than the one that was current at the horizon, ascending."""
    rows = catalog.connection.execute(
        "SELECT snapshot_id FROM ducklake_snapshot WHERE snapshot_id <"
        " (SELECT max(snapshot_id) FROM ducklake_snapshot WHERE snapshot_time <= ?) ORDER BY snapshot_id",
        (time_text(horizon),),
    )
    return [number for (number,) in rows]


def _thinned(catalog: Catalog, now: datetime, retention: Retention) -> list[int]:
    """Snapshots that thinning leaves out, ascending; the last one of each stretch stays, and all of other clients.

    It is what "as of the end of the stretch" means. Goes back in time, and no further than into what former runs
    have thinned out already: what it costs does not depend on how many snapshots are kept.
    """
    every = retention.thin_every.total_seconds()
    if not every:
        return []
    horizon = catalog.one(
        "SELECT coalesce(max(snapshot_id), -1) FROM ducklake_snapshot WHERE snapshot_time <= ?",
        time_text(now - retention.keep),
    )[0]
    rows = catalog.connection.execute(
        "SELECT s.snapshot_id, s.snapshot_time, s.snapshot_id = 0 OR c.author = ? FROM ducklake_snapshot s"
        " LEFT JOIN ducklake_snapshot_changes c USING (snapshot_id)"
        " WHERE s.snapshot_time <= ? AND s.snapshot_id >= ? ORDER BY s.snapshot_id DESC",
        (AUTHOR, time_text(now - retention.thin_after), horizon),
    )
    doomed: list[int] = []
    following: float | None = None
    kept = 0
    for number, text, ours in rows:
        if not ours:
            continue
        stretch = time_of(text).timestamp() // every
        if stretch == following and number != horizon:
            doomed.append(number)
            kept = 0
        else:
            kept += 1
        following = stretch
        if kept > THINNED_ALREADY:
            break
    rows.close()
    return doomed[::-1]


def schedule_dead_files(catalog: Catalog, now: datetime, fault: Fault) -> None:
    """Files of our tables that have ended, and that no snapshot left can see, go to the list to delete."""
    tables = ",".join(map(str, sorted(own_objects(catalog.connection))))
    dead = (
        f"SELECT data_file_id FROM ducklake_data_file WHERE end_snapshot IS NOT NULL AND table_id IN ({tables})"
        " AND NOT EXISTS (SELECT 1 FROM ducklake_snapshot s WHERE s.snapshot_id >= begin_snapshot"
        " AND s.snapshot_id < end_snapshot)"
    )
    if catalog.one(f"{dead} LIMIT 1") is None:
        return
    with catalog.transaction() as connection:
        touched = connection.execute(
            "SELECT table_id, sum(record_count), sum(file_size_bytes) FROM ducklake_data_file"
            f" WHERE data_file_id IN ({dead}) GROUP BY table_id"
        ).fetchall()
        for name in ("ducklake_data_file", "ducklake_delete_file"):
            connection.execute(
                "INSERT INTO ducklake_files_scheduled_for_deletion SELECT f.data_file_id,"
                " CASE WHEN f.path_is_relative THEN ? || t.path || f.path ELSE f.path END, f.path_is_relative, ?"
                f" FROM {name} f JOIN (SELECT DISTINCT table_id, path FROM ducklake_table) t USING (table_id)"
                f" WHERE f.data_file_id IN ({dead})",
                (SCHEMA_FOLDER, time_text(now)),
            )
        ids = [number for (number,) in connection.execute(dead)]
        for name in (
            "ducklake_delete_file",
            "ducklake_file_column_stats",
            "ducklake_file_partition_value",
            "own_file",
            "ducklake_data_file",
        ):
            connection.executemany(f"DELETE FROM {name} WHERE data_file_id = ?", [(number,) for number in ids])
        for table_id, rows, size_bytes in touched:
            # no less than what is left: other clients may have counted otherwise
            connection.execute(
                "UPDATE ducklake_table_stats SET record_count = max(record_count - ?, (SELECT coalesce("
                "sum(record_count), 0) FROM ducklake_data_file f WHERE f.table_id = ducklake_table_stats.table_id)),"
                " file_size_bytes = max(file_size_bytes - ?, 0) WHERE table_id = ?",
                (rows, size_bytes, table_id),
            )
            recompute_bounds(connection, table_id)
        fault("in_expiry")


def delete_scheduled(catalog: Catalog, before: datetime, fault: Fault) -> int:
    """Unlink what has waited since before `before`, if it is ours; what another client has put on the list is its own.

    Returns how many.
    """
    rows = catalog.connection.execute(
        "SELECT data_file_id, path FROM ducklake_files_scheduled_for_deletion"
        " WHERE schedule_start < ? AND path_is_relative = 1",
        (time_text(before),),
    ).fetchall()
    if not rows:
        return 0
    folders = own_folders(catalog.connection)
    needed = named_files(catalog.connection, catalog.folder, scheduled=False)
    done: list[tuple[int, str]] = []
    for number, path in rows:
        if not is_own_file(path, folders) or full_path(catalog.folder, path) in needed:
            continue
        target = catalog.folder / path
        fault("before_unlink")
        target.unlink(missing_ok=True)
        fault("after_unlink")
        done.append((number, path))
    for start in range(0, len(done), CHUNK_ROWS):
        with catalog.transaction() as connection:
            connection.executemany(
                "DELETE FROM ducklake_files_scheduled_for_deletion WHERE data_file_id = ? AND path = ?",
                done[start : start + CHUNK_ROWS],
            )
    return len(done)


def _delete_orphans(catalog: Catalog, before: datetime, fault: Fault) -> int:
    """Files of ours that no catalog row names: what a crash left behind.

    A sink's file of the current run may be staged in its recovery store, however old it is, so it stays.
    """
    current = catalog.one("SELECT max(incarnation) FROM own_pipeline")[0] or 0
    deleted = 0
    named: set[str] | None = None
    for table in catalog.tables().values():
        folder = table_folder(catalog.folder, table.path)
        if not folder.is_dir():
            continue
        doomed = [
            path
            for path in folder.iterdir()
            if _is_ours(path.name, current) and path.stat().st_mtime < before.timestamp()
        ]
        for path in doomed:
            if named is None:
                named = named_files(catalog.connection, catalog.folder)
            if full_path(folder, path.name) not in named:
                fault("before_unlink")
                with suppress(OSError):
                    path.unlink()
                    deleted += 1
                fault("after_unlink")
    return deleted


def _is_ours(name: str, incarnation: int) -> bool:
    written = sink_file(name)
    return is_merged_file(name) if written is None else written.incarnation < incarnation
