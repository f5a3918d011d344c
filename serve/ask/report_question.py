"""A report by its name: one of a file with its own parameters, or any rollup."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from dataflow.errors import ConfigError, PipelineError
from dataflow.windows.kinds import start_by_clock
from query.moment import EPOCH, from_ms, to_ms
from query.reports import Report, RollupReport, Shelf, ask_as
from query.reports.answer import values_of
from serve.ask.cursor import Cursor, digest, read_cursor
from serve.ask.parameters import Pairs, Parameter, read
from serve.ask.question import AS_OF, CURSOR, ZONE, Asking, Document, Found, limit
from serve.ask.rollup_question import PARAMETERS as ROLLUP_PARAMETERS
from serve.ask.rollup_question import RollupQuestion, last_key
from serve.ask.rows import ARROW, Reading
from serve.lake import LakeAt, ServedLake
from serve.problem import Problem, wrong_parameter
from sinks.lake.tables.definition import RollupDefinition
from sinks.lake.tables.finality import EVER_MS

FILE_PARAMETERS: Sequence[Parameter] = (
    AS_OF,
    Parameter("at", "text", "Ask as if it were this time: now, latest (the newest data) or a UTC time."),
    ZONE,
    limit(1_000, 100_000),
    CURSOR,
)

_VOLATILE = re.compile(r"\b(now|today|current_\w+|get_current_\w+|localtime\w*|random|gen_random_uuid|uuid\w*)\b", re.I)
"""Words of SQL whose value is another each time."""
_NOTE = re.compile(r"^\s*--.*$", re.M)
"""A line that is a comment, as those in which a report's file says what it takes; `today` there is no SQL."""


class ReportQuestion:
    """One question of a report. What its parameters are is known when the lake is there."""

    parameters: ClassVar[Sequence[Parameter]] = ROLLUP_PARAMETERS
    is_table = True
    is_slow = False

    def __init__(self, name: str, pairs: Pairs) -> None:
        self.name = name
        self.pairs = list(pairs)
        self.cursor = read_cursor(_only(self.pairs, "cursor"))
        self.digest = digest(name, sorted(pair for pair in self.pairs if pair[0] != "cursor"))
        if self.cursor is not None:
            self.cursor.require_same(self.digest)

    @property
    def as_of(self) -> str | int | None:
        """The cursor's snapshot, or what was asked for."""
        return _only(self.pairs, "as_of") if self.cursor is None else self.cursor.snapshot

    def facts(self, at: LakeAt) -> object:
        """What the report's own way of being asked depends on."""
        at = self._at(at)
        report = self._find(at)
        if isinstance(report, RollupReport):
            return RollupQuestion(report, self.pairs).facts(at)
        own, given = self._of_file(report)
        asked = (own["at"] or "now").strip().lower()
        facts: list[object] = [report.sql, at.active()]
        if asked == "now":
            values = values_of(report, given, at.now)
            facts += [values, None if report.span is None else report.span.limits(values, at.now)]
        if _VOLATILE.search(_NOTE.sub("", report.sql)):
            facts.append(at.now)
        return facts

    def answer(self, lake: ServedLake, at: LakeAt, asking: Asking) -> Found | Document:
        """A page of rows."""
        at = self._at(at)
        report = self._find(at)
        if isinstance(report, RollupReport):
            return self._of_rollup(lake, at, RollupQuestion(report, self.pairs), asking)
        own, given = self._of_file(report)
        zone = self._zone(lake, own["tz"], asking)
        skip = 0 if self.cursor is None else self.cursor.rows
        rows: int = own["limit"]
        if report.limit is not None and not any(name == "limit" for name, _ in self.pairs):
            rows = min(report.limit, rows)
        reading = Reading(asking.way, rows, asking.timeout_s, zone, skip)
        most = skip + rows + 1 if report.takes_limit else None
        found = ask_as(reading.read, at.snapshot, report, given, at.now, at=own["at"], limit=most)
        more = found.table.more and asking.has_pages
        onward = self._next(lake, at, skip + rows, []) if more else None
        provisional = None
        if report.rollup is not None and found.start is not None and found.end is not None:
            provisional = provisional_from(at, report.rollup, to_ms(found.start), to_ms(found.end))
        return Found(found.table, found.note, onward, provisional)

    def _of_rollup(self, lake: ServedLake, at: LakeAt, question: RollupQuestion, asking: Asking) -> Found:
        values = question.values
        zone = self._zone(lake, values["tz"], asking)
        shown = lake.zone(values["tz"]) if values["tz"] is not None else None
        sent = 0 if self.cursor is None else self.cursor.rows
        rows: int = values["limit"]
        if values["top"] is not None:
            rows = max(min(rows, values["top"] - sent), 0)
        if question.rollup.name not in at.snapshot.views:
            raise Problem(
                404,
                "rollup-unknown",
                "the snapshot has no such rollup",
                f"snapshot {at.snapshot.id} has no rollup {question.rollup.name} yet",
                "ask for a newer snapshot with as_of, or leave it out",
            )
        statement = question.statement(at, shown, rows + 1, self.cursor)
        reading = Reading(asking.way, rows, asking.timeout_s, zone, hidden=True)
        found = reading.read(at.snapshot, statement.sql, bounds=question.bounds(at, statement))
        onward = None
        if found.more and asking.has_pages and (values["top"] is None or sent + rows < values["top"]):
            onward = self._next(lake, at, sent + rows, last_key(found.last))
        provisional = provisional_from(at, question.rollup, to_ms(statement.start), to_ms(statement.end))
        note = f"{statement.note}, as of snapshot {at.snapshot.id} ({at.snapshot.time:%Y-%m-%d %H:%M:%S} UTC)"
        return Found(found, note, onward, provisional)

    def _next(self, lake: ServedLake, at: LakeAt, rows: int, last: list[str | None]) -> str:
        lake.keep(at)
        return Cursor(self.digest, at.snapshot.id, at.token, to_ms(at.now), rows, last).written()

    def _at(self, at: LakeAt) -> LakeAt:
        """With the clock of the first page."""
        if self.cursor is None:
            return at
        self.cursor.require_here(at.token)
        return at._replace(now=from_ms(self.cursor.at_ms).astimezone(UTC))

    def _find(self, at: LakeAt) -> Report | RollupReport:
        try:
            return at.shelf.find(self.name)
        except ConfigError as error:
            if error.key != "report":
                raise
            raise Problem(
                404, "report-unknown", "there is no such report", str(error), "see /api/v1/reports"
            ) from error

    def _of_file(self, report: Report) -> tuple[dict[str, Any], dict[str, str]]:
        """Our parameters, and the report's own."""
        own = {parameter.name for parameter in FILE_PARAMETERS}
        given: dict[str, str] = {}
        ours = []
        for name, value in self.pairs:
            if name in own:
                ours.append((name, value))
            elif name in given:
                raise wrong_parameter(name, value, "is given twice")
            else:
                if "\0" in value:
                    raise wrong_parameter(name, value, "holds a NUL character")
                given[name] = value
        return read(ours, FILE_PARAMETERS), given

    def _zone(self, lake: ServedLake, zone: str | None, asking: Asking) -> str | None:
        """The zone in which times are shown."""
        if zone is None:
            return None
        known = lake.zone(zone)
        return None if asking.way == ARROW else known


