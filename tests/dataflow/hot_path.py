"""A rich pipeline and plain rows for it, for the tests of judge, fold and merge."""

from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import pyarrow as pa
from hypothesis import strategies as st
from pydantic import BaseModel

from dataflow import Dimension, EventTime, Money, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.pipeline.plan import Plan, make_plan
from dataflow.windows import Window, cumulate, hop, session, tumble

Row = dict[str, Any]

DIMENSION = {"a": ("x", 1), "b": ("y", 2), "c": (None, 3), "d": ("x", 3)}


class Event(BaseModel):
    event_id: str | None
    event_time: EventTime
    kind: Literal["view", "click"]
    shop: str | None
    member: bool | None
    amount: int | None
    ratio: float | None
    cost: Money | None
    day: date | None


def aggregates(*, exact: bool = True) -> dict[str, agg.Aggregate]:
    found = {
        "rows": agg.count(),
        "clicks": agg.count(where="kind = 'click'"),
        "amounts": agg.count("amount"),
        "cost_sum": agg.sum("cost"),
        "cost_clicked": agg.sum("cost", where="kind = 'click'"),
        "amount_sum": agg.sum("amount"),
        "amount_avg": agg.avg("amount"),
        "ratio_sum": agg.sum("ratio", inexact=True),
        "first_shop": agg.min("shop"),
        "last_region": agg.max("region"),
        "least": agg.min("amount"),
        "most": agg.max("cost"),
        "highest": agg.max("ratio"),
        "first_day": agg.min("day", where="amount > 0"),
        "about": agg.approx_count_distinct("event_id"),
        "regions": agg.approx_count_distinct("region"),
        "median": agg.approx_quantile("cost", 0.5),
    }
    if exact:
        found["shops"] = agg.count_distinct("shop")
        found["costs"] = agg.count_distinct("cost", where="kind = 'click'")
    return found


WINDOWS: dict[str, Window] = {
    "tumbling": tumble("20ms", offset="3ms"),
    "hopping": hop("25ms", every="10ms"),
    "growing": cumulate("40ms", "10ms"),
    "sessions": session("7ms"),
}


@cache
def plan(unknown: Literal["null", "dead_letter"] = "null") -> Plan:
    rollups = [Rollup(name, ["shop"], window, aggregates()) for name, window in WINDOWS.items()]
    rollups += [
        Rollup("clicks", ["region", "member"], tumble("30ms"), aggregates(exact=False), where="kind = 'click'",
               allowed_lateness="50ms"),
        Rollup("total", [], hop("40ms", every="20ms"), {"n": agg.count(), "days": agg.count_distinct("day")}),
        Rollup("busy", ["day", "cost"], session("5ms"), {"n": agg.count()}, where="amount > 0 AND tier <= 2"),
    ]  # fmt: skip
    with TemporaryDirectory() as folder:
        lines = [f"{shop},{region or ''},{tier}" for shop, (region, tier) in DIMENSION.items()]
        (Path(folder) / "shops.csv").write_text("\n".join(["shop,region,tier", *lines]) + "\n")
        return make_plan(
            Pipeline(
                name="test",
                event=Event,
                out_of_orderness="10ms",
                allowed_lateness="4ms",
                max_future="1s",
                deduplicate_by="event_id",
                deduplicate_within="60ms",
                dimensions=[Dimension("shops", "shops.csv", "shop", {"region": str, "tier": int}, unknown)],
                rollups=rollups,
            ),
            Path(folder),
        )


def micros(value: int) -> Decimal:
    return Decimal(value).scaleb(-6)


AMOUNTS = st.none() | st.integers(-5, 5) | st.integers(-(2**63), 2**63 - 1) | st.sampled_from([2**63 - 1, -(2**63)])
COSTS = st.none() | st.integers(-3, 3).map(micros) | st.integers(-(10**18) + 1, 10**18 - 1).map(micros)
ROWS = st.fixed_dictionaries(
    {
        "event_id": st.none() | st.sampled_from([f"id{i}" for i in range(12)]),
        "event_time": st.integers(-40, 90),
        "kind": st.sampled_from(["view", "click"]),
        "shop": st.none() | st.sampled_from(["a", "b", "c", "d", "unknown", "é", ""]),
        "member": st.none() | st.booleans(),
        "amount": AMOUNTS,
        # Whole numbers, so that sums of doubles are exact and do not depend on order.
        "ratio": st.none() | st.integers(-100, 100).map(float),
        "cost": COSTS,
        "day": st.none() | st.integers(-2, 2).map(lambda days: date(1970, 1, 1) + timedelta(days)),
    }
)


def batch_of(rows: list[Row], schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, schema=schema)


def enriched(row: Row) -> Row:
    region, tier = DIMENSION.get(row["shop"], (None, None))
    return {**row, "region": region, "tier": tier}
