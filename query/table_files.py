"""A table's Parquet files at a snapshot, for readers that do not ask the catalog."""

from dataflow.errors import QueryError
from dataflow.spelling import suggest
from dataflow.spoken import counted
from query.scan import scan_sql
from query.snapshot import LakeSnapshot


def paths_of(snapshot: LakeSnapshot, table: str) -> list[str]:
    """The files that hold the table's rows at the snapshot and no others, in row order.

    Raises QueryError for what is no table, and where a file holds later rows, too, which `select_of` leaves out.
    """
    _require_table(snapshot, table)
    files = snapshot.files(table)
    newer = [file for file in files if file.partial_max is not None and file.partial_max > snapshot.id]
    if newer:
        raise QueryError(
            f"{counted(len(newer), 'file')} of {table} with rows of snapshots after {snapshot.id}, too, because a "
            "compaction has merged them: no list of files is right for it; take --format sql, which leaves them out"
        )
    return [str(file.path) for file in files]


def select_of(snapshot: LakeSnapshot, table: str) -> str:
    """One SELECT for DuckDB of the table's rows at the snapshot. Raises QueryError for what is no table."""
    _require_table(snapshot, table)
    return scan_sql(snapshot.tables[table], snapshot.files(table), snapshot.id)


def _require_table(snapshot: LakeSnapshot, name: str) -> None:
    if name in snapshot.views:
        behind = ", ".join(each for each in snapshot.tables if each.startswith(f"{name}_")) or "other tables"
        raise QueryError(
            f"{name} is a view: it has no files of its own, but adds up those of {behind}; name one of them"
        )
    if name not in snapshot.tables:
        raise QueryError(f"the lake has no table {name} at snapshot {snapshot.id}{suggest(name, [*snapshot.tables])}")
    snapshot.require_readable(name)
