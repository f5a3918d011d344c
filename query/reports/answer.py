"""Asking a report: parameters become values, a range of time and the files of that range, and those an answer."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from dataflow.errors import ConfigError, PipelineError, QueryError
from dataflow.spelling import suggest
from query.moment import aware, from_ms, parse_time
from query.reader import Bound, LakeSnapshot
from query.reports import rollup as windows
from query.reports.report import Parameter, Report, RollupReport
from query.reports.span import Day
from query.reports.statement import line_of_mistake, one_line, told_by_engine
from query.reports.values import Value, read_value

if TYPE_CHECKING:
    import pyarrow as pa

_A = TypeVar("_A")

Read = Callable[..., _A]
"""Asks a snapshot like `LakeSnapshot.query`: SQL, `parameters`, `bounds`. What it gives is true unless empty."""

_MOMENTS = "now, latest or a UTC time like 2026-11-25T12:05:00"


class Answer(NamedTuple, Generic[_A]):
    """A report's rows in the form in which they were read, and what they stand for: windows that start in
    [start, end), aware UTC, at a snapshot.

    Both are None for a report without a range. `note` says in words what was asked, and for an empty answer why it is
    empty and what to ask instead.
    """

    report: str
    table: _A
    start: datetime | None
    end: datetime | None
    snapshot: int
    note: str


def ask(
    snapshot: LakeSnapshot,
    report: Report | RollupReport,
    given: Mapping[str, object],
    now: datetime,
    *,
    at: str | None = None,
    limit: int | None = None,
) -> "Answer[pa.Table]":
    """Answer a report at a snapshot as an Arrow table; see `ask_as`."""
    return ask_as(_query, snapshot, report, given, now, at=at, limit=limit)


def ask_as(
    read: Read[_A],
    snapshot: LakeSnapshot,
    report: Report | RollupReport,
    given: Mapping[str, object],
    now: datetime,
    *,
    at: str | None = None,
    limit: int | None = None,
) -> Answer[_A]:
    """Answer a report at a snapshot, as if it were the time `at`: now, latest (the newest data) or a time as text.

    Left out, it is now for a report of a file and the newest window for a rollup. `given`: parameters by name, as text
    or as what the text stands for; those left out have their defaults. `limit`: at most so many rows.
    Raises ConfigError (a parameter), PipelineError (the report's file does not fit this lake) or QueryError.
    """
    if limit is not None and limit < 1:
        raise ConfigError("--limit", limit, "must be 1 or more")
    if isinstance(report, RollupReport):
        return _ask_rollup(read, snapshot, report, given, now, at, limit)
    return _ask_file(read, snapshot, report, given, now, at or "now", limit)


def _query(snapshot: LakeSnapshot, sql: str, **how: Any) -> "pa.Table":
    # each kind of snapshot has its own way
    return snapshot.query(sql, **how)


def newest_event(snapshot: LakeSnapshot) -> datetime | None:
    """The largest event time of all valid rows at the snapshot; None while there is none."""
    times = [end.max_event_time for end in snapshot.ends().values() if end.max_event_time is not None]
    return from_ms(max(times)) if times else None


def values_of(report: Report | RollupReport, given: Mapping[str, object], moment: datetime) -> dict[str, Value]:
    """A value for every parameter, `today` being the day of `moment` by the clock of the report's range.

    Raises ConfigError or QueryError.
    """
    known = {parameter.name: parameter for parameter in report.parameters}
    for name, value in given.items():
        if name not in known:
            hint = suggest(name, [*known]) if known else "; it has none"
            raise ConfigError(f"--{name}", value, f"report {report.name} has no such parameter{hint}")
    values = {name: _value(report.name, known[name], given, moment.date()) for name in known}
    clock = getattr(report.span, "clock", None) if isinstance(report, Report) else None
    if clock is not None:
        today = clock.day_of(moment, values)
        values = {name: _value(report.name, known[name], given, today) for name in known}
    return values


def _value(report: str, parameter: Parameter, given: Mapping[str, object], today: date) -> Value:
    written = given.get(parameter.name)
    text = parameter.default if written is None else str(written)
    if text is None:
        if parameter.required:
            meaning = f" ({parameter.help})" if parameter.help else ""
            raise ConfigError(f"--{parameter.name}", None, f"report {report} needs it: {parameter.type.form}{meaning}")
        return None
    try:
        return read_value(parameter.type, text, today)
    except ValueError as error:
        raise ConfigError(f"--{parameter.name}", text, str(error)) from None


def _ask_file(
    read: Read[_A],
    snapshot: LakeSnapshot,
    report: Report,
    given: Mapping[str, object],
    now: datetime,
    at: str,
    limit: int | None,
) -> Answer[_A]:
    moment = _moment(snapshot, at, now)
    values = values_of(report, given, moment)
    _require_view(snapshot, report)
    start, end = (None, None) if report.span is None else report.span.limits(values, moment)
    bounds: list[Bound] = []
    if start is not None and end is not None:
        values |= {"start": start.replace(tzinfo=None), "end": end.replace(tzinfo=None)}
        if report.rollup is not None:
            bounds = windows.bounds_of(report.rollup, snapshot.tables, start, end)
    if limit is not None and not report.takes_limit:
        raise ConfigError("--limit", limit, f"report {report.name} has no limit; give {report.path} a `-- limit: ...`")
    values["limit"] = report.limit if limit is None else limit
    bound = {name: value for name, value in values.items() if name in report.uses}
    try:
        table = read(snapshot, report.sql, parameters=bound, bounds=bounds)
    except QueryError as error:
        if told_by_engine(error):
            raise PipelineError(str(report.path), [_told(report, str(error))]) from error
        raise
    note = "all windows" if start is None or end is None else f"{_span(start, end)} by event time"
    note += _as_of(snapshot)
    if not table:
        call = " ".join(["tidemill report", report.name, *_flags(report, given)])
        note += "\n" + _why_empty(newest_event(snapshot), start, end, call)
    return Answer(report.name, table, start, end, snapshot.id, note)


def _ask_rollup(
    read: Read[_A],
    snapshot: LakeSnapshot,
    report: RollupReport,
    given: Mapping[str, object],
    now: datetime,
    at: str | None,
    limit: int | None,
) -> Answer[_A]:
    rollup = report.rollup
    values = values_of(report, given, now)
    top = values["top"]
    if top is not None and (not isinstance(top, int) or top < 1):
        raise ConfigError("--top", top, "must be 1 or more")
    if rollup.name not in snapshot.views:
        raise _not_yet(snapshot, rollup.name)
    newest = at is None or at.strip().lower() == "latest"
    reach = windows.reach_of(snapshot, rollup, values["last"], None if newest else _moment(snapshot, at or "", now))
    start, end = reach.limits()
    table = read(
        snapshot,
        windows.statement(snapshot, report, values),
        parameters={
            "start_us": reach.start_ms * 1000,
            "end_us": reach.end_ms * 1000,
            "limit": min((rows for rows in (top, limit) if isinstance(rows, int)), default=None),
        },
        bounds=windows.bounds_of(rollup, snapshot.tables, start, end),
    )
    by = windows.order_column(rollup, values)
    note = f"windows that start after {_minute(start - timedelta(milliseconds=1))} and"
    note += f" up to {_minute(end - timedelta(milliseconds=1))} UTC" + ("" if by is None else f", by {by}")
    if not table and newest and values["where"] is None:
        note = "the rollup has no window yet"
    return Answer(report.name, table, start, end, snapshot.id, note + _as_of(snapshot))


def _require_view(snapshot: LakeSnapshot, report: Report) -> None:
    if report.view not in snapshot.names():
        if report.rollup is not None:
            raise _not_yet(snapshot, report.view)
        have = ", ".join(sorted(snapshot.views)) or "none"
        line = report.lines["view"]
        raise PipelineError(
            str(report.path),
            [
                f"line {line}: view = {report.view!r}: this lake has no such rollup (it has: {have}); correct the "
                "name, say whose report it is with a line `-- pipeline: NAME`, or name this lake's pipeline file "
                "with --pipeline"
            ],
        )


def _not_yet(snapshot: LakeSnapshot, rollup: str) -> QueryError:
    return QueryError(
        f"snapshot {snapshot.id} has no rollup {rollup} yet; ask for a newer one with --as-of, or leave it out"
    )


def _told(report: Report, message: str) -> str:
    """What the engine says of a report's SQL, with its line and what there is instead."""
    has = "" if report.rollup is None else f"; {report.view} has {', '.join(windows.columns_of(report.rollup))}"
    return f"line {line_of_mistake(message, report.sql)}: {one_line(message)}{has}"


def _flags(report: Report, given: Mapping[str, object]) -> list[str]:
    """What was given, as flags, but for the day: `--at` says which one that is."""
    day = report.span.parameter if isinstance(report.span, Day) else None
    import shlex

    return [f"--{name} {shlex.quote(str(value))}" for name, value in given.items() if name != day and value is not None]


def _why_empty(newest: datetime | None, start: datetime | None, end: datetime | None, call: str) -> str:
    if newest is None:
        return "no rows: the lake holds no events yet"
    told = f"the newest event in the lake is of {newest:%Y-%m-%d %H:%M:%S} UTC"
    if start is None or end is None:
        return f"no rows; {told}"
    if newest < start:
        return f"no rows: {told}, older than this range. Ask at that time: {call} --at latest"
    if start > newest or newest >= end:
        return f"no rows in this range; {told}"
    return f"no rows in this range, although {told}: no event of that range is counted by this rollup"


def _moment(snapshot: LakeSnapshot, at: str, now: datetime) -> datetime:
    """The time a report is asked for."""
    word = at.strip().lower()
    if word == "now":
        return aware(now)
    if word == "latest":
        return newest_event(snapshot) or aware(now)
    return parse_time(at, _MOMENTS)


def _span(start: datetime, end: datetime) -> str:
    form = "%Y-%m-%d %H:%M"
    return f"{start.strftime(form)} to {end.strftime('%H:%M' if end - start < timedelta(days=1) else form)} UTC"


def _minute(moment: datetime) -> str:
    """A time to the minute, or as far as it goes."""
    if moment.microsecond:
        return moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    return moment.strftime("%Y-%m-%d %H:%M:%S" if moment.second else "%Y-%m-%d %H:%M")


def _as_of(snapshot: LakeSnapshot) -> str:
    return f", as of snapshot {snapshot.id} ({snapshot.time:%Y-%m-%d %H:%M:%S} UTC)"
