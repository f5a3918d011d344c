"""Rows are joined with the dimensions that held when they were read."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pytest
from pydantic import BaseModel

from dataflow import Dimension, EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.enrich.columns import Columns
from dataflow.enrich.joins import Joins
from dataflow.errors import DimensionLost
from dataflow.pipeline.plan import Plan, make_plan
from dataflow.rules import Rules
from dataflow.windows import tumble


class Sale(BaseModel):
    time: EventTime
    shop: str | None = None
    area: int | None = None


TEXTS = {"new": "shop,region,tier\na,south,2\nc,west,\n", "old": "shop,region,tier\na,north,1\nb,north,3\n"}


def plan_of(
    folder: Path, text: str, unknown: Literal["null", "dead_letter"] = "null", *others: Dimension, **columns: Any
) -> Plan:
    (folder / "shops.csv").write_text(text)
    shops = Dimension("shops", "shops.csv", "shop", columns or {"region": str, "tier": int}, unknown)
    rollup = Rollup("all", [], tumble("1m"), {"n": agg.count()})
    return make_plan(Pipeline("p", Sale, [rollup], dimensions=[shops, *others]), folder)


class Kept:
    """Copies of both files; which of them were asked for."""

    def __init__(self, folder: Path) -> None:
        self.contents = {plan_of(folder, text).dimensions[0].digest: text.encode() for text in TEXTS.values()}
        self.asked: list[str] = []

    def __call__(self, sha256: str) -> bytes | None:
        self.asked.append(sha256)
        return self.contents.get(sha256)


def joined(joins: Joins, rules: Rules | None, *names: str) -> dict[str, list[Any]]:
    rows = pa.RecordBatch.from_pydict({"shop": pa.array(["a", "b", "c", None], pa.string()), "area": [1, 2, 3, 4]})
    columns = Columns(rows, joins.lookups(rules))
    return {name: columns[name].to_pylist() for name in names or ("region", "tier")}


NEW = {"region": ["south", None, "west", None], "tier": [2, None, None, None]}
OLD = {"region": ["north", "north", None, None], "tier": [1, 3, None, None]}


def test_rules_that_name_no_dimension_or_the_plans_own_mean_the_plans_own(tmp_path: Path) -> None:
    plan, kept = plan_of(tmp_path, TEXTS["new"]), Kept(tmp_path)
    for rules in (None, plan.rules, plan.rules._replace(dimensions=None)):
        assert joined(Joins(plan, kept), rules) == NEW
    assert kept.asked == []


def test_rules_of_another_file_join_with_its_copy_which_is_read_once(tmp_path: Path) -> None:
    old, plan, kept = plan_of(tmp_path, TEXTS["old"]), plan_of(tmp_path, TEXTS["new"]), Kept(tmp_path)
    joins = Joins(plan, kept)
    assert joined(joins, old.rules) == joined(joins, old.rules) == OLD
    assert joined(joins, plan.rules) == NEW
    assert kept.asked == [old.dimensions[0].digest]


def test_without_a_copy_the_file_is_named(tmp_path: Path) -> None:
    old, plan = plan_of(tmp_path, TEXTS["old"]), plan_of(tmp_path, TEXTS["new"])
    with pytest.raises(DimensionLost, match=f"shops by the file of SHA-256 {old.dimensions[0].digest}"):
        joined(Joins(plan), old.rules)


def test_a_column_that_was_not_declared_then_is_null_and_one_that_no_longer_is_is_left_out(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    old = plan_of(tmp_path, TEXTS["old"], region=str)
    plan = plan_of(tmp_path, TEXTS["new"], tier=int, region=str)
    assert joined(Joins(plan, kept), old.rules) == {"region": OLD["region"], "tier": [None] * 4}
    fewer = plan_of(tmp_path, TEXTS["new"], tier=int)
    wide = plan_of(tmp_path, TEXTS["old"])
    assert joined(Joins(fewer, kept), wide.rules, "tier") == {"tier": OLD["tier"]}


def test_a_dimension_that_came_later_joins_nothing_of_before_and_one_of_another_name_is_known_by_its_columns(
    tmp_path: Path,
) -> None:
    (tmp_path / "areas.csv").write_text("area,land\n1,fr\n2,de\n")
    plan = plan_of(tmp_path, TEXTS["new"], "null", Dimension("areas", "areas.csv", "area", {"land": str}))
    kept, before = Kept(tmp_path), plan_of(tmp_path, TEXTS["old"])
    then = joined(Joins(plan, kept), before.rules, "region", "tier", "land")
    assert then == {**OLD, "land": [None] * 4}
    (told,) = before.rules.dimensions or ()
    renamed = before.rules._replace(dimensions=(told._replace(name="stores"),))
    assert joined(Joins(plan, kept), renamed, "region", "tier", "land") == then


def test_unknown_keys_were_refused_where_the_declaration_of_then_said_so(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    strict, mild = plan_of(tmp_path, TEXTS["old"], "dead_letter"), plan_of(tmp_path, TEXTS["new"])
    assert Joins(mild, kept).refusing(mild.rules) == []
    (lookup,) = Joins(mild, kept).refusing(strict.rules)
    assert lookup.is_unknown(lookup.rows_of(pa.array(["a", "b", "c", None], pa.string()))).tolist() == [
        False,
        False,
        True,
        True,
    ]
    assert Joins(strict, kept).refusing(mild.rules) == []


def test_a_file_that_is_too_large_for_a_copy_is_the_plans_own_as_long_as_it_did_not_change(tmp_path: Path) -> None:
    plan, strict = plan_of(tmp_path, TEXTS["new"]), plan_of(tmp_path, TEXTS["new"], "dead_letter")
    large = replace(plan, dimensions=tuple(replace(each, content=None) for each in plan.dimensions))
    assert joined(Joins(large), strict.rules) == NEW
    assert len(Joins(large).refusing(strict.rules)) == 1


def test_a_key_that_the_event_has_no_longer_is_named(tmp_path: Path) -> None:
    old, plan = plan_of(tmp_path, TEXTS["old"]), plan_of(tmp_path, TEXTS["new"])
    (told,) = old.rules.dimensions or ()
    other = old.rules._replace(dimensions=(told._replace(key="store"),))
    with pytest.raises(DimensionLost, match="by store, which the event model has no longer"):
        joined(Joins(plan, Kept(tmp_path)), other)
