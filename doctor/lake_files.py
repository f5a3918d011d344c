"""The lake's files against its catalog: missing, cut short, unlisted, too many; and the catalog's own size."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from dataflow.spoken import counted, listed, moment, size, span
from doctor.finding import Finding, error, ok, warning
from query.moment import to_ms
from query.reader import LakeReader, LakeSnapshot
from sinks.lake.catalog.ownership import full_path, is_own_file, named_files, own_folders, own_objects
from sinks.lake.catalog.reader import CatalogReader
from sinks.lake.catalog.sqlite import CATALOG_NAME
from sinks.lake.catalog.types import time_of
from sinks.lake.names import sink_file, table_path

MANY_FILES = 300
MANY_SNAPSHOTS = 200_000
LARGE_WAL_BYTES = 256 * 2**20
STAGED_FOR_MS = 10 * 60_000
"""A file that is not in the catalog may be on its way there for so long."""
SCHEDULED_FOR_MS = 86_400_000


@dataclass(slots=True)
class OnDisk:
    """Files below some folders of the lake: path relative to the lake -> size in bytes, time of change in ms."""

    files: dict[str, tuple[int, int]] = field(default_factory=dict)


def on_disk(lake: Path, folders: Iterable[str]) -> OnDisk:
    """All files of tables that lie in these `folders`, as they are now; one that goes away meanwhile is left out."""
    found = OnDisk()
    for root in (lake / folder for folder in sorted(folders)):
        for path in sorted(root.rglob("*")) if root.is_dir() else []:
            try:
                status = path.stat()
            except OSError:
                continue
            if path.is_file():
                found.files[path.relative_to(lake).as_posix()] = (status.st_size, int(status.st_mtime * 1000))
    return found


def file_findings(reader: LakeReader, snapshot: LakeSnapshot, now: datetime, *, running: bool) -> Iterator[Finding]:
    """Missing and unlisted files of our tables, files per table, the catalog's size, what waits for deletion."""
    # the disk first: what is published or deleted meanwhile must not look unlisted or missing
    catalog = reader.resolver.catalog()
    disk = on_disk(reader.lake_dir, own_folders(catalog.connection))
    catalog.begin()
    try:
        yield _missing(catalog, disk)
        yield _unlisted(catalog, disk, now, running=running)
        yield _counts(snapshot)
        yield _catalog(catalog, now)
        yield _scheduled(catalog, now)
    finally:
        catalog.end()


def _listed(catalog: CatalogReader) -> dict[str, tuple[int, bool]]:
    """Of our tables: path relative to the lake -> size, and whether the newest snapshot shows it."""
    own = own_objects(catalog.connection)
    rows = catalog.connection.execute(
        "SELECT t.table_id, t.path || f.path, f.file_size_bytes, f.end_snapshot IS NULL FROM ducklake_data_file f"
        " JOIN (SELECT DISTINCT table_id, path FROM ducklake_table) t USING (table_id) WHERE f.path_is_relative = 1"
    )
    return {table_path(path): (length, bool(live)) for number, path, length, live in rows if number in own}


def _missing(catalog: CatalogReader, disk: OnDisk) -> Finding:
    check = "files.missing"
    listed_files = _listed(catalog)
    gone: list[str] = []
    for path, (length, _) in listed_files.items():
        if path not in disk.files or disk.files[path][0] != length:
            try:
                # it may have been published after the disk was looked at
                if (catalog.folder / path).stat().st_size == length:
                    continue
            except OSError:
                pass
            gone.append(path)
    if not gone:
        return ok(check, f"all {counted(len(listed_files), 'file')} of the catalog are on disk, of their full size")
    live = [path for path in gone if listed_files[path][1]]
    what = f"{counted(len(gone), 'file')} that the catalog lists missing or cut short: {listed(gone)}"
    fix = "put them back from a backup of the lake; without one, fill a new lake from the source"
    if live:
        return error(check, what, fix, files=gone)
    return warning(check, f"{what}; only older snapshots need them", fix, files=gone)


