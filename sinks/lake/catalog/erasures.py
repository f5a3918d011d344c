"""The marks of erasures in the catalog: which rows went, by table, source partition and offset; never a value."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sinks.lake.catalog.types import time_of

_TABLES = (
    "CREATE TABLE IF NOT EXISTS own_erasure(id INTEGER PRIMARY KEY, erased_at TEXT NOT NULL, snapshot_id INTEGER NOT"
    " NULL, columns TEXT NOT NULL, finished INTEGER NOT NULL)",
    'CREATE TABLE IF NOT EXISTS own_erased(erasure_id INTEGER NOT NULL, table_name TEXT NOT NULL, "partition" TEXT NOT'
    ' NULL, "rows" INTEGER NOT NULL, offsets TEXT NOT NULL, PRIMARY KEY (erasure_id, table_name, "partition"))',
)


@dataclass(frozen=True, slots=True)
class ErasedRows:
    """What went from one table. `runs`: offsets [start, end) of one source partition, ascending.

    A side table of distinct values tells no offsets: `partition` is empty there, and `runs` as well.
    """

    table: str
    partition: str
    rows: int
    runs: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure. `columns` are those that its condition named; not `finished`: replaced files may still be there."""

    id: int
    at: datetime
    snapshot: int
    columns: tuple[str, ...]
    finished: bool
    erased: tuple[ErasedRows, ...]

    @property
    def rows(self) -> dict[str, int]:
        """Rows per table."""
        found: dict[str, int] = {}
        for each in self.erased:
            found[each.table] = found.get(each.table, 0) + each.rows
        return found


def published_epochs(connection: sqlite3.Connection) -> dict[str, int]:
    """By lineage of a recovery store the newest epoch that the lake has: what a store tells of files up to there is
    needed no more.
    """
    return dict(connection.execute("SELECT lineage, max(epoch) FROM own_publish GROUP BY lineage"))


def last_erasure(connection: sqlite3.Connection) -> int:
    """The id of the newest erasure; 0 in a lake that has never seen one."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'own_erasure'").fetchone():
        return 0
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM own_erasure").fetchone()[0])


def erasures(connection: sqlite3.Connection) -> list[Erasure]:
    """All erasures of the lake, oldest first; none in a lake that has never seen one."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'own_erasure'").fetchone():
        return []
    erased: dict[int, list[ErasedRows]] = {}
    rows = connection.execute(
        'SELECT erasure_id, table_name, "partition", "rows", offsets FROM own_erased ORDER BY erasure_id, table_name,'
        ' "partition"'
    )
    for number, table, partition, count, offsets in rows:
        runs = tuple((start, end) for start, end in json.loads(offsets))
        erased.setdefault(number, []).append(ErasedRows(table, partition, count, runs))
    return [
        Erasure(number, time_of(at), snapshot, tuple(json.loads(columns)), bool(done), tuple(erased.get(number, ())))
        for number, at, snapshot, columns, done in connection.execute(
            "SELECT id, erased_at, snapshot_id, columns, finished FROM own_erasure ORDER BY id"
        )
    ]


def note_erasure(
    connection: sqlite3.Connection, at: str, snapshot: int, columns: Sequence[str], erased: Sequence[ErasedRows]
) -> int:
    """Inside the transaction that takes the rows out: leave the mark of it, not finished yet. Returns its id."""
    for statement in _TABLES:
        connection.execute(statement)
    number = connection.execute(
        "INSERT INTO own_erasure(erased_at, snapshot_id, columns, finished) VALUES (?, ?, ?, 0)",
        (at, snapshot, json.dumps(sorted(columns))),
    ).lastrowid
    assert number is not None
    connection.executemany(
        "INSERT INTO own_erased VALUES (?, ?, ?, ?, ?)",
        [(number, each.table, each.partition, each.rows, json.dumps(each.runs)) for each in erased],
    )
    return number


def finish_erasures(connection: sqlite3.Connection) -> None:
    """Inside a transaction: nothing that an erasure replaced is there any more."""
    connection.execute("UPDATE own_erasure SET finished = 1 WHERE finished = 0")


def erased_rows(offsets: Mapping[tuple[str, str], Sequence[int]]) -> Iterator[ErasedRows]:
    """Of the offsets of each table and source partition, the marks."""
    for (table, partition), each in sorted(offsets.items()):
        yield ErasedRows(table, partition, len(each), tuple(_runs(sorted(each))))


def _runs(offsets: Sequence[int]) -> Iterator[tuple[int, int]]:
    start: int | None = None
    end = 0
    for offset in offsets:
        if start is not None and offset > end:
            yield start, end
            start = None
        start = offset if start is None else start
        end = offset + 1
    if start is not None:
        yield start, end
