"""What is wrong with a request, as RFC 9457 has it: status, what happened, and what to do instead."""

import re
import sqlite3
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from dataflow.errors import (
    ConfigError,
    ForeignLake,
    LakeError,
    LakeMissing,
    NewerLake,
    PipelineError,
    QueryError,
    SnapshotExpired,
    SqlBusy,
    SqlCancelled,
    SqlFailed,
    SqlRefused,
    SqlTooLong,
    SqlTooMuch,
    TidemillError,
)

MEDIA_TYPE = "application/problem+json"
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})

_TOO_LONG = re.compile(r"^the query took longer than ")


class Problem(Exception):
    """One problem. `kind` names it for programs, `hint` says how to mend it; `headers` go with the answer."""

    def __init__(
        self,
        status: int,
        kind: str,
        title: str,
        detail: str,
        hint: str | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> None:
        super().__init__(f"{title}: {detail}")
        self.status, self.kind, self.title, self.detail, self.hint = status, kind, title, detail, hint
        self.headers = headers

    def document(self, request_id: str) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "type": f"urn:tidemill:problem:{self.kind}",
            "title": self.title[:1].upper() + self.title[1:],
            "status": self.status,
            "detail": self.detail,
            "hint": self.hint,
            "request_id": request_id,
        }


def wrong_parameter(name: str, value: object, why: str) -> Problem:
    """A parameter that cannot be taken as it is written."""
    shown = "" if value is None else f" = {str(value)[:200]!r}"
    return Problem(400, "wrong-parameter", "a parameter is wrong", f"{name}{shown}: {why}", why)


def busy(what: str) -> Problem:
    """More is asked at a time than is answered at a time."""
    return Problem(
        503,
        "busy",
        "too much is asked at this moment",
        f"{what} has no place free",
        "ask again in a second; start another `tidemill serve` over the same lake if this happens often",
        {"Retry-After": "1"},
    )


def ending() -> Problem:
    """The server ends before the answer was there."""
    return Problem(
        503,
        "ending",
        "the server is ending",
        "it answers nothing more, and the question was stopped",
        "ask again in a moment, when it may have been started anew",
        {"Retry-After": "2"},
    )


def too_long(timeout_s: float) -> Problem:
    """A question that took more than its time."""
    return Problem(
        504,
        "too-long",
        "the question took too long",
        f"the question took longer than {timeout_s:g} s and was stopped",
        "ask for a shorter range, fewer keys or fewer rows",
    )


def problem_of(error: BaseException) -> Problem:
    """The problem that an exception is; one without a meaning of its own is the server's fault, without its text."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, ConfigError):
        return wrong_parameter(error.key.lstrip("-").replace("-", "_"), error.value, error.fix)
    if isinstance(error, PipelineError):
        return Problem(
            422,
            "wrong-report",
            "the report's file has a mistake",
            str(error),
            "correct the file; `tidemill check` shows the same",
        )
    if isinstance(error, LakeError):
        return _of_lake(error)
    if isinstance(error, QueryError):
        return _of_query(error)
    if isinstance(error, sqlite3.Error):
        detail = f"the catalog answers: {error}"
        hint = "see `tidemill doctor`; restore the lake from a backup"
        return Problem(503, "lake-unreadable", "the lake cannot be read now", detail, hint, {"Retry-After": "2"})
    if isinstance(error, TidemillError):
        return Problem(500, "failed", "the answer could not be made", str(error), "see the server's log")
    return Problem(
        500,
        "failed",
        "the answer could not be made",
        f"the server met a {type(error).__name__}",
        "look for the request id in the server's log",
    )


def _of_lake(error: LakeError) -> Problem:
    later = {"Retry-After": "2"}
    if isinstance(error, LakeMissing):
        hint = "start `tidemill run`, which makes the lake, or name its folder with --lake; answers come as it appears"
        return Problem(503, "lake-missing", "there is no lake yet", str(error), hint, later)
    if isinstance(error, ForeignLake | NewerLake):
        return Problem(503, "lake-foreign", "the lake cannot be read", str(error), "see `tidemill doctor`", later)
    if " has no snapshot " in str(error):
        hint = "leave as_of out for the newest, or choose one of /api/v1/snapshots"
        return Problem(404, "snapshot-unknown", "there is no such snapshot", str(error), hint)
    return Problem(503, "lake-unreadable", "the lake cannot be read now", str(error), "see `tidemill doctor`", later)


_OF_SQL: tuple[tuple[type[QueryError], tuple[int, str, str]], ...] = (
    (SqlRefused, (400, "sql-refused", "the SQL asks for what is not answered here")),
    (SqlTooLong, (504, "too-long", "the question took too long")),
    (SqlTooMuch, (422, "sql-too-much", "the SQL needs more than it may")),
    (SqlBusy, (503, "busy", "too much is asked at this moment")),
    (SqlCancelled, (409, "sql-cancelled", "the query was stopped")),
    (SqlFailed, (503, "sql-failed", "the process that answered is gone")),
)


def _of_query(error: QueryError) -> Problem:
    status, kind, title = next(
        (told for known, told in _OF_SQL if isinstance(error, known)),
        (400, "wrong-question", "the question cannot be answered"),
    )
    hint: str | None = None
    message = str(error).replace("--as-of", "as_of").replace(" (--timeout)", "")
    if isinstance(error, SnapshotExpired):
        hint = "ask again without as_of or cursor: the newest snapshot answers"
        return Problem(410, "snapshot-expired", "the snapshot is not kept any more", message, hint)
    if _TOO_LONG.match(message):
        return Problem(504, "too-long", "the question took too long", message, "ask for a shorter range or fewer rows")
    later = {"Retry-After": "1"} if status == 503 else _NO_HEADERS
    return Problem(status, kind, title, message, hint or _fix_in(message), later)


def _fix_in(message: str) -> str:
    """What a message of ours says to do: it stands behind the last colon or semicolon."""
    for sign in ("; ", ": "):
        if sign in message:
            return message.rpartition(sign)[2]
    return "see /docs for what can be asked"