def _unlisted(catalog: CatalogReader, disk: OnDisk, now: datetime, *, running: bool) -> Finding:
    check = "files.orphans"
    known = named_files(catalog.connection, catalog.folder)
    row = catalog.connection.execute("SELECT max(incarnation) FROM own_pipeline").fetchone()
    current = int(row[0] or 0)
    staged: list[str] = []
    left: list[str] = []
    for path, (_, changed_ms) in disk.files.items():
        if full_path(catalog.folder, path) in known:
            continue
        written = sink_file(path.rpartition("/")[2])
        fresh = running and to_ms(now) - changed_ms < STAGED_FOR_MS
        ours = written is not None and written.incarnation >= current > 0
        (staged if ours or fresh else left).append(path)
    waiting = f"{counted(len(staged), 'file')} staged for the next commit" if staged else "no file is left behind"
    if not left:
        return ok(check, waiting, staged=staged, orphans=[])
    ages = [max(0, to_ms(now) - disk.files[path][1]) for path in left]
    total = sum(disk.files[path][0] for path in left)
    old = f"{span(min(ages))} to {span(max(ages))}" if len(left) > 1 else span(ages[0])
    return warning(
        check,
        f"{counted(len(left), 'file')} left behind ({size(total)}, {old} old), in no catalog row: {listed(left)}",
        "the next start of the pipeline removes those of a killed run, tidemill compact those of a killed compaction "
        "after a day; move away what is not Tidemill's",
        staged=staged,
        orphans=left,
        bytes=total,
        oldest_age_ms=max(ages),
    )


def _counts(snapshot: LakeSnapshot) -> Finding:
    check = "files.count"
    counts = {name: len(snapshot.files(name)) for name in sorted(snapshot.tables)}
    many = sorted((name for name, count in counts.items() if count > MANY_FILES), key=lambda name: -counts[name])
    if many:
        names = [f"{name} {counts[name]:,}" for name in many]
        return warning(
            check,
            f"more than {MANY_FILES} files make readers slow: {listed(names)}",
            "tidemill compact --every 30s beside the run",
            files=counts,
        )
    most = max(counts, key=lambda name: counts[name], default=None)
    told = f"{counted(sum(counts.values()), 'live file')} in {counted(len(counts), 'table')}"
    return ok(check, told if most is None else f"{told}, most in {most} ({counts[most]:,})", files=counts)


def _catalog(catalog: CatalogReader, now: datetime) -> Finding:
    check = "catalog"
    count, first, last = catalog.connection.execute(
        "SELECT count(*), min(snapshot_time), max(snapshot_time) FROM ducklake_snapshot"
    ).fetchone()
    path = catalog.folder / CATALOG_NAME
    wal = path.with_name(f"{CATALOG_NAME}-wal")
    length = path.stat().st_size
    wal_bytes = wal.stat().st_size if wal.exists() else 0
    oldest, newest = time_of(first), time_of(last)
    told = (
        f"{size(length)} and {size(wal_bytes)} of write-ahead log, {counted(count, 'snapshot')} from {moment(oldest)} "
        f"({span(max(0, to_ms(now) - to_ms(oldest)))} ago) to {moment(newest)}"
    )
    details = {
        "bytes": length,
        "wal_bytes": wal_bytes,
        "snapshots": count,
        "oldest": oldest.isoformat(),
        "newest": newest.isoformat(),
    }
    if wal_bytes > LARGE_WAL_BYTES:
        return warning(
            check,
            told,
            "a reader keeps an old transaction open: end it (fuser names it), then tidemill compact",
            **details,
        )
    if count > MANY_SNAPSHOTS:
        return warning(check, told, "tidemill compact expires and thins out old snapshots", **details)
    return ok(check, told, **details)


def _scheduled(catalog: CatalogReader, now: datetime) -> Finding:
    check = "files.scheduled"
    folders = own_folders(catalog.connection)
    waiting = [
        since
        for path, since in catalog.connection.execute(
            "SELECT path, schedule_start FROM ducklake_files_scheduled_for_deletion WHERE path_is_relative = 1"
        )
        if is_own_file(path, folders)
    ]
    count = len(waiting)
    if not count:
        return ok(check, "no file waits for its deletion", files=0)
    age = max(0, to_ms(now) - to_ms(time_of(min(waiting))))
    told = f"{counted(count, 'replaced file')} wait for deletion, the oldest for {span(age)}"
    if age > SCHEDULED_FOR_MS:
        return warning(check, told, "tidemill compact deletes them", files=count, oldest_age_ms=age)
    return ok(check, told, files=count, oldest_age_ms=age)
