"""What source partitions are known by beside their names: noted in the transaction that moves their offsets."""

import sqlite3
from collections.abc import Iterable

from dataflow.messages import Range

_TABLE = 'CREATE TABLE IF NOT EXISTS own_content("partition" TEXT PRIMARY KEY, content TEXT NOT NULL)'


def contents(connection: sqlite3.Connection) -> dict[str, str]:
    """By source partition, as its reader told it; none in a lake that only older versions have written.

    It may be older than the partition's offset, where such a version wrote in between: what it says stays true.
    """
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'own_content'").fetchone():
        return {}
    return dict(connection.execute('SELECT "partition", content FROM own_content'))


def note_contents(connection: sqlite3.Connection, ranges: Iterable[Range]) -> None:
    """Inside the transaction that publishes `ranges`."""
    told = [(entry.partition, entry.content) for entry in ranges if entry.content is not None]
    if told:
        connection.execute(_TABLE)
        connection.executemany("INSERT OR REPLACE INTO own_content VALUES (?, ?)", told)
