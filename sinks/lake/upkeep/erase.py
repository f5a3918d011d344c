"""Erasing one person: files without the rows take the place of those with them, and nothing of the old is left."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dataflow.durable import sync_folder
from dataflow.errors import ConfigError, LakeError
from dataflow.own_columns import PLACE
from dataflow.pipeline.names import DEAD_LETTERS, EVENTS
from sinks.lake.catalog.bounds import recompute_bounds
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.erasures import ErasedRows, erased_rows, erasures, finish_erasures, note_erasure
from sinks.lake.catalog.layout import TableLayout
from sinks.lake.catalog.staged import StagedFile
from sinks.lake.catalog.types import time_text
from sinks.lake.fault import Fault, no_fault
from sinks.lake.files import write_file
from sinks.lake.leftovers import remove_merged, remove_published
from sinks.lake.names import merged_file_name, table_folder, table_path, unique_name
from sinks.lake.tables.definition import Definition
from sinks.lake.upkeep.compact import live_files, read_file
from sinks.lake.upkeep.expire import delete_scheduled
from sinks.lake.upkeep.holders import Condition, DeadLetterHolder, Holder, holders
from sinks.lake.upkeep.remains import Remains, remains
from sinks.lake.upkeep.tiers import LiveFile
from sinks.lake.upkeep.turn import sole_turn

SHARE = 100
"""A condition may match one row in so many of a table, and FEW_ROWS in any case: it names a person, not a group."""

FEW_ROWS = 100
TRIES = 3
_EVER = datetime(9999, 1, 1, tzinfo=UTC)
_OFFSET, _PARTITION = PLACE[2].name, PLACE[1].name

Offsets = dict[tuple[str, str], list[int]]
"""Of table and source partition."""


@dataclass(frozen=True, slots=True)
class FileMatch:
    """A live file with `rows` rows that match."""

    holder: Holder | DeadLetterHolder
    file: LiveFile
    rows: int


@dataclass(frozen=True, slots=True)
class Found:
    """What matches a condition, as of `snapshot`. `rows` and `of`: matching and all rows of each table that was read.

    `by_field`: of the dead letters, those found by their fields. `cut`: kept snapshots that show a row of it.
    """

    snapshot: int
    files: tuple[FileMatch, ...]
    rows: Mapping[str, int]
    of: Mapping[str, int]
    by_field: int
    offsets: Offsets
    cut: tuple[int, ...]

    @property
    def is_nothing(self) -> bool:
        """No row matches."""
        return not self.files

    @property
    def by_bytes(self) -> int:
        """Of the dead letters, those found by their bytes alone."""
        return self.rows.get(DEAD_LETTERS, 0) - self.by_field

    def marks(self) -> list[ErasedRows]:
        """What the catalog remembers of it."""
        sides = {name: rows for name, rows in self.rows.items() if rows and name not in (EVENTS, DEAD_LETTERS)}
        return [*erased_rows(self.offsets), *(ErasedRows(name, "", rows) for name, rows in sorted(sides.items()))]


@dataclass(frozen=True, slots=True)
class Erased:
    """What one erasure did. `resumed`: it first finished one that had been cut short.

    `proof` is what a look at everything found afterwards.
    """

    found: Found
    files_deleted: int
    resumed: bool
    proof: Remains


def look(catalog: Catalog, definition: Definition, condition: Condition) -> Found:
    """Read every live file that may hold rows of the condition. Changes nothing.

    Raises ConfigError and LakeError as `holders` does, and LakeError for a file that is damaged or not ours to rewrite.
    """
    snapshot = catalog.head().id
    files: list[FileMatch] = []
    rows: dict[str, int] = {}
    of: dict[str, int] = {}
    offsets: Offsets = {}
    by_field = 0
    for holder in holders(catalog, definition, condition):
        name = holder.table.name
        rows[name] = of[name] = 0
        _require_none_in_the_past(catalog, holder)
        for file in live_files(catalog, holder.table):
            if file.begin_snapshot > snapshot:
                continue
            content, _ = read_file(catalog, _path(catalog, holder.table, file.path), file, holder.table)
            matched = holder.matched(content)
            of[name] += content.num_rows
            if not matched.rows:
                continue
            if not file.mergeable:
                raise LakeError(
                    f"{file.path} of table {name} holds rows of it and was changed by another client: turn its changes "
                    "into a file with CALL ducklake_rewrite_data_files('lake'), then erase"
                )
            files.append(FileMatch(holder, file, matched.rows))
            rows[name] += matched.rows
            by_field += matched.by_field
            if name in (EVENTS, DEAD_LETTERS):
                gone = content.select([_PARTITION, _OFFSET]).filter(matched.mask)
                for each in gone.to_pylist():
                    offsets.setdefault((name, each[_PARTITION] or ""), []).append(each[_OFFSET])
    return Found(snapshot, tuple(files), rows, of, by_field, offsets, _showing(catalog, files))


def _require_none_in_the_past(catalog: Catalog, holder: Holder | DeadLetterHolder) -> None:
    """Raise LakeError where rows of it lie in files that are no longer live, but that kept snapshots still show.

    Our own compaction leaves none of these; another client's DELETE of a whole file and its rewrites do.
    """
    ended = catalog.connection.execute(
        "SELECT data_file_id, path, record_count, file_size_bytes, row_id_start, begin_snapshot, partial_max"
        " FROM ducklake_data_file WHERE table_id = ? AND end_snapshot IS NOT NULL",
        (holder.table.id,),
    ).fetchall()
    for row in ended:
        file = LiveFile(*row)
        path = _path(catalog, holder.table, file.path)
        if not path.exists():
            continue
        content, _ = read_file(catalog, path, file, holder.table)
        rows = holder.matched(content).rows
        if rows:
            raise LakeError(
                f"{rows:,} rows of it lie in {file.path}, which another client took out of table {holder.table.name} "
                "and which older snapshots still show: nothing was erased. End those first with `tidemill compact "
                "--retain 1s --grace 0s`, then erase"
            )


def require_few(found: Found, most_rows: int | None, condition: str) -> None:
    """Raise ConfigError where more rows match than one person has: `most_rows` of each table, or SHARE of its rows."""
    for name, count in found.rows.items():
        total = found.of[name]
        most = max(FEW_ROWS, total // SHARE) if most_rows is None else most_rows
        if count > most:
            share = f"more than 1 in {SHARE}" if most_rows is None else f"more than the {most_rows:,} of --most-rows"
            raise ConfigError(
                "--where",
                condition,
                f"matches {count:,} of the {total:,} rows of {name}, {share}: nothing was erased. Name one person, or, "
                f"if all of these are meant, say --most-rows {count}",
            )


def erase(
    catalog: Catalog,
    definition: Definition,
    condition: Condition,
    *,
    clock: Callable[[], datetime],
    wait: Callable[[], None],
    require: Callable[[Found], None] = lambda found: None,
    fault: Fault = no_fault,
) -> Erased:
    """Take the rows of `condition` out of the lake: events, dead letters, distinct values; aggregates stay.

    One transaction puts rewritten files in the place of the old ones, expires the snapshots that show a row of it, and
    leaves a mark without the values. Then the old files go at once, and the catalog is written anew. Works beside a
    writing pipeline, whose later rows stay; compactions wait. After a kill at any point the lake is as before or
    erased, and calling it again finishes; what the proof still finds leaves it unfinished. `require` may refuse what
    was found; `wait` pauses for others.
    """
    with sole_turn(catalog.folder, wait):
        resumed = any(not each.finished for each in erasures(catalog.connection))
        # those of a killed erasure or compaction
        remove_merged(catalog, fault)
        for _ in range(TRIES):
            found = look(catalog, definition, condition)
            require(found)
            if found.is_nothing or _take_out(catalog, found, condition, clock, fault):
                break
        else:
            raise LakeError(
                f"another client changed the files of {catalog.folder} while they were rewritten, {TRIES} times; "
                "nothing was erased. Stop it, then run the same command again"
            )
        has_work = resumed or not found.is_nothing
        deleted = _clean_up(catalog, wait, fault) if has_work else 0
        # still alone: a compaction would mix new rows with old ones
        proof = remains(catalog, definition, condition, found.snapshot)
        if has_work and not proof.left:
            # else the next call goes on with it
            with catalog.transaction() as connection:
                finish_erasures(connection)
        return Erased(found, deleted, resumed, proof)


def _take_out(
    catalog: Catalog,
    found: Found,
    condition: Condition,
    clock: Callable[[], datetime],
    fault: Fault,
) -> bool:
    """Rewrite the files and commit; False when they have changed meanwhile, with nothing done."""
    staged = [_rewrite(catalog, each, merged_file_name(unique_name()), fault) for each in found.files]
    fault("before_erase")
    tables = {each.holder.table.id: each.holder.table for each in found.files}
    with catalog.transaction() as connection:
        if not _unchanged(catalog, found, staged):
            return False
        now = clock()
        first = catalog.head().next_file_id
        changes = ",".join(f"deleted_from_table:{number}" for number in sorted(tables))
        files = sum(new is not None for new in staged)
        snapshot_id = catalog.snapshot(now, changes, file_ids=files, message="erasure")
        for match, new in zip(found.files, staged, strict=True):
            _swap(catalog, match, new, first, now)
            first += new is not None
        for table in tables.values():
            _close_row_ids(catalog, table)
            recompute_bounds(connection, table.id)
        for name in ("ducklake_snapshot", "ducklake_snapshot_changes"):
            connection.executemany(f"DELETE FROM {name} WHERE snapshot_id = ?", [(number,) for number in found.cut])
            # those that a running pipeline has added meanwhile show the old files as well
            connection.execute(
                f"DELETE FROM {name} WHERE snapshot_id > ? AND snapshot_id < ?", (found.snapshot, snapshot_id)
            )
        note_erasure(connection, time_text(now), snapshot_id, list(condition.constants), found.marks())
        fault("in_erase")
    fault("after_erase")
    return True


def _rewrite(catalog: Catalog, match: FileMatch, name: str, fault: Fault) -> StagedFile | None:
    """The file without the rows, staged; None where none is left. Order and snapshot of each row stay."""
    table, file = match.holder.table, match.file
    content, marks = read_file(catalog, _path(catalog, table, file.path), file, table)
    stays = ~match.holder.matched(content).mask
    if not stays.any():
        return None
    snapshots = None if file.partial_max is None else marks.filter(stays)
    return write_file(catalog.folder, table, content.filter(stays), name, snapshots=snapshots, fault=fault)


def _unchanged(catalog: Catalog, found: Found, staged: Sequence[StagedFile | None]) -> bool:
    live: dict[int, dict[int, LiveFile]] = {}
    for match, new in zip(found.files, staged, strict=True):
        table = match.holder.table
        if table.id not in live:
            live[table.id] = {file.id: file for file in live_files(catalog, table)}
        if live[table.id].get(match.file.id) != match.file:
            return False
        # a run that started meanwhile takes it for a leftover
        if new is not None and not _path(catalog, table, new.path).exists():
            return False
    return True


def _swap(catalog: Catalog, match: FileMatch, new: StagedFile | None, file_id: int, now: datetime) -> None:
    connection, old, table = catalog.connection, match.file, match.holder.table
    for name in ("ducklake_data_file", "ducklake_file_column_stats", "ducklake_file_partition_value", "own_file"):
        connection.execute(f"DELETE FROM {name} WHERE data_file_id = ?", (old.id,))
    if new is not None:
        catalog.insert_file(
            file_id, new, begin=old.begin_snapshot, row_id_start=old.row_id_start, partial_max=old.partial_max
        )
    connection.execute(
        "UPDATE ducklake_table_stats SET record_count = record_count - ?, file_size_bytes = file_size_bytes + ?"
        " WHERE table_id = ?",
        (match.rows, (0 if new is None else new.size_bytes) - old.size_bytes, table.id),
    )
    connection.execute(
        "INSERT INTO ducklake_files_scheduled_for_deletion VALUES (?, ?, 1, ?)",
        (old.id, table_path(table.path) + old.path, time_text(now)),
    )


def _close_row_ids(catalog: Catalog, table: TableLayout) -> None:
    """Number the rows anew up to the table's next row id: compaction merges only what follows without a hole."""
    (following,) = catalog.one("SELECT next_row_id FROM ducklake_table_stats WHERE table_id = ?", table.id)
    for file in reversed(live_files(catalog, table)):
        following -= file.rows
        catalog.connection.execute(
            "UPDATE ducklake_data_file SET row_id_start = ? WHERE data_file_id = ?", (following, file.id)
        )


def _clean_up(catalog: Catalog, wait: Callable[[], None], fault: Fault) -> int:
    """Delete the replaced files, whatever their grace, and all that a kill has left; rewrite the catalog."""
    deleted = delete_scheduled(catalog, _EVER, fault)
    deleted += remove_merged(catalog, fault) + remove_published(catalog, fault)
    for table in catalog.tables().values():
        folder = table_folder(catalog.folder, table.path)
        if folder.is_dir():
            sync_folder(folder)
    fault("before_scrub")
    catalog.scrub(wait)
    fault("after_scrub")
    return deleted


def _showing(catalog: Catalog, files: Sequence[FileMatch]) -> tuple[int, ...]:
    """The kept snapshots that show one of the files."""
    if not files:
        return ()
    first = min(match.file.begin_snapshot for match in files)
    rows = catalog.connection.execute(
        "SELECT snapshot_id FROM ducklake_snapshot WHERE snapshot_id >= ? ORDER BY snapshot_id", (first,)
    )
    return tuple(number for (number,) in rows)


def _path(catalog: Catalog, table: TableLayout, name: str) -> Path:
    return table_folder(catalog.folder, table.path) / name