def mistake_in(shelf: Shelf, name: str, given: Mapping[str, str]) -> str | None:
    """What is wrong with asking report `name` with these parameters, as far as no lake has to be asked; else None.

    A mistake in the report's own file is told by whoever asks that.
    """
    try:
        question = ReportQuestion(name, list(given.items()))
        report = shelf.find(name)
        if isinstance(report, RollupReport):
            RollupQuestion(report, question.pairs)
        else:
            values_of(report, question._of_file(report)[1], EPOCH)
    except PipelineError:
        return None
    except ConfigError as error:
        place = "report" if error.key == "report" else f"parameters: {error.key.lstrip('-')}"
        return f"{place} = {error.value!r}: {error.fix}"
    except Problem as problem:
        return f"parameters: {problem.detail}"
    return None


def _only(pairs: Pairs, name: str) -> str | None:
    values = [value for key, value in pairs if key == name]
    if len(values) > 1:
        raise wrong_parameter(name, values[1], "is given twice")
    return values[0] if values else None


def provisional_from(at: LakeAt, rollup: RollupDefinition, start_ms: int, end_ms: int) -> str | None:
    """The start of the first window in [start, end) that may still change, as far as the watermarks tell."""
    frontier = at.frontier_ms()
    if frontier >= EVER_MS:
        return None
    window = rollup.window
    # a window is final once the frontier has reached its last millisecond and the allowed lateness
    first = frontier + 2 - rollup.allowed_lateness_ms - window.size_ms
    if window.zone is not None:
        first = start_by_clock(window.window, max(frontier + 1 - rollup.allowed_lateness_ms, start_ms))
    elif not rollup.merges_windows:
        first = -((window.offset_ms - first) // window.slide_ms) * window.slide_ms + window.offset_ms
    first = max(first, start_ms)
    return None if first >= end_ms else iso(from_ms(first))


def iso(moment: datetime) -> str:
    """A time as answers have it."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
