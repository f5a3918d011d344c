"""Columns as codes."""

import math
from typing import Any

import pyarrow as pa
import pytest

from dataflow.columnar.codes import encode


@pytest.mark.parametrize(
    "array",
    [
        pa.array(["b", None, "a", "b", ""]),
        pa.array([3, 3, None, -1]),
        pa.array([True, None, False]),
        pa.array([None, None], pa.string()),
        pa.array([], pa.int64()),
        pa.array(["x", "y", "x"]).slice(1),
    ],
    ids=["text", "numbers", "booleans", "nulls", "empty", "slice"],
)
def test_codes_give_the_column_back_and_their_values_are_distinct(array: pa.Array) -> None:
    codes = encode(array)
    assert codes.array().equals(array)
    values = codes.values.to_pylist()
    assert len(set(values)) == len(values)


def test_null_has_a_code_like_any_value() -> None:
    codes = encode(pa.array([None, "a", None]))
    assert codes.of_row[0] == codes.of_row[2] != codes.of_row[1]
    assert codes.values[int(codes.of_row[0])].as_py() is None


def test_minus_zero_is_zero() -> None:
    codes = encode(pa.array([-0.0, 0.0]))
    assert codes.of_row.tolist() == [0, 0]
    zero: Any = codes.values[0].as_py()
    assert math.copysign(1, zero) == 1
