"""The three standing questions, as plain SQL over the rollups' views, each with the time range that it covers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files

import pyarrow as pa

from dataflow.errors import ConfigError, QueryError
from query.moment import aware, from_ms, parse_day, parse_time, start_of
from query.reader import Bound, LakeSnapshot

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Report:
    """A report: the view it reads, the columns of it that it needs, and how many rows it gives unless told."""

    name: str
    view: str
    columns: tuple[str, ...]
    limit: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A report's rows and what they stand for: windows that start in [start, end), aware UTC, at a snapshot.

    `note` says in words what was asked, and for an empty answer why it is empty and what to ask instead.
    """

    report: str
    table: pa.Table
    start: datetime
    end: datetime
    snapshot: int
    note: str


REPORTS: Mapping[str, Report] = {
    report.name: report
    for report in (
        Report("clicks_per_ad", "ad_clicks_1m", ("ad_id", "clicks", "spend"), 20),
        Report(
            "top_campaigns",
            "campaign_1m",
            ("campaign_id", "impressions", "clicks", "conversions", "spend", "revenue"),
            10,
        ),
        Report("revenue_per_hour", "revenue_1h", ("revenue", "events", "is_final"), 1_000),
    )
}


def clicks_per_ad(
    snapshot: LakeSnapshot, now: datetime, *, minutes: int = 5, at: str = "now", limit: int | None = None
) -> Answer:
    """Clicks per ad in the last `minutes` minutes: the running one and those before it."""
    _require_positive("--minutes", minutes)
    moment, newest = _moment(snapshot, at, now)
    end = moment.replace(second=0, microsecond=0) + MINUTE
    call = f"clicks_per_ad --minutes {minutes}"
    return _answer(snapshot, "clicks_per_ad", end - minutes * MINUTE, end, limit, newest, call)


def top_campaigns(
    snapshot: LakeSnapshot, now: datetime, *, day: str = "today", at: str = "now", limit: int | None = None
) -> Answer:
    """What each campaign brought on one day (UTC): `today`, `yesterday` or YYYY-MM-DD."""
    moment, newest = _moment(snapshot, at, now)
    start = start_of(parse_day(day, moment.date()))
    return _answer(snapshot, "top_campaigns", start, start + DAY, limit, newest, "top_campaigns --day today")


def revenue_per_hour(
    snapshot: LakeSnapshot, now: datetime, *, hours: int = 24, at: str = "now", limit: int | None = None
) -> Answer:
    """Revenue per hour in the last `hours` hours: the running one and those before it."""
    _require_positive("--hours", hours)
    moment, newest = _moment(snapshot, at, now)
    end = moment.replace(minute=0, second=0, microsecond=0) + HOUR
    call = f"revenue_per_hour --hours {hours}"
    return _answer(snapshot, "revenue_per_hour", end - hours * HOUR, end, limit or hours, newest, call)


def newest_event(snapshot: LakeSnapshot) -> datetime | None:
    """The largest event time of all valid rows at the snapshot; None while there is none."""
    times = [end.max_event_time for end in snapshot.ends().values() if end.max_event_time is not None]
    return from_ms(max(times)) if times else None


def report_sql(name: str) -> str:
    """The SQL text of a report, with $start, $end (TIMESTAMP, UTC) and $limit."""
    return _sql_text(name)


def _answer(
    snapshot: LakeSnapshot,
    name: str,
    start: datetime,
    end: datetime,
    limit: int | None,
    newest: datetime | None,
    call: str,
) -> Answer:
    report = REPORTS[name]
    delta = f"{report.view}_delta"
    bounds = [Bound(delta, "window_start", start, end)] if delta in snapshot.tables else []
    if report.view not in snapshot.views:
        have = ", ".join(sorted(snapshot.views)) or "none"
        raise QueryError(
            f"report {report.name} reads the rollup {report.view}, which this lake does not have (it has: {have}); "
            "add it to the pipeline as pipelines/ads.py does, or ask with `tidemill query`"
        )
    rows = report.limit if limit is None else limit
    _require_positive("--limit", rows)
    parameters = {"start": start.replace(tzinfo=None), "end": end.replace(tzinfo=None), "limit": rows}
    try:
        table = snapshot.query(report_sql(name), parameters=parameters, bounds=bounds)
    except QueryError as error:
        # asked afterwards only: it costs as much as most reports do
        _require_columns(snapshot, report, error)
        raise
    note = f"{_span(start, end)} by event time, as of snapshot {snapshot.id} ({snapshot.time:%Y-%m-%d %H:%M:%S} UTC)"
    if table.num_rows == 0:
        note += "\n" + _why_empty(newest, start, end, call)
    return Answer(name, table, start, end, snapshot.id, note)


def _why_empty(newest: datetime | None, start: datetime, end: datetime, call: str) -> str:
    if newest is None:
        return "No rows: the lake holds no events yet."
    told = f"the newest event in the lake is of {newest:%Y-%m-%d %H:%M:%S} UTC"
    if newest < start:
        return f"No rows: {told}, older than this range. Ask at that time: tidemill report {call} --at latest"
    if start > newest or newest >= end:
        return f"No rows in this range; {told}."
    return f"No rows in this range, although {told}: no event of that range is counted by this rollup."


def _moment(snapshot: LakeSnapshot, at: str, now: datetime) -> tuple[datetime, datetime | None]:
    """The time a report is asked for, and the newest event time."""
    newest = newest_event(snapshot)
    word = at.strip().lower()
    if word == "now":
        return aware(now), newest
    if word == "latest":
        return newest if newest is not None else aware(now), newest
    return parse_time(at, "now, latest or a UTC time like 2026-11-25T12:05:00"), newest


def _require_columns(snapshot: LakeSnapshot, report: Report, cause: QueryError) -> None:
    """Say which columns the view lacks, if that is why the report failed."""
    present = set(snapshot.query(f"SELECT * FROM {report.view} LIMIT 0").column_names)
    missing = [column for column in report.columns if column not in present]
    if missing:
        raise QueryError(
            f"report {report.name} needs {report.view} with the columns {', '.join(missing)}, which this lake's "
            "does not have; add them to the rollup as pipelines/ads.py does, or ask with `tidemill query`"
        ) from cause


def _require_positive(flag: str, value: int) -> None:
    if value < 1:
        raise ConfigError(flag, value, "must be 1 or more")


def _span(start: datetime, end: datetime) -> str:
    form = "%Y-%m-%d %H:%M"
    return f"{start.strftime(form)} to {end.strftime('%H:%M' if end - start < DAY else form)} UTC"


@cache
def _sql_text(name: str) -> str:
    return files("query").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
