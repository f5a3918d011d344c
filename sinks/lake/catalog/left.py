"""What has left the lake, and what is needed to tell what may: two things of our own in the catalog."""

import sqlite3
from typing import NamedTuple

from sinks.lake.catalog.schema import OWN_LEFT, OWN_OFFSET_MORE
from sinks.lake.catalog.types import time_of


class Left(NamedTuple):
    """How far one rollup or row table has left.

    before_ms  of a rollup: windows that ended by then have left, and its view shows none of them; of a row table: rows
               of an earlier time may have left
    through    the newest commit with a row that has gone
    rows       rows in files that have gone, of all tables of the rollup
    """

    before_ms: int
    through: int
    rows: int


class Seen(NamedTuple):
    """Where a source partition stands, by the catalog: `since_ms` as `own_offset` has it."""

    max_event_time_ms: int | None
    finished: bool
    since_ms: int | None


def left(connection: sqlite3.Connection) -> dict[str, Left]:
    """What has left, by the name of the rollup or row table; nothing in a lake from before there was such a thing."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'own_left'").fetchone():
        return {}
    rows = connection.execute('SELECT name, before, through, "rows" FROM own_left')
    return {name: Left(*values) for name, *values in rows}


def write_left(connection: sqlite3.Connection, name: str, entry: Left) -> None:
    """Inside a transaction: remember what has left of `name`."""
    connection.execute("INSERT OR REPLACE INTO own_left VALUES (?, ?, ?, ?)", (name, *entry))


def seen(connection: sqlite3.Connection) -> list[Seen]:
    """Every source partition that the lake has read."""
    rows = connection.execute("SELECT max_event_time, finished, since FROM own_offset")
    return [Seen(newest, bool(finished), since) for newest, finished, since in rows]


def write_down_left(connection: sqlite3.Connection) -> None:
    """Inside a transaction: give a lake from before `own_left` that table, and `own_offset` what it lacks.

    Nobody knows when a partition of such a lake last had records, so that is said to be at its newest snapshot.
    """
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'own_left'").fetchone():
        return
    connection.execute(OWN_LEFT)
    for column in OWN_OFFSET_MORE:
        connection.execute(f"ALTER TABLE own_offset ADD COLUMN {column}")
    (newest,) = connection.execute("SELECT max(snapshot_time) FROM ducklake_snapshot").fetchone()
    if newest is not None:
        connection.execute("UPDATE own_offset SET since = ?", (int(time_of(newest).timestamp() * 1000),))
