"""A small pipeline with every kind of aggregate and window, and parcels made by hand for it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import BaseModel

from dataflow import EventTime, Money, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.messages import Parcel, Range, RollupCount
from dataflow.pipeline.plan import Plan, make_plan
from dataflow.pipeline.tables import tables_of
from dataflow.windows import session, tumble
from sinks.lake.alerting import alerting
from sinks.lake.tables.prepare import open_lake
from sinks.lake.writer import LakeWriter

NOON = datetime(2026, 11, 25, 12, 0, 0, 250_000, tzinfo=UTC)


class Click(BaseModel):
    ad: str | None = None
    time: EventTime
    cost: Money = Decimal(0)
    score: float | None = None
    day: date | None = None
    flag: bool | None = None
    user: int | None = None


PER_AD = Rollup(
    "per_ad",
    keys=["ad"],
    window=tumble("1m"),
    aggregates={
        "clicks": agg.count(),
        "spend": agg.sum("cost"),
        "first_user": agg.min("user"),
        "last_ad": agg.max("ad"),
        "cost_avg": agg.avg("cost"),
        "users": agg.approx_count_distinct("user"),
        "half": agg.approx_quantile("score", 0.5),
        "exact_users": agg.count_distinct("user"),
    },
)
VISITS = Rollup(
    "visits",
    keys=["ad"],
    window=session("10s"),
    aggregates={
        "clicks": agg.count(),
        "exact_users": agg.count_distinct("user"),
        "half": agg.approx_quantile("score", 0.5),
    },
)
TOTAL = Rollup("total", keys=[], window=tumble("1h"), aggregates={"clicks": agg.count(), "spend": agg.sum("cost")})


def small_plan(rollups: Sequence[Rollup] = (PER_AD, VISITS, TOTAL), **changes: Any) -> Plan:
    settings: dict[str, Any] = {"out_of_orderness": "5s", "idle_timeout": "30s", **changes}
    event = settings.pop("event", Click)
    return make_plan(Pipeline("small", event=event, rollups=rollups, **settings), ".")


class Clock:
    """A clock that moves a second a call."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def writer_for(
    folder: Path,
    plan: Plan,
    *,
    clock: Callable[[], datetime] | None = None,
    lineage: str = "store-1",
    state: dict[str, Any] | None = None,
    **options: Any,
) -> LakeWriter:
    """A writer on the lake in `folder` (made if absent), resumed from `state`."""
    clock = clock or Clock()
    catalog = open_lake(folder, plan, clock())
    writer = LakeWriter(
        catalog, tables_of(plan, events=True), pipeline=plan.name, lineage=lineage, clock=clock, **options
    )
    writer.alerts = alerting(catalog, plan)
    writer.resume(state)
    return writer


def parcel(
    plan: Plan,
    epoch: int,
    start: int,
    end: int,
    *,
    partition: str = "t/0",
    tables: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    final: bool = False,
    **changes: Any,
) -> Parcel:
    """A parcel of rows [start, end), all accepted, with `tables` as lists of dicts. `changes` are of its range."""
    schemas = {spec.name: spec.schema for spec in tables_of(plan, events=True)}
    read = end - start
    entry = Range(
        partition,
        "t",
        start,
        end,
        read,
        read,
        checksum=start,
        max_event_time=end * 1000 if read else None,
        rollups={rollup.name: RollupCount(0, read, 0) for rollup in plan.rollups},
    )
    for name, value in changes.items():
        setattr(entry, name, value)
    batches = {
        name: pa.RecordBatch.from_pylist(list(rows), schema=schemas[name]) for name, rows in (tables or {}).items()
    }
    return Parcel(entry, batches, epoch, final)


def at(ms: int) -> datetime:
    """A naive UTC time, as TIMESTAMP columns hold it."""
    return datetime(1970, 1, 1) + timedelta(milliseconds=ms)


def per_ad_row(ad: str | None, minute: int, clicks: int, **changes: Any) -> dict[str, Any]:
    """A delta row of per_ad."""
    users = changes.pop("users", [])
    row: dict[str, Any] = {
        "ad": ad,
        "window_start": at(minute * 60_000),
        "window_end": at(minute * 60_000 + 60_000),
        "clicks": clicks,
        "spend": Decimal(clicks) * Decimal("0.5"),
        "first_user": min(users, default=None),
        "last_ad": ad,
        "cost_avg_sum": Decimal(clicks) * Decimal("0.5"),
        "cost_avg_count": clicks,
        "users_kmv": sorted(users) or None,
        "half_buckets": None,
        "half_counts": None,
        "row_count": clicks,
        "late_count": 0,
    }
    return {**row, **changes}


def event_row(offset: int, **changes: Any) -> dict[str, Any]:
    """A row of the events table."""
    row: dict[str, Any] = {
        "topic": "t",
        "partition": "t/0",
        "offset": offset,
        "record_timestamp": 1_700_000_000_000 + offset,
        "ad": f"ad {offset % 3}" if offset % 5 else None,
        "time": offset * 1000 - 5000,
        "cost": Decimal(offset) / 8 - 1,
        "score": offset / 4 - 3 if offset % 4 else None,
        "day": date(2026, 1, 1) + timedelta(days=offset) if offset % 7 else None,
        "flag": offset % 2 == 0 if offset % 3 else None,
        "user": offset - 4,
    }
    return {**row, **changes}
