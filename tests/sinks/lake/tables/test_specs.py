"""Merge rules read back from a lake equal those of the plan that made it."""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel

from dataflow import EventTime, Money, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.pipeline.plan import make_plan
from dataflow.pipeline.tables import tables_of
from dataflow.windows import hop, session
from sinks.lake.tables.prepare import create_lake
from sinks.lake.tables.specs import specs_of_lake


class Event(BaseModel):
    at: EventTime
    zone: str
    ad: str
    user: str | None
    cost: Money


def test_the_lake_remembers_how_each_of_its_tables_merges(tmp_path: Path) -> None:
    every_kind = {
        "n": agg.count(),
        "total": agg.sum("cost"),
        "low": agg.min("cost"),
        "high": agg.max("user"),
        "mean": agg.avg("cost"),
        "users": agg.count_distinct("user"),
        "about": agg.approx_count_distinct("user"),
        "median": agg.approx_quantile("cost", 0.5),
    }
    rollups = [
        Rollup("spread", ["zone", "ad"], hop("5m", every="1m"), every_kind),
        Rollup("visits", ["user"], session("30s"), {"n": agg.count(where="cost > 0")}),
    ]
    plan = make_plan(Pipeline(name="p", event=Event, rollups=rollups), tmp_path)
    catalog = create_lake(tmp_path / "lake", plan, datetime(2026, 1, 1, tzinfo=UTC))
    try:
        found = {spec.name: spec for spec in specs_of_lake(catalog)}
    finally:
        catalog.close()
    assert found == {spec.name: spec for spec in tables_of(plan, events=True) if spec.keys}
