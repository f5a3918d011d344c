"""Exceptions as problems: status, kind, hint, and nothing of the server's inside."""

import pytest

from dataflow.errors import (
    ConfigError,
    ForeignLake,
    LakeError,
    LakeMissing,
    PipelineError,
    QueryError,
    SnapshotExpired,
    SourceError,
)
from serve.problem import Problem, busy, problem_of, too_long, wrong_parameter


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (ConfigError("--top", 0, "must be 1 or more"), 400, "wrong-parameter"),
        (PipelineError("a.sql", ["line 1: x"]), 422, "wrong-report"),
        (LakeMissing("there is no lake"), 503, "lake-missing"),
        (ForeignLake("something else"), 503, "lake-foreign"),
        (LakeError("lake has no snapshot 9; it holds 0 to 3"), 404, "snapshot-unknown"),
        (LakeError("the catalog refused"), 503, "lake-unreadable"),
        (SnapshotExpired("snapshot 3 has been expired"), 410, "snapshot-expired"),
        (QueryError("the query took longer than 2 s and was stopped (--timeout)"), 504, "too-long"),
        (QueryError("no such column"), 400, "wrong-question"),
        (SourceError("elsewhere"), 500, "failed"),
        (ZeroDivisionError("secret"), 500, "failed"),
        (busy("asking"), 503, "busy"),
        (too_long(3), 504, "too-long"),
    ],
)
def test_an_exception_has_the_status_of_whose_fault_it_is(error: Exception, status: int, kind: str) -> None:
    found = problem_of(error)
    assert (found.status, found.kind) == (status, kind)
    assert found.hint


def test_a_parameter_is_named_as_it_is_written_in_a_query_string() -> None:
    assert problem_of(ConfigError("--as-of", "x", "write a time")).detail == "as_of = 'x': write a time"
    assert problem_of(QueryError("ask with --as-of 3")).detail == "ask with as_of 3"


def test_an_exception_without_a_meaning_keeps_its_text_to_itself() -> None:
    assert "secret" not in str(problem_of(ZeroDivisionError("secret")).document("7"))


def test_a_problem_is_an_object_of_rfc_9457_with_the_request_it_is_of() -> None:
    assert wrong_parameter("limit", "x" * 999, "write a number").document("7") == {
        "type": "urn:tidemill:problem:wrong-parameter",
        "title": "A parameter is wrong",
        "status": 400,
        "detail": f"limit = {'x' * 200!r}: write a number",
        "hint": "write a number",
        "request_id": "7",
    }


def test_a_problem_stays_itself() -> None:
    found = Problem(418, "a", "b", "c")
    assert problem_of(found) is found
