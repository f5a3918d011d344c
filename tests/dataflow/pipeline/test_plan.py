"""What a right pipeline resolves to."""

import json
import pickle
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any

import pyarrow as pa
import pytest
from annotated_types import Len
from pydantic import BaseModel

from dataflow import Dimension, EventTime, Money, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.aggregates.parts import MONEY, MONEY_SUM
from dataflow.pipeline.plan import make_plan
from dataflow.pipeline.tables import tables_of
from dataflow.windows import cumulate, hop, session, tumble


class Place(BaseModel):
    city: str | None = None


class Sale(BaseModel):
    sale_id: str
    at: EventTime
    shop: int
    place: Place
    amount: Money = Decimal(0)
    weight: float | None = None


class StricterSale(Sale):
    sale_id: Annotated[str, Len(1, 8)]


CITY = Rollup(
    "per_city",
    keys=["place.city", "region"],
    window=hop("5m", every="1m", offset="30s"),
    where="place.city <> 'x' AND region IS NOT NULL",
    allowed_lateness="2m",
    aggregates={
        "sales": agg.count(),
        "amount": agg.sum("amount", where="amount > 1.5"),
        "mean": agg.avg("weight", inexact=True),
        "shops": agg.count_distinct("shop"),
        "some_shops": agg.approx_count_distinct("shop"),
        "median": agg.approx_quantile("amount", 0.5),
        "largest": agg.max("opened"),
    },
)
ALL = Rollup("all_sales", keys=[], window=session("10s"), aggregates={"sales": agg.count()})
GROWING = Rollup("growing", keys=["shop"], window=cumulate("1h", "15m"), aggregates={"sales": agg.count()})
SHOPS = Dimension(
    "shops", "shops.csv", key="shop", columns={"region": str, "opened": date, "rent": Decimal, "big": bool}
)
SALES = Pipeline(
    "sales",
    Sale,
    [CITY, ALL, GROWING],
    out_of_orderness=timedelta(seconds=5),
    allowed_lateness="1m",
    deduplicate_by="sale_id",
    deduplicate_within="10m",
    dimensions=[SHOPS],
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "shops.csv").write_text("shop,region,opened,rent,big\n1,North,2020-02-29,1.5,true\n2,,,,\n")
    return tmp_path


def test_times_are_milliseconds_and_a_rollup_may_have_its_own_lateness(folder):
    plan = make_plan(SALES, folder)
    assert (plan.out_of_orderness_ms, plan.idle_timeout_ms, plan.max_future_ms) == (5_000, 30_000, None)
    assert (plan.dedup_column, plan.dedup_within_ms) == ("sale_id", 600_000)
    assert [rollup.allowed_lateness_ms for rollup in plan.rollups] == [120_000, 60_000, 60_000]


def test_rollups_see_event_columns_then_dimension_columns(folder):
    plan = make_plan(SALES, folder)
    assert plan.row_schema == pa.schema(
        [
            ("sale_id", pa.string()),
            ("at", pa.int64()),
            ("shop", pa.int64()),
            ("place.city", pa.string()),
            ("amount", MONEY),
            ("weight", pa.float64()),
            ("region", pa.string()),
            ("opened", pa.date32()),
            ("rent", MONEY),
            ("big", pa.bool_()),
        ]
    )
    assert plan.rollups[0].keys == (pa.field("place.city", pa.string()), pa.field("region", pa.string()))


def test_dimension_files_are_read_with_their_types(folder):
    (shops,) = make_plan(SALES, folder).dimensions
    assert shops.keys.equals(pa.array([1, 2], pa.int64()))
    assert shops.columns.to_pylist() == [
        {"region": "North", "opened": date(2020, 2, 29), "rent": Decimal("1.500000"), "big": True},
        {"region": None, "opened": None, "rent": None, "big": None},
    ]


@pytest.mark.parametrize("kind", [Money, Decimal])
def test_a_dimensions_column_of_money_sums_as_money(folder, kind):
    shops = replace(SHOPS, columns={"rent": kind})
    rents = Rollup("rents", keys=[], window=tumble("1h"), aggregates={"rent": agg.sum("rent")})
    plan = make_plan(replace(SALES, dimensions=[shops], rollups=[rents]), folder)
    assert plan.row_schema.field("rent").type == MONEY
    assert plan.dimensions[0].columns.column("rent").to_pylist() == [Decimal("1.500000"), None]
    assert plan.rollups[0].aggregates[0].columns[0].type == MONEY_SUM


