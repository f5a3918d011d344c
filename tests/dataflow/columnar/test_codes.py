"""Columns as codes."""

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


TEXTS = st.text("ab\0é", max_size=3) | st.integers(6, 34).flatmap(lambda n: st.text("ab", min_size=n, max_size=n))


@given(st.lists(st.none() | TEXTS, max_size=40), st.integers(0, 3), st.integers(0, 3))
def test_texts_have_the_codes_that_arrow_gives_them(texts: list[str | None], before: int, behind: int) -> None:
    whole = pa.array([*["x"] * before, *texts, *["y"] * behind], pa.string())
    array = whole.slice(before, len(texts))
    codes, known = encode(array), array.dictionary_encode(null_encoding="encode")
    assert codes.values.equals(known.dictionary)
    assert codes.of_row.tolist() == known.indices.to_pylist()


def test_texts_whose_first_sixteen_bytes_are_equal_are_told_apart() -> None:
    texts = [f"{'x' * length}{number}" for length in range(14, 26) for number in range(12)]
    codes = encode(pa.array(texts * 2))
    assert codes.values.to_pylist() == texts
    assert codes.of_row.tolist() == [*range(len(texts))] * 2


def test_many_texts_that_differ_in_one_place_find_places_of_their_own() -> None:
    texts = [f"user-{number:07d}" for number in range(50_000)]
    codes = encode(pa.array(texts))
    assert (codes.of_row == np.arange(50_000)).all()
