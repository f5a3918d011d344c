"""Erasing one person: files without the rows take the place of those with them, and nothing of the old is left."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from dataflow.durable import sync_folder
from dataflow.errors import LakeError
from sinks.lake.catalog.bounds import recompute_bounds
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.erasures import erasures, finish_erasures, note_erasure
from sinks.lake.catalog.layout import TableLayout
from sinks.lake.catalog.staged import StagedFile
from sinks.lake.catalog.types import time_text
from sinks.lake.fault import Fault, no_fault
from sinks.lake.files import write_file
from sinks.lake.leftovers import remove_merged, remove_published
from sinks.lake.names import merged_file_name, table_folder, table_path, unique_name
from sinks.lake.tables.definition import Definition
from sinks.lake.upkeep.compact import live_files, read_file
from sinks.lake.upkeep.expire import delete_scheduled, schedule_dead_files
from sinks.lake.upkeep.found import FileMatch, Found, file_path, look
from sinks.lake.upkeep.holders import Condition
from sinks.lake.upkeep.remains import Remains, remains
from sinks.lake.upkeep.tiers import LiveFile
from sinks.lake.upkeep.turn import sole_turn

TRIES = 3
_EVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Erased:
    """What one erasure did. `resumed`: it first finished one that had been cut short.

    `proof` is what a look at everything found afterwards.
    """

    found: Found
    files_deleted: int
    resumed: bool
    proof: Remains


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

    One transaction puts rewritten files in the place of the old ones, expires the snapshots that show a row of it (also
    those that alone show files which left before), and leaves a mark without the values. Then the old files go at once,
    and the catalog is written anew. Works beside a writing pipeline, whose later rows stay; compactions wait. After a
    kill at any point the lake is as before or erased, and calling it again finishes; what the proof still finds leaves
    it unfinished. `require` may refuse what
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
        deleted = _clean_up(catalog, clock(), wait, fault) if has_work else 0
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
        touched = sorted({each.holder.table.id for each in (*found.files, *found.past)})
        changes = ",".join(f"deleted_from_table:{number}" for number in touched)
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
            if found.files:
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
    content, marks = read_file(catalog, file_path(catalog, table, file), file, table)
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
        if new is not None and not (table_folder(catalog.folder, table.path) / new.path).exists():
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


def _clean_up(catalog: Catalog, now: datetime, wait: Callable[[], None], fault: Fault) -> int:
    """Delete the files that nothing shows now, at once, and all that a kill has left; rewrite the catalog."""
    schedule_dead_files(catalog, now, fault)
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
