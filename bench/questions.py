"""What the benchmarks ask a lake, each question timed as its user sees it."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from bench.day_lake import START
from query.reader import LakeReader, LakeSnapshot
from query.reports import clicks_per_ad, revenue_per_hour, top_campaigns

OPENING = "open a snapshot"

Question = Callable[[LakeSnapshot, datetime], object]

REPORTS: Mapping[str, Question] = {
    "clicks_per_ad": clicks_per_ad,
    # by name, as the simulation ends past its midnight
    "top_campaigns": partial(top_campaigns, day=START.date().isoformat()),
    "revenue_per_hour": revenue_per_hour,
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
