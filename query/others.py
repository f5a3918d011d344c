"""SQL under which tables and views of other DuckLake clients stand beside ours, or say why they cannot be read."""

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath

from dataflow.errors import QueryError
from dataflow.sql import quoted, text
from query.duck import duckdb
from query.engine import Namespace
from query.guard import message_of, require_select
from query.scan import scan_sql
from sinks.lake.catalog.others import Other
from sinks.lake.names import SCHEMA_FOLDER

HELD = (
    "which only the DuckLake extension reads. Let it write them out: "
    "CALL ducklake_flush_inlined_data('lake'); CALL ducklake_rewrite_data_files('lake')"
)
"""Of rows that another client has deleted or keeps inside the catalog."""

_CATALOG = "{DUCKLAKE_CATALOG}"
"""How the official client writes a lake's name in a view, whatever it is attached as."""

_WORD = re.compile(r"\w+")


def data_folders(others: Iterable[Other]) -> set[str]:
    """The folders of the lake, relative to it, whose files SQL may read: ours, and those of other schemas below it."""
    folders = {other.folder for other in others}
    return {SCHEMA_FOLDER, *(each for each in folders if each.strip("/.") and ".." not in PurePath(each).parts)}


def reason(problem: QueryError | duckdb.Error) -> str:
    """Its message."""
    return message_of(problem) if isinstance(problem, duckdb.Error) else str(problem)


def named_in(sql: str, others: Mapping[str, Other]) -> set[str]:
    """Which of `others` the text may mean: all words of its name, and outside of `main` of its schema, stand in it."""
    found: set[str] = set()
    texts = [sql]
    while texts:
        words = set(_WORD.findall(texts.pop().lower()))
        for key, other in others.items():
            wanted = other.name if other.schema == "main" else f"{other.schema} {other.name}"
            if key not in found and words.issuperset(_WORD.findall(wanted.lower())):
                found.add(key)
                # names without a schema mean those beside the view
                texts.append(f"{other.schema} {other.sql}")
    return found


def make_others(
    cursor: duckdb.DuckDBPyConnection, namespace: Namespace, others: Mapping[str, Other], snapshot_id: int
) -> None:
    """Make a view in `namespace` for each of `others`; one that cannot be read fails when asked, with the reason."""
    waiting = dict(others)
    problems: dict[str, str] = {}
    while waiting:
        problems = {}
        for key, other in waiting.items():
            try:
                _make(cursor, namespace, other, _select(cursor, namespace.name, other, snapshot_id))
            except (QueryError, duckdb.Error) as error:
                # a view may stand on one that is not there yet
                problems[key] = reason(error)
        if len(problems) == len(waiting):
            break
        waiting = {key: other for key, other in waiting.items() if key in problems}
    for key, why in problems.items():
        _make(cursor, namespace, waiting[key], unreadable_sql(key, why))


def unreadable_sql(name: str, why: str) -> str:
    """A SELECT that can be listed and described, and fails with the reason when its rows are asked for."""
    return f"SELECT NULL::VARCHAR AS unreadable WHERE error({text(f'{name} cannot be read here: {why}')})::BOOLEAN"


def _select(cursor: duckdb.DuckDBPyConnection, database: str, other: Other, snapshot_id: int) -> str:
    if other.unreadable:
        return unreadable_sql(f"{other.schema}.{other.name}", other.unreadable)
    if other.table is not None:
        return scan_sql(other.table, other.files, snapshot_id)
    sql = other.sql.replace(_CATALOG, quoted(database))
    # somebody else's text: it must not do more than a query may
    require_select(cursor, sql)
    return sql


def _make(cursor: duckdb.DuckDBPyConnection, namespace: Namespace, other: Other, select: str) -> None:
    namespace.make(cursor, other.name, lambda: select, other.schema)
