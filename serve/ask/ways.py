"""Every question that is asked with GET, by its path below /api/v1."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from serve.ask.alerts_question import AlertsQuestion
from serve.ask.lines_question import ReasonsQuestion, kind_of
from serve.ask.lists_question import (
    BoardQuestion,
    BoardsQuestion,
    LateWindowsQuestion,
    ReportsQuestion,
    SnapshotsQuestion,
)
from serve.ask.parameters import Pairs, Parameter
from serve.ask.question import Question
from serve.ask.report_question import ReportQuestion
from serve.ask.schema_question import SchemaQuestion
from serve.ask.status_question import StatusQuestion
from serve.problem import Problem


class Way(NamedTuple):
    """One kind of question and what the description of the API says of it."""

    make: Callable[[Pairs], Question]
    parameters: Sequence[Parameter]
    summary: str
    is_table: bool


def _way(kind: Any, summary: str, is_table: bool) -> Way:
    """`kind`: a class of questions."""
    return Way(kind, kind.parameters, summary, is_table)


WAYS: Mapping[str, Way] = {
    "reports": _way(ReportsQuestion, "All reports: files beside the pipeline, and every rollup", False),
    "schema": _way(SchemaQuestion, "Tables, views and rollups with their columns, and the pipeline", False),
    "status": _way(StatusQuestion, "Records, rates, freshness, and where each source partition stands", False),
    "alerts": _way(AlertsQuestion, "Alerts as they stand, newest windows first", True),
    "dead-letters": _way(kind_of("dead-letters"), "Records that are no events, newest first", True),
    "dead-letters/reasons": _way(ReasonsQuestion, "How many dead letters there are by reason and field", True),
    "late": _way(kind_of("late"), "Events that came too late for all their windows, newest first", True),
    "late/windows": _way(LateWindowsQuestion, "Windows that were corrected after they were closed", False),
    "snapshots": _way(SnapshotsQuestion, "What as_of can reach, newest first", False),
    "ledger": _way(kind_of("ledger"), "What became of the records of each commit, newest first", True),
    "boards": _way(BoardsQuestion, "The boards of the page, in the order of its tabs", False),
}
"""All but those whose path holds a name."""

REPORT_SUMMARY = "A report or a rollup by its name"
BOARD_SUMMARY = "A board of the page with its panels"


def question_of(path: str, pairs: Pairs) -> Question:
    """The question of a path like `reports/clicks_per_ad`. Raises Problem."""
    way = WAYS.get(path)
    if way is not None:
        return way.make(pairs)
    first, _, name = path.partition("/")
    if name and "/" not in name:
        if first == "reports":
            return ReportQuestion(name, pairs)
        if first == "boards":
            return BoardQuestion(name, pairs)
    known = ", ".join(WAYS)
    raise Problem(
        404,
        "no-such-path",
        "there is nothing at this path",
        f"/api/v1/{path[:200]}",
        f"there are reports/NAME, boards/NAME, {known}",
    )
