"""Values told of merged rows are those that the rollup's view shows of the same rows."""

from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dataflow import Pipeline
from dataflow import aggregates as agg
from dataflow.aggregates.kinds import KINDS
from dataflow.alerts.values import value_of, values_of
from dataflow.pipeline.alert_rules import threshold
from dataflow.pipeline.plan import AggregatePlan, make_plan
from dataflow.windows import tumble
from tests.dataflow.alerts.rules import Click, clicks, delta


def aggregate(kind: Any) -> AggregatePlan:
    rule = threshold("r", keys=[], window=tumble("1m"), aggregates={"x": kind}, having="x IS NOT NULL")
    return make_plan(Pipeline("p", Click, [], alerts=[rule]), ".").rollups[0].aggregates[0]


def test_keys_and_aggregates_are_told_by_name() -> None:
    values = values_of(clicks(), delta(("u", 1, 0, 3), (None, 2, 0, 1)))
    assert {name: each.to_pylist() for name, each in values.items()} == {
        "user": ["u", None],
        "ad": [1, 2],
        "clicks": [3, 1],
        "spend": [Decimal("0.75"), Decimal("0.25")],
        "mean": [0.25, 0.25],
    }


def test_a_mean_is_the_nearest_double_of_the_exact_sum_and_null_of_nothing() -> None:
    plan = aggregate(agg.avg("cost"))
    large = Decimal("12345678901234567890.123457")
    sums = [Decimal("0.100000"), large, None, Decimal("0.300000")]
    rows = pa.table({"x_sum": pa.array(sums, pa.decimal128(38, 6)), "x_count": [1, 3, 0, 3]})
    assert value_of(plan, rows).to_pylist() == [0.1, float(large) / 3, None, 0.3 / 3]


def test_a_sketch_is_exact_below_its_size_and_an_estimate_above() -> None:
    plan = aggregate(agg.approx_count_distinct("ad"))
    full = np.arange(1024) * 2**50
    rows = pa.table({"x_kmv": pa.array([[1, 2, 3], [], None, full.tolist()], pa.list_(pa.int64()))})
    estimate = round(1023 / (int(full[-1]) / 2**63))
    assert value_of(plan, rows).to_pylist() == [3, 0, 0, estimate]


@pytest.mark.parametrize("kind", [name for name, each in KINDS.items() if each.told_at_once])
def test_each_kind_has_a_value_of_the_type_that_the_view_has(kind: str) -> None:
    made = {"count": agg.count(), "approx_count_distinct": agg.approx_count_distinct("ad")}
    plan = aggregate(made.get(kind) or getattr(agg, kind)("cost"))
    columns = plan.columns or (pa.field("x", pa.int64()),)
    rows = pa.table({column.name: pa.array([], column.type) for column in columns})
    assert value_of(plan, rows).type == plan.kind.result(plan.column_type)
