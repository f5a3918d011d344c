"""What stands around a query: the check that it is one reading statement, without writes or settings, and ^C."""

import json
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import duckdb
import pyarrow as pa

from dataflow.errors import QueryError

INTERRUPT_S = 0.02
"""How often a query that has to stop is told so: it may not have started yet."""

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


def interruptible(cursor: duckdb.DuckDBPyConnection, work: Callable[[], pa.Table]) -> pa.Table:
    """Run `work` so that ^C stops it: DuckDB does not look at signals, so the main thread must be free to."""
    if threading.current_thread() is not threading.main_thread():
        return work()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(work)
        try:
            return running.result()
        except KeyboardInterrupt:
            while not running.done():
                cursor.interrupt()
                wait([running], INTERRUPT_S)
            raise
