"""Which tables, views and files of a lake are ours: the lake is an open format, and all else in it is left alone."""

import json
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dataflow.errors import ForeignLake
from dataflow.pipeline.names import DEAD_LETTERS, EVENTS, LATE_EVENTS, LEDGER
from dataflow.sql import quoted
from sinks.lake.catalog.schema import AUTHOR, OWN_OBJECT, SCHEMA_ID
from sinks.lake.names import is_own_name, table_path

_OLDEST_VIEW = "WITH frontier AS ("
"""Every view of ours has begun so in the lakes that do not say what is ours."""


def own_objects(connection: sqlite3.Connection) -> dict[int, str]:
    """The tables and views that Tidemill has made: id in the catalog -> the name that it gave.

    Ids are never used twice, so neither a name in another schema, nor one taken anew, nor a rename misleads.
    """
    if _has(connection, "own_object"):
        return dict(connection.execute("SELECT object_id, name FROM own_object"))
    return _own_of_old_lake(connection) if _has(connection, "own_pipeline") else {}


def write_down_own_objects(connection: sqlite3.Connection) -> None:
    """Inside a transaction: give a lake from before `own_object` that table, filled with what is ours in it."""
    if not _has(connection, "own_object"):
        known = own_objects(connection)
        connection.execute(OWN_OBJECT)
        connection.executemany("INSERT INTO own_object VALUES (?, ?)", known.items())


def require_names(connection: sqlite3.Connection, missing: list[str], folder: Path) -> None:
    """Raise ForeignLake if another client has taken one of the `missing` names in our schema, or renamed its owner."""
    own = own_objects(connection)
    live = [
        (number, name, kind)
        for kind in ("table", "view")
        for number, name in connection.execute(
            f"SELECT {kind}_id, {kind}_name FROM ducklake_{kind} WHERE schema_id = ? AND end_snapshot IS NULL",
            (SCHEMA_ID,),
        )
    ]
    problems: list[str] = []
    for wanted in missing:
        for number, name, kind in live:
            # the official client takes names that differ by case only for the same
            if name.lower() == wanted.lower() and number not in own:
                problems.append(
                    f"main.{name} is a {kind} that another client made, and the pipeline needs the name: move it away "
                    f"with ALTER {kind.upper()} lake.main.{quoted(name)} RENAME TO another_name, or name another folder"
                )
            elif own.get(number) == wanted and name != wanted and kind == "table":
                problems.append(
                    f"main.{wanted} was renamed by another client and is now called {name}, and the pipeline needs "
                    f"it: put it back with ALTER TABLE lake.main.{quoted(name)} RENAME TO {wanted}"
                )
    if problems:
        raise ForeignLake(f"the lake {folder} cannot take this pipeline's tables; {'; '.join(problems)}")


def rows_inside_catalog(connection: sqlite3.Connection, table_id: int) -> bool:
    """Whether another client keeps rows of the table inside the catalog, or has at some snapshot."""
    rows = connection.execute("SELECT table_name FROM ducklake_inlined_data_tables WHERE table_id = ?", (table_id,))
    return any(
        _has(connection, name) and connection.execute(f"SELECT 1 FROM {quoted(name)} LIMIT 1").fetchone() is not None
        for (name,) in rows.fetchall()
    )


def files_with_deletes(connection: sqlite3.Connection, table_id: int) -> set[int]:
    """Data files of the table from which another client deleted rows."""
    rows = connection.execute("SELECT data_file_id FROM ducklake_delete_file WHERE table_id = ?", (table_id,))
    touched = {number for (number,) in rows}
    inlined = f"ducklake_inlined_delete_{table_id}"
    if _has(connection, inlined):
        touched |= {number for (number,) in connection.execute(f"SELECT DISTINCT file_id FROM {inlined}")}
    return touched


def own_folders(connection: sqlite3.Connection) -> dict[str, int]:
    """Folders of our tables, dropped ones too, relative to the lake, with a trailing slash -> table id."""
    own = own_objects(connection)
    rows = connection.execute(
        "SELECT DISTINCT path, table_id FROM ducklake_table WHERE schema_id = ? AND path_is_relative = 1", (SCHEMA_ID,)
    )
    return {table_path(path): number for path, number in rows if number in own}


