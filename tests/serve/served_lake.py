"""A small lake of the tests' pipeline behind a server in this process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from dataflow import Pipeline
from dataflow.alerts.texts import alert_id, json_text
from dataflow.pipeline import alert_rules as alerts
from serve.app import make_app
from serve.served import Served
from tests.query.lakes import T0, LakeMaker, ads_pipeline, clicks, ledger, visit

PIPELINES = Path(__file__).parents[2] / "pipelines"
ADS = str(PIPELINES / "ads.py")
NOW = T0 + timedelta(minutes=8, seconds=20)


def at_minute(minute: float) -> datetime:
    """A time so many minutes after T0, naive as tables hold it."""
    return (T0 + timedelta(minutes=minute)).replace(tzinfo=None)


def campaign(name: str | None, minute: int, n: int, revenue: str | None) -> dict[str, Any]:
    """A delta row of campaign_1m."""
    return {
        "campaign_id": name, "window_start": at_minute(minute), "window_end": at_minute(minute + 1),
        "impressions": 4 * n, "clicks": n, "conversions": 1, "spend": Decimal(n),
        "revenue": None if revenue is None else Decimal(revenue), "row_count": 5 * n, "late_count": 0,
    }  # fmt: skip


def dead(offset: int, value: bytes | None, reason: str = "malformed", at_ms: int | None = 1_000) -> dict[str, Any]:
    """A dead letter of clicks/0."""
    return {
        "topic": "clicks", "partition": "clicks/0", "offset": offset, "record_timestamp": at_ms, "value": value,
        "reason": reason, "field": None, "message": "no JSON",
    }  # fmt: skip


def late(offset: int, minute: float, rollup: str = "ad_clicks_1m") -> dict[str, Any]:
    """A late event of clicks/0."""
    return {
        "rollup": rollup, "topic": "clicks", "partition": "clicks/0", "offset": offset,
        "event_time": at_minute(minute), "watermark": at_minute(minute + 2), "late_by_ms": 120_000,
    }  # fmt: skip


def fill(lake: LakeMaker) -> int:
    """Ads a, b, c and one without a name over the minutes 0 to 7, of which those that end by 6 are final."""
    rows = [clicks(ad, minute, minute + n + 1, f"0.{n}5") for minute in range(8) for n, ad in enumerate(["a", "b"])]
    return lake.commit(
        {
            "ad_clicks_1m_delta": [*rows, clicks("c", 3, 9, "2"), clicks(None, 3, 1)],
            "campaign_1m_delta": [
                campaign("low", 0, 10, "1.5"),
                campaign("top", 1, 1, "2"),
                campaign(None, 2, 1, None),
            ],
            "visits_delta": [visit("a", 0, 5, 2), visit("a", 30, 31, 1)],
            "dead_letters": [dead(3, b'{"a": '), dead(4, b"\xff\x00"), dead(5, None, "empty", None)],
            "late_events": [late(7, 1), late(8, 2)],
            "ledger": [ledger("clicks/0", 0, 100, T0 + timedelta(minutes=7, seconds=10), dead=3)],
        },
        after_s=480,
    )


RULES = [
    alerts.threshold("busy", on="ad_clicks_1m", having="clicks > 3", severity="high", cool_down="10m"),
    alerts.threshold("dear", on="campaign_1m", having="spend > 5", severity="low"),
]


def with_rules() -> Pipeline:
    """The tests' pipeline with two alert rules."""
    return ads_pipeline(alerts=RULES)


def alert(key: str, minute: int, change: int = 1, rule: str = "busy") -> dict[str, Any]:
    """A row of alert_changes: raised by odd changes, retracted by even ones."""
    start_ms = round(T0.timestamp() * 1000) + minute * 60_000
    severity = {each.name: each.severity for each in RULES}[rule]
    text = json_text({"ad_id": key})
    return {
        "alert_id": alert_id(rule, text, start_ms, start_ms + 60_000), "change": change,
        "state": "raised" if change % 2 else "retracted", "rule": rule, "severity": severity, "key": text,
        "window_start": at_minute(minute), "window_end": at_minute(minute + 1),
        "values": f'{{"clicks": {4 + change}}}', "message": f"{key} is {rule}",
    }  # fmt: skip


@contextmanager
def serving(
    folder: Path,
    *,
    now: datetime = NOW,
    clock: Callable[[], datetime] | None = None,
    pipeline: str | None = ADS,
    **wish: Any,
) -> Iterator[TestClient]:
    """A client of a server over the lake in `folder`, whose clock stands still unless there is one."""
    app = make_app(folder, pipeline, Served(**{"sql": False, **wish}), clock=clock or (lambda: now))
    with TestClient(app, base_url="http://127.0.0.1:8088", follow_redirects=False) as client:
        # commits of a test are there at once
        client.headers["Cache-Control"] = "no-cache"
        yield client
