"""What a comparison says of equal tables, and of each way in which they can differ."""

from typing import Any

import pyarrow as pa
import pytest
from pydantic import BaseModel

from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.pipeline.plan import Plan, make_plan
from dataflow.windows import session, tumble
from proof.parity.compare import Comparison, compare
from proof.parity.layout import layouts


class Visit(BaseModel):
    at: EventTime
    shop: str | None = None
    paid: int = 0
    score: float = 0.0


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    aggregates = {
        "n": agg.count(),
        "mean": agg.avg("paid"),
        "total": agg.sum("score", inexact=True),
        "users": agg.approx_count_distinct("shop"),
        "half": agg.approx_quantile("paid", 0.5),
    }
    rollups = [
        Rollup("visits", keys=["shop"], window=tumble("1m"), aggregates=aggregates),
        Rollup("stays", keys=["shop"], window=session("1m"), aggregates={"n": agg.count()}),
    ]
    return make_plan(Pipeline(name="p", event=Visit, rollups=rollups), tmp_path_factory.mktemp("p"))


ROW: dict[str, Any] = {
    "shop": "a", "window_start": 0, "window_end": 60_000, "n": 2, "mean": 1.5, "total": 0.3, "users": 1, "half": 1.0
}  # fmt: skip
LATE = {"rollup": "visits", "partition": "t/0", "offset": 7, "event_time": 3, "watermark": 70_000}
DEAD = {"partition": "t/0", "offset": 9, "reason": "malformed", "field": None}


def tables(plan: Plan, **rows: list[dict[str, Any]]) -> dict[str, pa.Table]:
    return {name: pa.Table.from_pylist(each, layouts(plan)[name].schema) for name, each in rows.items()}


def compared(plan: Plan, first: dict[str, Any], second: dict[str, Any], duplicates: Any = None) -> list[Comparison]:
    return compare(plan, "x", tables(plan, **first), "y", tables(plan, **second), duplicates)


def test_equal_tables_are_told_with_their_rows(plan: Plan) -> None:
    rows = {"visits": [ROW, ROW | {"shop": None}], "late_events": [LATE], "dead_letters": [DEAD]}
    found = compared(plan, rows, rows)
    assert [each.told() for each in found] == [
        "dead_letters: x and y are equal, 1 rows",
        "late_events: x and y are equal, 1 rows",
        "visits: x and y are equal, 2 rows",
    ]


@pytest.mark.parametrize(
    ("column", "near", "far"),
    [
        ("n", 2, 3),
        ("mean", 1.5000000000000002, 1.5000000000000004),
        ("total", 0.30000000000000004, 0.300001),
        ("half", 1.01, 1.05),
        ("users", 1, 2),
    ],
)
def test_values_are_as_near_as_their_kind_allows(plan: Plan, column: str, near: Any, far: Any) -> None:
    for value, equal in ((near, True), (far, False), (None, False)):
        (found,) = compared(plan, {"visits": [ROW]}, {"visits": [ROW | {column: value}]})
        assert found.is_equal is equal
    assert found.differing == 1
    assert f"shop 'a', window_start 0, window_end 60000: {column} is {ROW[column]} in x, null in y" in found.told()


def test_large_sketches_may_be_off_by_their_error(plan: Plan) -> None:
    for value, equal in ((10_900, True), (13_000, False)):
        rows = [{"visits": [ROW | {"users": users}]} for users in (10_000, value)]
        assert compared(plan, *rows)[0].is_equal is equal


def test_the_aggregate_is_named(plan: Plan) -> None:
    (found,) = compared(plan, {"visits": [ROW]}, {"visits": [ROW | {"mean": 2.0}]})
    assert found.rule == "aggregates: avg of paid"


def test_lateness_is_named_where_late_rows_differ_too(plan: Plan) -> None:
    late, visits = compared(plan, {"late_events": [LATE], "visits": []}, {"late_events": [], "visits": [ROW]})
    assert (late.rule, late.only) == ("lateness: which rows are late", (1, 0))
    assert visits.rule == "lateness: its rows of late_events differ, too"
    (found,) = compared(plan, {"late_events": [LATE]}, {"late_events": [LATE | {"watermark": 70_001}]})
    assert found.rule == "lateness: watermark"


def test_the_contract_is_named_before_what_follows_from_it(plan: Plan) -> None:
    other = DEAD | {"reason": "wrong_type", "field": "paid"}
    dead, visits = compared(plan, {"dead_letters": [DEAD], "visits": [ROW]}, {"dead_letters": [other], "visits": []})
    assert dead.rule == "the contract: field, reason"
    assert visits.rule == "the contract: dead_letters differ, too"
    (found,) = compared(plan, {"dead_letters": [DEAD]}, {"dead_letters": []})
    assert found.rule == "the contract: which records are events"


def test_dedup_is_named_where_duplicates_lie_in_the_windows(plan: Plan) -> None:
    duplicates = pa.table({"_partition": ["t/0"], "_offset": [3], "event_time": [5]})
    rows = [{"visits": [ROW]}, {"visits": [ROW | {"n": 3}]}]
    assert compared(plan, rows[0], rows[1], duplicates)[0].rule == "dedup: there are duplicates in these windows"


def test_a_window_or_key_of_one_side_is_named(plan: Plan) -> None:
    (found,) = compared(plan, {"visits": [ROW]}, {"visits": [ROW | {"shop": "b"}]})
    assert (found.only, found.rule) == ((1, 1), "windows and keys, or the filter")
    assert "shop 'a', window_start 0, window_end 60000: only in x" in found.told()


def test_a_key_that_comes_twice_is_no_equality(plan: Plan) -> None:
    (found,) = compared(plan, {"visits": [ROW]}, {"visits": [ROW, ROW]})
    assert not found.is_equal
    assert "1 keys more than once in y" in found.told()


def test_the_end_of_a_session_is_a_value(plan: Plan) -> None:
    stay = {"shop": "a", "window_start": 0, "window_end": 60_000, "n": 1}
    (found,) = compared(plan, {"stays": [stay]}, {"stays": [stay | {"window_end": 61_000}]})
    assert (found.differing, found.first[0].columns) == (1, {"window_end": (60_000, 61_000)})
