"""The three reports of the shipped pipeline as `bench.serving` asks them: as a user does, and as plain SQL."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bench.questions import report
from bench.serving_lake import MINUTE, START
from query.reader import LakeSnapshot
from query.reports import Answer

NAMES = ("clicks_per_ad", "top_campaigns", "revenue_per_hour")

_GIVEN: Mapping[str, Mapping[str, object]] = {"top_campaigns": {"day": START.date()}}
_LIMITS = {"clicks_per_ad": 20, "top_campaigns": 10, "revenue_per_hour": None}


def ask(snapshot: LakeSnapshot, name: str, now: datetime) -> Answer[Any]:
    """A report's answer, as if it were `now`; of top_campaigns the whole first day."""
    found = report(name, **_GIVEN.get(name, {}))(snapshot, now)
    assert isinstance(found, Answer)
    return found


def parameters(name: str, now: datetime) -> dict[str, object]:
    """What the report's SQL is given for the same question."""
    running = now - (now - START) % MINUTE
    hour = now - (now - START) % timedelta(hours=1)
    start, end = {
        "clicks_per_ad": (running - 4 * MINUTE, running + MINUTE),
        "top_campaigns": (START, START + timedelta(days=1)),
        "revenue_per_hour": (hour - timedelta(hours=23), hour + timedelta(hours=1)),
    }[name]
    return {"start": start.replace(tzinfo=None), "end": end.replace(tzinfo=None), "limit": _LIMITS[name]}
