"""Up to which end of windows each alert rule has judged, in the catalog: of rules that wait until windows are final."""

import sqlite3
from collections.abc import Collection, Mapping

_TABLE = "CREATE TABLE IF NOT EXISTS own_judged(rule TEXT PRIMARY KEY, until INTEGER NOT NULL)"


def judged(connection: sqlite3.Connection) -> dict[str, int]:
    """The end (ms) by rule; nothing in a lake that never had such a rule."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'own_judged'").fetchone():
        return {}
    return dict(connection.execute("SELECT rule, until FROM own_judged"))


def note_judged(connection: sqlite3.Connection, ends_ms: Mapping[str, int]) -> None:
    """Inside a transaction: these rules have judged so far."""
    connection.execute(_TABLE)
    connection.executemany("INSERT OR REPLACE INTO own_judged VALUES (?, ?)", ends_ms.items())


def forget_judged(connection: sqlite3.Connection, rules: Collection[str]) -> None:
    """Inside a transaction: of these rules nothing is judged; what comes while they are not there, they never judge."""
    connection.executemany("DELETE FROM own_judged WHERE rule = ?", [(rule,) for rule in rules])
