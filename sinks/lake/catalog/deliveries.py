"""How far the lake's commits have been sent on, by way out; what is not sent yet stays readable in the lake.

The table is made when a pipeline first sends anything. Versions that do not know it only let go of the past sooner.
"""

import sqlite3
from collections.abc import Collection, Mapping
from typing import NamedTuple

_TABLE = """CREATE TABLE IF NOT EXISTS own_delivery(
    name TEXT PRIMARY KEY, source TEXT NOT NULL, snapshot_id INTEGER NOT NULL, snapshot_time TEXT NOT NULL,
    final_ms INTEGER
)"""


class Delivered(NamedTuple):
    """What one way out has sent.

    source    the rollup, or `alerts`
    snapshot  all commits up to this one; it stays in the lake for as long as it is the newest one sent
    time      when that was committed, as the catalog has it: it tells this lake's snapshot from another's
    final_ms  where rows go out when they are final: windows that ended by then have gone out
    """

    source: str
    snapshot: int
    time: str
    final_ms: int | None = None


def deliveries(connection: sqlite3.Connection) -> dict[str, Delivered]:
    """By name of the way out; nothing in a lake that nothing was ever sent from."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'own_delivery'").fetchone():
        return {}
    rows = connection.execute("SELECT name, source, snapshot_id, snapshot_time, final_ms FROM own_delivery")
    return {name: Delivered(*values) for name, *values in rows}


def note_delivery(connection: sqlite3.Connection, name: str, delivered: Delivered) -> None:
    """Inside a transaction: remember how far one has come."""
    connection.execute(_TABLE)
    connection.execute("INSERT OR REPLACE INTO own_delivery VALUES (?, ?, ?, ?, ?)", (name, *delivered))


def forget_deliveries(connection: sqlite3.Connection, keep: Collection[str]) -> None:
    """Inside a transaction: let go of what the pipeline does not send any more: all but those to `keep`."""
    for name in deliveries(connection).keys() - set(keep):
        connection.execute("DELETE FROM own_delivery WHERE name = ?", (name,))


def held_snapshots(connection: sqlite3.Connection) -> set[int]:
    """The snapshots that have to stay, so that what came after them can be told."""
    return {each.snapshot for each in deliveries(connection).values()}


def may_leave(sent: Mapping[str, Delivered], source: str, *, newest: int, before_ms: int) -> bool:
    """Whether a rollup, or alerts, are sent: rows of commits up to `newest`, and windows that end by `before_ms`."""
    return all(
        each.snapshot >= newest and (each.final_ms is None or each.final_ms >= before_ms)
        for each in sent.values()
        if each.source == source
    )
