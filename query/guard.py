"""The check that a text is one reading statement before it runs: no writes hidden in CTEs, no settings."""

import json
import re

import duckdb

from dataflow.errors import QueryError

_READING_NODES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
_EXPLAIN = re.compile(r"\s*EXPLAIN\b(\s+ANALYZE\b)?(\s*\([^)]*\))?", re.IGNORECASE)
_FIX = "write one SELECT (WITH, VALUES, SHOW, DESCRIBE, SUMMARIZE and EXPLAIN are fine too)"


def require_select(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Raise QueryError unless `sql` is exactly one statement that only reads, or an EXPLAIN of one."""
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryError(message_of(error)) from error
    if len(statements) != 1:
        what = "is empty" if not statements else f"holds {len(statements)} statements"
        raise QueryError(f"the query {what}; {_FIX}")
    text = statements[0].query
    if str(statements[0].type).endswith("EXPLAIN"):
        text = _EXPLAIN.sub("", text, count=1)
    tree = json.loads(connection.execute("SELECT json_serialize_sql(?)", [text]).fetchall()[0][0])
    if tree["error"]:
        raise QueryError(f"the query is no SELECT, and a lake is only read here; {_FIX}")
    _walk(tree["statements"])


def message_of(error: duckdb.Error) -> str:
    """DuckDB's message on as few lines as it needs, without its class prefix doubled."""
    return "\n".join(line for line in str(error).rstrip().splitlines() if line.strip())


def _walk(tree: object) -> None:
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            kind = node.get("type")
            if isinstance(kind, str) and kind.endswith("_NODE") and kind not in _READING_NODES:
                what = kind.removesuffix("_NODE").removesuffix("_QUERY")
                raise QueryError(f"the query holds a {what} inside; a lake is only read here: {_FIX}")
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