def is_own_file(path: str, folders: Mapping[str, int]) -> bool:
    """Whether the file at `path`, relative to the lake, lies in one of `own_folders` and has a name that we give."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/" in folders and is_own_name(name)


def named_files(connection: sqlite3.Connection, folder: Path, *, scheduled: bool = True) -> set[str]:
    """Full paths of all files that any row of any client's tables names, those waiting for deletion unless told."""
    found = {
        _place(folder, *row)
        for kind in ("data", "delete")
        for row in connection.execute(
            "SELECT s.path, s.path_is_relative, t.path, t.path_is_relative, f.path, f.path_is_relative"
            f" FROM ducklake_{kind}_file f LEFT JOIN (SELECT DISTINCT table_id, schema_id, path, path_is_relative"
            " FROM ducklake_table) t USING (table_id) LEFT JOIN ducklake_schema s USING (schema_id)"
        )
    }
    if scheduled:
        rows = connection.execute("SELECT path, path_is_relative FROM ducklake_files_scheduled_for_deletion")
        found |= {_place(folder, *row) for row in rows}
    return found


def full_path(folder: Path, path: str) -> str:
    """`path` below the lake's `folder`, in the form in which `named_files` has it."""
    return os.path.normpath(os.path.join(folder, path))


def _place(folder: Path, *parts: str | int | None) -> str:
    place = str(folder)
    for path, relative in zip(parts[::2], parts[1::2], strict=True):
        if path is not None:
            place = os.path.join(place, str(path)) if relative else str(path)
    return os.path.normpath(place)


def _has(connection: sqlite3.Connection, table: str) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone() is not None


def _own_of_old_lake(connection: sqlite3.Connection) -> dict[int, str]:
    """What is ours, by a known name and by who made it: a snapshot is made by one client alone.

    The snapshots that made our tables may have been expired. The ledger is as old as the lake, a rollup's tables as
    its view; what is left, the events if they were switched on later, is known by its files.
    """
    known = {LEDGER, DEAD_LETTERS, LATE_EVENTS, EVENTS}
    for (text,) in connection.execute("SELECT definition FROM own_pipeline"):
        for rollup, aggregates in _defined(json.loads(text)):
            known |= {rollup, f"{rollup}_delta", *(f"{rollup}_{each}_distinct" for each in aggregates)}
    born = {
        (number, name): begin
        for kind in ("table", "view")
        for number, name, begin in connection.execute(
            f"SELECT {kind}_id, {kind}_name, min(begin_snapshot) FROM ducklake_{kind} WHERE schema_id = ? GROUP BY 1",
            (SCHEMA_ID,),
        )
        if name in known
    }
    made = connection.execute("SELECT snapshot_id FROM ducklake_snapshot_changes WHERE author = ?", (AUTHOR,))
    ours = {number for (number,) in made}
    ours |= {begin for (_, name), begin in sorted(born.items()) if name == LEDGER}
    views = connection.execute(
        'SELECT view_id, begin_snapshot FROM ducklake_view WHERE substr("sql", 1, ?) = ?',
        (len(_OLDEST_VIEW), _OLDEST_VIEW),
    )
    by_id = dict(born)
    ours |= {begin for number, begin in views if number in by_id}
    files = connection.execute("SELECT DISTINCT table_id FROM ducklake_data_file JOIN own_file USING (data_file_id)")
    filled = {number for (number,) in files if by_id.get(number) == EVENTS}
    return {number: name for (number, name), begin in born.items() if begin in ours or number in filled}


def _defined(definition: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """The rollups of a stored definition of any version, each with its aggregates, by name."""
    rollups = definition.get("rollups", [])
    if isinstance(rollups, dict):
        return [(name, list(form["aggregates"])) for name, form in rollups.items()]
    return [(form["name"], [each["name"] for each in form["aggregates"]]) for form in rollups]
