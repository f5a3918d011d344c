"""A small lake made by the product's own catalog, for the tests that read one."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import BaseModel

from dataflow import EventTime, Money, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.pipeline.plan import Plan, make_plan
from dataflow.pipeline.tables import tables_of
from dataflow.windows import session, tumble
from query.reader import LakeReader
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.files import write_file
from sinks.lake.tables.prepare import create_lake

T0 = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class Click(BaseModel):
    """The test's event."""

    event_time: EventTime
    ad_id: str | None
    campaign_id: str | None
    cost: Money
    revenue: Money


def ads_pipeline(**changes: Any) -> Pipeline:
    """The shipped reports' rollups, and a session."""
    count, total = agg.count(), agg.sum("cost")
    settings: dict[str, Any] = {
        "name": "ads",
        "event": Click,
        "out_of_orderness": "5s",
        "allowed_lateness": "1m",
        "idle_timeout": "30s",
        "rollups": [
            Rollup("ad_clicks_1m", ["ad_id"], tumble("1m"), {"clicks": count, "spend": total}),
            Rollup(
                "campaign_1m",
                ["campaign_id"],
                tumble("1m"),
                {
                    "impressions": agg.count(),
                    "clicks": agg.count(),
                    "conversions": agg.count(),
                    "spend": total,
                    "revenue": agg.sum("revenue"),
                },
            ),
            Rollup("revenue_1h", [], tumble("1h"), {"revenue": agg.sum("revenue"), "events": count}),
            Rollup("visits", ["ad_id"], session("10s"), {"n": count}),
        ],
    }
    return Pipeline(**{**settings, **changes})


class LakeMaker:
    """Commits rows into a lake as the sink does: one snapshot per call, one file per table."""

    def __init__(self, folder: Path, pipeline: Pipeline | None = None, *, events: bool = True) -> None:
        self.folder = folder
        self.plan: Plan = make_plan(pipeline or ads_pipeline(), folder)
        self.specs = {spec.name: spec for spec in tables_of(self.plan, events=events)}
        self.clock = T0
        self.catalog: Catalog = create_lake(folder, self.plan, self.clock, events=events)

    def __enter__(self) -> "LakeMaker":
        return self

    def __exit__(self, *_: object) -> None:
        self.catalog.close()

    def commit(self, tables: Mapping[str, Sequence[Mapping[str, Any]]], *, after_s: float = 1) -> int:
        """One snapshot, `after_s` later than the last; columns that a row leaves out are null. Returns its id."""
        self.clock += timedelta(seconds=after_s)
        layouts = self.catalog.tables()
        staged = []
        for name, rows in tables.items():
            filled = [self._filled(name, row) for row in rows]
            data = pa.Table.from_pylist(filled, self.specs[name].schema)
            staged.append(write_file(self.folder, layouts[name], data, f"ads-lake-1-1-{uuid.uuid4().hex}.parquet"))
        with self.catalog.transaction():
            return self.catalog.append(staged, self.clock)

    def _filled(self, name: str, row: Mapping[str, Any]) -> dict[str, Any]:
        filled: dict[str, Any] = dict(row)
        if name == "ledger":
            zeros = {field.name: 0 for field in self.specs[name].schema if field.name.endswith(_COUNTED)}
            filled = {
                **zeros,
                **dict.fromkeys(("read", "accepted", "duplicate", "late", "dead", "checksum", "epoch"), 0),
                "topic": "clicks",
                "partition": "clicks/0",
                "start_offset": 0,
                "end_offset": 0,
                "finished": False,
                "committed_at": self.clock.replace(tzinfo=None),
                **row,
            }
        return filled


_COUNTED = ("_filtered", "_counted", "_late")


def ledger(partition: str, start: int, end: int, newest: datetime | None, **more: Any) -> dict[str, Any]:
    """A ledger row that read and accepted every offset of [start, end)."""
    count = end - start
    seen = None if newest is None else int(newest.timestamp() * 1000)
    return {
        "partition": partition,
        "start_offset": start,
        "end_offset": end,
        "read": count,
        "accepted": count,
        "max_event_time": seen,
        **more,
    }


def clicks(ad: str | None, minute: int, n: int, spend: str = "0", late: int = 0) -> dict[str, Any]:
    """A delta row of ad_clicks_1m in the `minute`-th minute after T0."""
    start = (T0 + timedelta(minutes=minute)).replace(tzinfo=None)
    return {
        "ad_id": ad,
        "window_start": start,
        "window_end": start + timedelta(minutes=1),
        "clicks": n,
        "spend": Decimal(spend),
        "row_count": n,
        "late_count": late,
    }


def visit(ad: str, from_s: float, to_s: float, n: int) -> dict[str, Any]:
    """A delta row of the session rollup: first event at `from_s`, last at `to_s` seconds after T0."""
    start = (T0 + timedelta(seconds=from_s)).replace(tzinfo=None)
    end = (T0 + timedelta(seconds=to_s + 10)).replace(tzinfo=None)
    return {"ad_id": ad, "window_start": start, "window_end": end, "n": n, "row_count": n, "late_count": 0}


def merge(catalog: Catalog, table: str) -> None:
    """What a compaction does: one file with each row's snapshot, then the old ones gone from catalog and disk."""
    with LakeReader(catalog.folder) as reader:
        snapshot = reader.snapshot()
        rows = snapshot.query(f"SELECT * FROM {table}_history", histories=[table])
        old = snapshot.files(table)
    layout = catalog.tables()[table]
    merged = write_file(
        catalog.folder, layout, rows.drop_columns(["_snapshot"]), "merged.parquet",
        snapshots=rows.column("_snapshot"),
    )  # fmt: skip
    with catalog.transaction() as connection:
        marks = ",".join(str(file.id) for file in old)
        connection.execute(f"DELETE FROM ducklake_data_file WHERE data_file_id IN ({marks})")
        first_file = catalog.head().next_file_id
        newest = catalog.head().id
        catalog.snapshot(T0 + timedelta(hours=1), f"merge_adjacent:{layout.id}", file_ids=1)
        begin = min(file.begin_snapshot for file in old)
        catalog.insert_file(first_file, merged, begin=begin, row_id_start=0, partial_max=newest)
    for file in old:
        file.path.unlink()
