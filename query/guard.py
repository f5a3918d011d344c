"""What stands around a query: the check that it is one reading statement, ^C, a time limit."""

import json
import re
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, TypeVar

from dataflow.errors import QueryError
from query.duck import duckdb
from query.promise import Promise

_T = TypeVar("_T")

INTERRUPT_S = 0.02
"""How often a query that has to stop is told so: it may not have started yet."""

_BEGINS = 25
"""So many waits are longer than a thread takes to begin."""

_READING_NODES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
_EXPLAIN = re.compile(r"\s*EXPLAIN\b(\s+ANALYZE\b)?(\s*\([^)]*\))?", re.IGNORECASE)
_TIME_TRAVEL = (
    "the query names a snapshot inside (AT {written}), and a query here sees one snapshot in all its tables: leave "
    "the clause out and ask with --as-of {place}"
)
_found: dict[str, bool] = {}
"""What `require_select` has found out of texts, which is the same for ever: a report's is looked at as its file is read
and as it is asked."""
_MOST_FOUND = 64

_FIX = "write one SELECT (WITH, VALUES, SHOW, DESCRIBE, SUMMARIZE and EXPLAIN are fine too)"
_NO_SELECT = f"the query is no SELECT, and a lake is only read here; {_FIX}"


def require_select(connection: duckdb.DuckDBPyConnection, sql: str) -> bool:
    """Raise QueryError unless `sql` is exactly one statement that only reads, or an EXPLAIN of one.

    Whether its text may stand in brackets, as a table of another: an EXPLAIN may not, nor what is many statements
    inside, nor a text with a semicolon.
    """
    found = _found.get(sql)
    if found is None:
        found = _look(connection, sql)
        # two threads at a time may step over the number
        if len(_found) >= _MOST_FOUND:
            _found.clear()
        _found[sql] = found
    return found


def _look(connection: duckdb.DuckDBPyConnection, sql: str) -> bool:
    statement = read_statement(connection, sql)
    require_reading(statement)
    return statement.kind.endswith(".SELECT") and ";" not in statement.text


class Statement(NamedTuple):
    """One statement: of an EXPLAIN, `text` and `tree` are those of the statement that it explains."""

    kind: str
    text: str
    tree: Any


def read_statement(connection: duckdb.DuckDBPyConnection, sql: str) -> Statement:
    """The parsed tree of `sql`. Raises QueryError unless that is exactly one SELECT, or an EXPLAIN of one."""
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryError(message_of(error)) from error
    if len(statements) != 1:
        what = "is empty" if not statements else f"holds {len(statements)} statements"
        raise QueryError(f"the query {what}; {_FIX}")
    try:
        text, kind = statements[0].query, str(statements[0].type)
    except ValueError as error:
        # a kind that the engine's own list does not have
        raise QueryError(_NO_SELECT) from error
    if kind.endswith("EXPLAIN"):
        text = _EXPLAIN.sub("", text, count=1)
    tree = json.loads(connection.execute("SELECT json_serialize_sql(?)", [text]).fetchall()[0][0])
    if tree["error"]:
        raise QueryError(_NO_SELECT)
    return Statement(kind, text, tree["statements"])


def message_of(error: duckdb.Error) -> str:
    """DuckDB's message on as few lines as it needs, without its class prefix doubled."""
    return "\n".join(line for line in str(error).rstrip().splitlines() if line.strip())


def require_reading(statement: Statement) -> None:
    """Raise QueryError where the statement holds one inside that writes, or names another snapshot."""
    stack = [statement.tree]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            kind = node.get("type")
            if isinstance(kind, str) and kind.endswith("_NODE") and kind not in _READING_NODES:
                what = kind.removesuffix("_NODE").removesuffix("_QUERY")
                raise QueryError(f"the query holds a {what} inside; a lake is only read here: {_FIX}")
            if node.get("at_clause") is not None:
                raise QueryError(_time_travel(node["at_clause"]))
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)


def _time_travel(clause: Any) -> str:
    unit, expression = clause["unit"], clause["expr"]
    if expression["class"] == "CAST":
        expression = expression["child"]
    if expression["class"] != "CONSTANT":
        return _TIME_TRAVEL.format(written=f"({unit} => ...)", place="SNAPSHOT|TIME")
    value = expression["literal"]["text"]
    number = unit == "VERSION"
    written = f"({unit} => {value if number else repr(value)})"
    return _TIME_TRAVEL.format(written=written, place=value if number else f'"{value}"')


class TimeLimit(AbstractContextManager["TimeLimit"]):
    """Interrupts what `cursor` runs, and nothing else, once `timeout_s` has passed inside (None = never).

    It may be entered again and again: what counts is the time spent inside, so that a reader who looks at the first
    rows for long loses none of the rest.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, timeout_s: float | None) -> None:
        self._cursor = cursor
        self._timeout_s = timeout_s
        self._is_late, self._has_ended = threading.Event(), threading.Event()
        self._timer: threading.Timer | None = None
        self._entered_s = self._spent_s = 0.0

    def __enter__(self) -> "TimeLimit":
        if self._timeout_s is not None:
            self._entered_s = time.monotonic()
            self._has_ended.clear()
            self._timer = threading.Timer(max(self._timeout_s - self._spent_s, 0), self._stop)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._has_ended.set()
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()
            self._spent_s += time.monotonic() - self._entered_s

    def told(self) -> str:
        """Why the cursor was interrupted."""
        if self._is_late.is_set():
            return f"the query took longer than {self._timeout_s:g} s and was stopped (--timeout)"
        return "the query was interrupted"

    def _stop(self) -> None:
        self._is_late.set()
        while not self._has_ended.wait(INTERRUPT_S):
            self._cursor.interrupt()


def interruptible(cursor: duckdb.DuckDBPyConnection, work: Callable[[], _T]) -> _T:
    """Run `work` so that ^C stops it: DuckDB does not look at signals, so the main thread must be free to."""
    if threading.current_thread() is not threading.main_thread():
        return work()
    told: Promise[_T] = Promise()

    def run() -> None:
        try:
            told.keep(work())
        except BaseException as error:
            told.fail(error)

    thread = threading.Thread(target=run, name="query", daemon=True)
    try:
        thread.start()
        return told.result()
    except KeyboardInterrupt:
        _stop(cursor, thread, told)
        raise


def _stop(cursor: duckdb.DuckDBPyConnection, thread: threading.Thread, told: Promise[_T]) -> None:
    """Wait until the thread has let go of the cursor, which is told to stop again and again."""
    for _ in range(_BEGINS):
        # ^C may come while the thread is just being started
        if thread.is_alive() or told.is_told():
            break
        time.sleep(INTERRUPT_S)
    while thread.is_alive():
        cursor.interrupt()
        thread.join(INTERRUPT_S)
