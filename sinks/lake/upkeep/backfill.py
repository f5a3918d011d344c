"""The commit of a backfill: files with a rollup's rows and the marks of what they hold, in one transaction."""

from collections.abc import Callable, Sequence
from datetime import datetime

from dataflow.errors import LakeError
from sinks.lake.catalog.backfills import Backfilled, backfills, note_backfill
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.staged import StagedFile
from sinks.lake.fault import Fault, no_fault
from sinks.lake.names import table_folder


def add_backfill(
    catalog: Catalog,
    rollup: str,
    files: Sequence[StagedFile],
    marks: Callable[[int], Sequence[Backfilled]],
    *,
    clock: Callable[[], datetime],
    fault: Fault = no_fault,
) -> int | None:
    """Add the files and leave the marks that `marks` makes for the new snapshot's id; returns that id.

    Works beside a writing pipeline: the ledger's pieces never change, and what it adds has the rollup already. None,
    with nothing done, where a file is gone because a run started meanwhile and took it for a leftover. Raises LakeError
    where another backfill has filled some of it.
    """
    tables = catalog.tables()
    fault("before_backfill")
    with catalog.transaction() as connection:
        for file in files:
            if not (table_folder(catalog.folder, tables[file.table].path) / file.path).exists():
                return None
        snapshot = catalog.head().id + 1 if files else catalog.head().id
        made = marks(snapshot)
        for mark in made:
            for other in backfills(connection).get(rollup, ()):
                if other.partition == mark.partition and other.start < mark.end and mark.start < other.end:
                    raise LakeError(
                        f"another backfill of {rollup} has filled {mark.partition} [{other.start}, {other.end}) "
                        "meanwhile; nothing of this one was added. Run the same command again"
                    )
        if files:
            catalog.append(files, clock(), message="backfill", extra={"rollup": rollup})
        note_backfill(connection, rollup, made)
        fault("in_backfill")
    fault("after_backfill")
    return snapshot
