"""Dimensions by codes: each row gets the columns of its key."""

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from dataflow.columnar.codes import encode
from dataflow.enrich import lookup as enrich
from dataflow.enrich.columns import Columns
from dataflow.enrich.lookup import Lookup
from dataflow.pipeline.declaration import Dimension
from dataflow.pipeline.plan import DimensionPlan


def dimension(name: str, key: str, keys: list[Any], **columns: list[Any]) -> DimensionPlan:
    batch = pa.RecordBatch.from_pydict(columns)
    return DimensionPlan(Dimension(name, f"{name}.csv", key, dict.fromkeys(columns, str)), pa.array(keys), batch)


SHOPS = dimension("shops", "shop", ["a", "b", "c"], region=["x", "y", None], tier=[1, 2, 1])
COUNTRIES = dimension("countries", "land", [1], country=["fr"])


@pytest.fixture(params=["arrow", "dictionary"])
def lookups(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[Lookup]:
    if request.param == "dictionary":
        monkeypatch.setattr(enrich, "_INDEX_KEYS", 0)
    return [Lookup(SHOPS), Lookup(COUNTRIES)]


def test_each_row_gets_the_columns_of_its_key_and_unknown_ones_nulls(lookups: list[Lookup]) -> None:
    rows: dict[str, list[object]] = {"shop": ["b", None, "a", "?", "b", "c"], "land": [2, 1, 1, None, 1, 1]}
    columns = Columns(pa.RecordBatch.from_pydict(rows), lookups)
    assert columns["region"].to_pylist() == ["y", None, "x", None, "y", None]
    assert columns["tier"].to_pylist() == [2, None, 1, None, 2, 1]
    assert columns["country"].to_pylist() == [None, "fr", "fr", None, "fr", "fr"]
    assert columns.unknown(lookups[0]).tolist() == [False, True, False, True, False, False]
    assert list(columns) == ["shop", "land", "region", "tier", "country"]
    assert len(columns) == 5


def test_a_null_key_is_unknown_even_if_the_dimension_had_one(lookups: list[Lookup]) -> None:
    assert lookups[0].is_unknown(lookups[0].rows_of(pa.array([None, "a"], pa.string()))).tolist() == [True, False]


def test_a_dimension_may_have_int_keys() -> None:
    lookup = Lookup(dimension("sizes", "size", [10, 20], label=["s", "m"]))
    columns = Columns(pa.RecordBatch.from_pydict({"size": [20, 10, 5]}), [lookup])
    assert columns["label"].to_pylist() == ["m", "s", None]


def test_an_empty_dimension_knows_no_key() -> None:
    empty = dimension("none", "shop", [], label=[])
    empty = DimensionPlan(
        empty.dimension, pa.array([], pa.string()), pa.RecordBatch.from_pydict({"label": pa.array([], pa.string())})
    )
    columns = Columns(pa.RecordBatch.from_pydict({"shop": ["a", None]}), [Lookup(empty)])
    assert columns["label"].to_pylist() == [None, None]


@pytest.mark.parametrize(
    "array",
    [
        pa.array(["b", None, "a", "b"]),
        pa.array([3, None, 3, -1]),
        pa.array([True, None, False, True]),
        pa.array([date(2026, 1, 1), None, date(2025, 1, 1)]),
        pa.array([Decimal("1.5"), None, Decimal("1.5")], pa.decimal128(18, 6)),
        pa.array([1.5, None, 0.0, -0.0]),
        pa.array([], pa.string()),
    ],
)
def test_codes_stand_for_distinct_values(array: pa.Array) -> None:
    codes = encode(array)
    assert codes.array().equals(array) or pa.types.is_floating(array.type)
    assert codes.array().to_pylist() == array.to_pylist()
    assert len(codes.values) == len(set(array.to_pylist()))
