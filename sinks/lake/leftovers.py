"""Files that a killed run or a killed compaction left, removed when the next run starts."""

from collections.abc import Set
from contextlib import suppress
from pathlib import Path

from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.ownership import full_path, named_files
from sinks.lake.fault import Fault, no_fault
from sinks.lake.names import is_merged_file, sink_file, table_folder


def remove_staged(
    catalog: Catalog, pipeline: str, incarnation: int, kept: Set[tuple[str, str]], fault: Fault = no_fault
) -> None:
    """Delete files that runs of `pipeline` before `incarnation` staged and that nothing refers to any more.

    `kept`: table and file name of those that are still to be published.
    """
    named: set[str] | None = None
    for table in catalog.tables().values():
        for path in _files(table_folder(catalog.folder, table.path)):
            written = sink_file(path.name)
            # a later run than this one may be staging files at this moment
            if written is None or written.pipeline != pipeline or written.incarnation >= incarnation:
                continue
            if named is None:
                named = named_files(catalog.connection, catalog.folder)
            if full_path(path.parent, path.name) not in named and (table.name, path.name) not in kept:
                fault("before_unlink")
                with suppress(OSError):
                    path.unlink()
                fault("after_unlink")


def remove_merged(catalog: Catalog, fault: Fault = no_fault) -> int:
    """Delete merged files that no catalog row names: what a compaction left that was killed. Returns how many.

    Safe beside a living compaction, whatever the files' age: the catalog is locked meanwhile, and a compaction whose
    file is gone when its turn comes gives that merge up.
    """
    found = [
        path
        for table in catalog.tables().values()
        for path in _files(table_folder(catalog.folder, table.path))
        if is_merged_file(path.name)
    ]
    if not found:
        return 0
    deleted = 0
    with catalog.transaction() as connection:
        named = named_files(connection, catalog.folder)
        for path in found:
            if full_path(path.parent, path.name) not in named:
                fault("before_unlink")
                path.unlink(missing_ok=True)
                fault("after_unlink")
                deleted += 1
    return deleted


def remove_published(catalog: Catalog, fault: Fault = no_fault) -> int:
    """Delete files that a run staged, that no catalog row names, and whose epoch was published without them.

    Safe beside a living run: what it may still publish is of a later epoch. Returns how many.
    """
    deleted = 0
    with catalog.transaction() as connection:
        newest = dict(
            connection.execute(
                "SELECT p.name, max(k.epoch) FROM own_pipeline p JOIN own_publish k ON k.pipeline = p.name"
                " AND k.lineage = p.lineage GROUP BY 1"
            )
        )
        named = named_files(connection, catalog.folder)
        for table in catalog.tables().values():
            for path in _files(table_folder(catalog.folder, table.path)):
                written = sink_file(path.name)
                if written is None or written.epoch > newest.get(written.pipeline, -1):
                    continue
                if full_path(path.parent, path.name) not in named:
                    fault("before_unlink")
                    path.unlink(missing_ok=True)
                    fault("after_unlink")
                    deleted += 1
    return deleted


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
