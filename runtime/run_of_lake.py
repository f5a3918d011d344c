"""Which run a lake is of, where its reader named the lake alone: what the doctor is to look at."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from dataflow.errors import TidemillError
from runtime.same_source import Kept
from runtime.settings import Settings
from sinks.lake.catalog.sqlite import CATALOG_NAME, connect_readonly

_BUSY_MS = 1_000


def of_its_lake(settings: Settings) -> Settings:
    """The settings with the recovery folder beside a lake that was named without one, and the lake's kind of source.

    `demo/lake` is examined with `demo/recovery`, and not with the one of the working folder. What any flag, variable
    or file names stays as it is named; so does the source of a lake that cannot be read, or that several kinds feed.
    """
    places = settings.places
    if "lake" not in places:
        return settings
    beside = settings.lake.parent / settings.recovery.name
    if "recovery" not in places and beside.is_dir():
        settings = settings._replace(recovery=beside)
    # brokers are of a machine: a lake that no topic feeds has nothing to do with them
    if {"source", "topic", "input"}.isdisjoint(places) and (kind := _kind(settings.lake)) is not None:
        settings = settings._replace(source=kind)
    return settings


def _kind(lake: Path) -> Any:
    """One of the setting's values."""
    try:
        with closing(connect_readonly(lake / CATALOG_NAME, busy_ms=_BUSY_MS)) as connection:
            topics = dict(connection.execute('SELECT "partition", topic FROM own_offset').fetchall())
    except (TidemillError, sqlite3.Error):
        return None
    kept = Kept(lake, lake, topics, None)
    kinds = {kept.origin(name)[0] for name in topics}
    return kinds.pop() if len(kinds) == 1 else None
