"""The marks of backfills in the catalog: which offsets a rollup got later, from the accepted events of the lake."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sinks.lake.catalog.schema import OWN_BACKFILL


class Backfilled(NamedTuple):
    """Offsets [start, end) of one source partition that were read without a rollup, and that it got later.

    from_ms    only windows that begin then or later were filled (None: all)
    whole_ms   those that begin then or later are whole (None: all are); later than from_ms where the rollup has seen
               rows that go on a session which was not filled
    filtered, counted, late   what the rollup made of the accepted events there
    missed     records there that were late for every rollup of their time: they are in no window of this one
    snapshot   the commit with its rows
    lateness_ms   the rollup's allowed lateness by which they were judged
    """

    partition: str
    start: int
    end: int
    from_ms: int | None
    whole_ms: int | None
    filtered: int
    counted: int
    late: int
    missed: int
    snapshot: int
    lateness_ms: int = 0


def backfills(connection: sqlite3.Connection) -> dict[str, list[Backfilled]]:
    """All marks by rollup, by source partition and offset; none in a lake that an older version wrote last."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'own_backfill'").fetchone():
        return {}
    found: dict[str, list[Backfilled]] = {}
    rows = connection.execute(
        'SELECT rollup, "partition", start, "end", from_ms, whole_ms, filtered, counted, late, missed, snapshot_id,'
        ' lateness_ms FROM own_backfill ORDER BY rollup, "partition", start'
    )
    for name, *values in rows:
        found.setdefault(name, []).append(Backfilled(*values))
    return found


def covers(marks: Sequence[Backfilled], partition: str, start: int, end: int) -> Backfilled | None:
    """The mark that holds the offsets [start, end), if there is one."""
    return next(
        (mark for mark in marks if mark.partition == partition and mark.start <= start and end <= mark.end), None
    )


def note_backfill(connection: sqlite3.Connection, rollup: str, marks: Sequence[Backfilled]) -> None:
    """Inside the transaction that adds the rows: leave the marks of it."""
    connection.executemany(
        "INSERT INTO own_backfill VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [(rollup, *mark) for mark in marks]
    )


def write_down_backfills(connection: sqlite3.Connection) -> None:
    """Inside a transaction: give a lake from before there were backfills the table of their marks."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'own_backfill'").fetchone():
        connection.execute(OWN_BACKFILL)


def whole_from(marks: Mapping[str, Sequence[Backfilled]], rollup: str) -> int | None:
    """From when on a rollup's windows are whole as far as its backfills say; None without a limit."""
    limits = [mark.whole_ms for mark in marks.get(rollup, ()) if mark.whole_ms is not None]
    return max(limits, default=None)
