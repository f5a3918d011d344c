"""The form of a lake: its number, the version that wrote it last, and the steps by which an older one is taken over."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from dataflow.errors import NewerLake
from sinks.lake.catalog.backfills import write_down_backfills
from sinks.lake.catalog.left import write_down_left
from sinks.lake.catalog.ownership import write_down_own_objects
from sinks.lake.catalog.rules import write_down_rules
from sinks.lake.catalog.schema import OWN_FORMAT

Migration = Callable[[sqlite3.Connection], None]


def times_are_written_anew(connection: sqlite3.Connection) -> None:
    """Nothing is left to do in the catalog: whoever takes a lake over has written files anew, and publishes them in
    the same transaction (sinks/lake/tables/event_times.py). A lake whose event time is not known stops before it.
    """


def dimensions_are_told(connection: sqlite3.Connection) -> None:
    """Nothing is left to do in the catalog: from here on each line of the ledger tells by which dimension files its
    records were joined, and the lake keeps copies of these. An earlier version would add lines that do not.
    """


MIGRATIONS: tuple[Migration, ...] = (
    write_down_own_objects,
    write_down_left,
    write_down_backfills,
    write_down_rules,
    times_are_written_anew,
    dimensions_are_told,
)
"""Step n makes format n + 1 of format n. Each may find its work done, and none of them ever changes: a lake of 0.1.0
says nothing of its format, so it is taken through all of them."""

FORMAT = len(MIGRATIONS)
"""Of the lakes that this version writes."""


class Format(NamedTuple):
    """A lake's format and the version that wrote it last; a lake from before there was such a thing has 0 and None."""

    number: int
    version: str | None


def this_version() -> str:
    """The version of Tidemill that runs."""
    from importlib.metadata import version

    return version("tidemill")


def format_of(connection: sqlite3.Connection) -> Format:
    """What a catalog says of its format."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'own_format'").fetchone():
        return Format(0, None)
    row = connection.execute("SELECT format, version FROM own_format").fetchone()
    return Format(0, None) if row is None else Format(*row)


def require_known(connection: sqlite3.Connection, folder: Path) -> None:
    """Raise NewerLake for a lake of a format that this version does not know."""
    found = format_of(connection)
    if found.number > FORMAT:
        raise NewerLake(
            f"the lake {folder} has format {found.number}, written by Tidemill {found.version}, and this is Tidemill "
            f"{this_version()}, which knows formats up to {FORMAT}; nothing was changed. Install Tidemill "
            f"{found.version} or later"
        )


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Inside a transaction: bring a lake of an older format to this one, and say which version writes it."""
    found = format_of(connection)
    for step in migrations[found.number :]:
        step(connection)
    now = Format(max(found.number, len(migrations)), this_version())
    if found != now:
        connection.execute(OWN_FORMAT)
        connection.execute("DELETE FROM own_format")
        connection.execute("INSERT INTO own_format VALUES (?, ?)", now)
