"""What became of a question, in words: an answer, or the error that tells why there is none."""

import signal

from dataflow.errors import QueryError, SqlCancelled, SqlFailed, SqlRefused, SqlTooLong, SqlTooMuch
from dataflow.spoken import size
from query.resolve import Resolved
from serve.sql.child import Said
from serve.sql.limits import SqlLimits
from serve.sql.question import Answered
from serve.sql.received import received

CANCELLED = "the question was taken back before it was answered"


def answered(said: Said, resolved: Resolved, rows: int, limits: SqlLimits) -> Answered:
    """The answer in a stream. Raises SqlFailed where the child sent none."""
    table = received(said.stream, rows=rows, bytes_=limits.bytes)
    cut, told = said.end.get("cut"), said.end.get("rows")
    if told != table.num_rows or cut not in (None, "rows", "bytes"):
        raise SqlFailed("the process that answered sent no proper answer and was ended: ask again")
    why = None if cut is None else _WHY[cut].format(here=table.num_rows, rows=rows, size=size(limits.bytes))
    return Answered(table, said.stream, resolved.snapshot.id, resolved.snapshot.time, why is not None, why)


_WHY = {
    "rows": (
        "only the first {here:,} rows are here, and there are more: no more were asked for, or the server lets out no "
        "more at once (serve_sql_rows)"
    ),
    "bytes": (
        "only the first {here:,} rows are here, and there are more: the server lets out {size} at once "
        "(serve_sql_bytes); ask for fewer columns, or sum up"
    ),
}


def error_of(said: Said, timeout_s: float, limits: SqlLimits, *, is_cancelled: bool) -> QueryError:
    """The error that a question ended with."""
    kind, message = said.end["error"], str(said.end.get("message", ""))
    if is_cancelled and (kind == "stopped" or said.is_late):
        return SqlCancelled(CANCELLED)
    if kind == "stopped" or said.is_late:
        return SqlTooLong(
            f"the question took longer than {timeout_s:g} s and was stopped: narrow it by time, or ask a rollup "
            "instead of raw rows; the server's limit is serve_sql_timeout"
        )
    if kind == "memory" or said.code == -signal.SIGKILL:
        return SqlTooMuch(
            f"the question needs more than the {size(limits.memory_bytes)} of memory that it may have "
            "(serve_sql_memory_bytes): group by less, sort less, or narrow it by time"
        )
    if said.code == -signal.SIGXCPU:
        return SqlTooMuch(
            f"the question used more processor time than {timeout_s:g} s explain and was stopped: narrow it by time"
        )
    if kind == "refused":
        return SqlRefused(message)
    if kind == "query":
        return QueryError(message)
    return SqlFailed(
        "the process that answered the question has ended, and another one takes its place: write the question "
        f"smaller or flatter{_ended(said.code)}{chr(10) if message else ''}{message}"
    )


def _ended(code: int | None) -> str:
    if code is None or code >= 0:
        return ""
    try:
        return f" ({signal.Signals(-code).name})"
    except ValueError:
        return f" (signal {-code})"