def test_aggregates_know_their_columns(folder):
    aggregates = {plan.name: plan for plan in make_plan(SALES, folder).rollups[0].aggregates}
    assert aggregates["amount"].columns[0].type == MONEY_SUM
    assert aggregates["amount"].where is not None
    assert aggregates["amount"].where.columns == {"amount"}
    assert aggregates["shops"].columns == ()
    assert [column.name for column in aggregates["mean"].columns] == ["mean_sum", "mean_count"]
    assert aggregates["largest"].column_type == pa.date32()


def test_every_table_follows_from_the_plan(folder):
    names = [spec.name for spec in tables_of(make_plan(SALES, folder), events=True)]
    assert len(names) == len(set(names))
    assert "per_city_shops_distinct" in names


def test_plans_travel_between_processes(folder):
    plan = make_plan(SALES, folder)
    assert pickle.loads(pickle.dumps(plan)) == plan


def test_the_definition_is_json_and_says_what_a_rollup_is(folder):
    definition = json.loads(json.dumps(make_plan(SALES, folder).definition))
    rollup = definition["rollups"][0]
    assert rollup["keys"] == [["place.city", "string"], ["region", "string"]]
    assert rollup["window"] == {"kind": "hop", "size_ms": 300_000, "slide_ms": 60_000, "offset_ms": 30_000}
    assert rollup["where"] == '("place.city" <> \'x\') AND (NOT ("region" IS NULL))'
    assert definition["tables"]["all_sales_delta"] == [["sales", "int64"]]


def test_equal_definitions_have_equal_fingerprints(folder):
    respelled = replace(
        SALES,
        allowed_lateness="60s",
        rollups=[replace(CITY, where="place.city  != 'x' and not (region is null)"), ALL, GROWING],
    )
    assert make_plan(respelled, folder).fingerprint == make_plan(SALES, folder).fingerprint


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other"},
        {"event": StricterSale},
        {"out_of_orderness": "6s"},
        {"allowed_lateness": "2m"},
        {"max_future": "1m"},
        {"deduplicate_within": "11m"},
        {"max_record_bytes": 1000},
        {"rollups": [CITY, ALL]},
        {"rollups": [CITY, ALL, replace(GROWING, window=tumble("1h"))]},
        {"rollups": [CITY, ALL, replace(GROWING, where="shop > 0")]},
        {"rollups": [CITY, ALL, replace(GROWING, aggregates={"sales": agg.count("weight")})]},
        {"dimensions": [replace(SHOPS, unknown="dead_letter")]},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_every_change_of_the_definition_changes_the_fingerprint(folder, changes: dict[str, Any]):
    assert make_plan(replace(SALES, **changes), folder).fingerprint != make_plan(SALES, folder).fingerprint


def test_how_long_things_are_kept_is_in_the_plan_and_changes_no_fingerprint(folder):
    kept = replace(CITY, keep="30d")
    changes: dict[str, Any] = {"events_keep": "7d", "late_events_keep": "8d", "dead_letters_keep": timedelta(days=9)}
    plan = make_plan(Pipeline("sales", Sale, [kept, ALL], dimensions=[SHOPS], **changes), folder)
    day_ms = 86_400_000
    assert plan.keep_ms == {
        "events": 7 * day_ms,
        "late_events": 8 * day_ms,
        "dead_letters": 9 * day_ms,
        "per_city": 30 * day_ms,
    }
    assert make_plan(Pipeline("sales", Sale, [CITY, ALL], dimensions=[SHOPS]), folder).fingerprint == plan.fingerprint


def test_other_contents_of_a_dimension_file_change_the_fingerprint(folder):
    before = make_plan(SALES, folder).fingerprint
    with (folder / "shops.csv").open("a") as file:
        file.write("3,South,,,\n")
    assert make_plan(SALES, folder).fingerprint != before
