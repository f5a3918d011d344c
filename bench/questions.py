"""What the benchmarks ask a lake, each question timed as its user sees it."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from bench.day_lake import START
from dataflow.pipeline.load import load
from query.reader import LakeReader, LakeSnapshot
from query.reports import Shelf, reports_folder
from query.reports import ask as ask_report
from sinks.lake.tables.definition import definition_of

OPENING = "open a snapshot"

Question = Callable[[LakeSnapshot, datetime], object]

_PIPELINE = str(Path(__file__).parents[1] / "pipelines" / "ads.py")


@cache
def shelf() -> Shelf:
    return Shelf(reports_folder(_PIPELINE), definition_of(load(_PIPELINE)))


def report(name: str, **given: object) -> Question:
    """A report of the shipped pipeline with these parameters, to be asked at a time."""

    def asked(snapshot: LakeSnapshot, now: datetime) -> object:
        return ask_report(snapshot, shelf().find(name), given, now)

    return asked


REPORTS: Mapping[str, Question] = {
    "clicks_per_ad": report("clicks_per_ad"),
    # by name, as the simulation ends past its midnight
    "top_campaigns": report("top_campaigns", day=START.date()),
    "revenue_per_hour": report("revenue_per_hour"),
}
"""The standing reports, asked at a time; the day is the simulated one."""

TOTALS: Mapping[str, Question] = {
    "ledger": lambda snapshot, _: snapshot.query('SELECT sum("read") FROM ledger'),
    "final": lambda snapshot, _: snapshot.query("SELECT count(*) FROM revenue_1h WHERE is_final"),
}
"""Questions over all that the lake has."""


def last_hour_by_campaign(snapshot: LakeSnapshot, now: datetime) -> object:
    """SQL of a user's own over the last hour of a rollup, without any report's help."""
    return snapshot.query(
        "SELECT campaign_id, sum(revenue) FROM campaign_1m WHERE window_start >= $since GROUP BY campaign_id",
        parameters={"since": now.replace(tzinfo=None) - timedelta(hours=1)},
    )


def ask_all(reader: LakeReader, now: datetime, questions: Mapping[str, Question]) -> dict[str, float]:
    """Seconds that each question took at the newest snapshot, and `OPENING` that snapshot."""
    started = time.perf_counter()
    snapshot = reader.snapshot()
    seconds = {OPENING: time.perf_counter() - started}
    for name, ask in questions.items():
        started = time.perf_counter()
        ask(snapshot, now)
        seconds[name] = time.perf_counter() - started
    return seconds
