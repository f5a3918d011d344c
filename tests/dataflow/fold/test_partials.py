"""Partial aggregates of a few rows in groups, against what one counts by hand."""

from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dataflow.columnar.groups import Groups
from dataflow.enrich.columns import Columns
from dataflow.fold.partials import Selection, empty_partials
from dataflow.pipeline.plan import AggregatePlan
from tests.dataflow.hot_path import batch_of, micros, plan

PLAN = plan()
AGGREGATES = {each.name: each for each in PLAN.rollups[0].aggregates}
EVENT: dict[str, Any] = {"event_id": "e", "event_time": 0, "kind": "view", "shop": "a", "ratio": None, "day": None}
ROWS = [
    {**EVENT, "kind": "click", "amount": 2**63 - 1, "cost": micros(5), "shop": "b"},
    {**EVENT, "amount": 2**63 - 1, "cost": None, "shop": "a"},
    {**EVENT, "amount": None, "cost": micros(-3), "shop": None},
    {**EVENT, "kind": "click", "amount": -7, "cost": micros(9), "shop": "a"},
]


def selection(rows: list[int] | None, groups: list[int]) -> Selection:
    columns = Columns(batch_of(ROWS, PLAN.event.arrow), [])
    count = max(groups) + 1
    sample = np.array([groups.index(number) for number in range(count)], np.intp)
    picked = None if rows is None else np.array(rows, np.intp)
    numbers = np.array(groups, np.intp)
    return Selection(columns, picked, Groups(numbers, sample, np.bincount(numbers, minlength=count)))


def values(name: str, chosen: Selection) -> list[list[Any]]:
    arrays = chosen.partials(AGGREGATES[name])
    assert [array.type for array in arrays] == [column.type for column in AGGREGATES[name].columns]
    return [array.to_pylist() for array in arrays]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("rows", [[3, 1]]),
        ("clicks", [[1, 1]]),
        ("amounts", [[2, 1]]),
        ("cost_sum", [[micros(2), micros(9)]]),
        ("cost_clicked", [[micros(5), micros(9)]]),
        ("amount_sum", [[Decimal(2 * (2**63 - 1)), Decimal(-7)]]),
        ("first_shop", [["a", "a"]]),
        ("most", [[micros(5), micros(9)]]),
        ("ratio_sum", [[None, None]]),
        ("highest", [[None, None]]),
    ],
)
def test_each_group_has_what_its_rows_give(name: str, wanted: list[list[Any]]) -> None:
    assert values(name, selection(None, [0, 0, 0, 1])) == wanted


def test_rows_that_are_not_chosen_count_nowhere() -> None:
    chosen = selection([1, 3], [0, 0])
    assert values("rows", chosen) == [[2]]
    assert values("cost_sum", chosen) == [[micros(9)]]
    assert values("clicks", chosen) == [[1]]
    assert values("first_shop", chosen) == [["a"]]


def test_an_average_has_its_sum_and_its_count() -> None:
    assert values("amount_avg", selection(None, [0, 0, 1, 0])) == [[Decimal(2 * (2**63 - 1) - 7), None], [3, 0]]


def test_distinct_values_come_once_per_group_without_null() -> None:
    of, found = selection(None, [1, 0, 0, 1]).distinct(AGGREGATES["shops"])
    assert list(zip(of.tolist(), found.to_pylist(), strict=True)) == [(0, "a"), (1, "b"), (1, "a")]


def test_distinct_values_of_filtered_rows_alone() -> None:
    of, found = selection(None, [0, 0, 0, 0]).distinct(AGGREGATES["costs"])
    assert of.tolist() == [0, 0]
    assert sorted(found.to_pylist()) == [micros(5), micros(9)]


def test_a_histogram_counts_each_value_and_a_sketch_each_distinct_one() -> None:
    buckets, counts = values("median", selection(None, [0, 0, 0, 0]))
    assert counts == [[1, 1, 1]]
    assert buckets[0] == sorted(buckets[0])
    ((hashes,),) = values("about", selection(None, [0, 0, 0, 0]))
    assert len(hashes) == 1


@pytest.mark.parametrize("aggregate", AGGREGATES.values(), ids=AGGREGATES)
def test_no_row_is_the_empty_value_of_each_column(aggregate: AggregatePlan) -> None:
    arrays = empty_partials(aggregate, 2)
    assert [array.type for array in arrays] == [column.type for column in aggregate.columns]
    for array in arrays:
        wanted: Any = [] if pa.types.is_list(array.type) else 0 if array.type == pa.int64() else None
        if aggregate.aggregate.kind in ("min", "max"):
            wanted = None
        assert array.to_pylist() == [wanted] * 2
