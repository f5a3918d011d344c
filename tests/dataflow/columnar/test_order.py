"""Minima and maxima of any type by way of numbers in the order of the values."""

from datetime import date
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.columnar.codes import encode
from dataflow.columnar.numbers import from_arrow
from dataflow.columnar.order import Ordered, extremes, ordered_numbers, ordered_text, ranks

MONEY = pa.decimal128(18, 6)


def ordered(array: pa.Array) -> Ordered:
    if pa.types.is_string(array.type):
        codes = encode(array)
        return ordered_text(codes.of_row, codes.values)
    plain = array.cast(pa.int8()).cast(pa.int64()) if pa.types.is_boolean(array.type) else array
    return ordered_numbers(from_arrow(plain), array.type)


@pytest.mark.parametrize(
    ("array", "low", "high"),
    [
        (pa.array([5, None, -7, 2**63 - 1]), -7, 2**63 - 1),
        (pa.array([-(2**63), 0]), -(2**63), 0),
        (pa.array([1.5, float("-inf"), None]), float("-inf"), 1.5),
        (pa.array([Decimal("1.000001"), Decimal("-2")], MONEY), Decimal("-2.000000"), Decimal("1.000001")),
        (pa.array([date(1969, 12, 31), date(2026, 1, 1)]), date(1969, 12, 31), date(2026, 1, 1)),
        (pa.array([True, False, None]), False, True),
        (pa.array(["b", None, "", "é", "Z"]), "", "é"),
    ],
    ids=["int", "least_int", "double", "money", "date", "boolean", "text"],
)
def test_the_smallest_and_the_largest_come_back_in_the_columns_own_type(array: pa.Array, low: Any, high: Any) -> None:
    one_group = np.zeros(len(array), np.intp)
    for which, wanted in (("min", low), ("max", high)):
        found = extremes(which, ordered(array), None, one_group, 1)  # type: ignore[arg-type]
        assert found.type == array.type
        assert found.to_pylist() == [wanted]


@pytest.mark.parametrize("array", [pa.array([1, None, 3]), pa.array(["a", None, "c"])], ids=["number", "text"])
def test_a_group_without_a_value_is_null(array: pa.Array) -> None:
    groups = np.array([0, 1, 0])
    assert extremes("min", ordered(array), None, groups, 3).to_pylist()[1:] == [None, None]


def test_only_the_rows_named_are_looked_at() -> None:
    array = pa.array([1, 9, 5])
    assert extremes("max", ordered(array), np.array([0, 2]), np.array([0, 0]), 1).to_pylist() == [5]


def test_a_text_column_of_nulls_alone_has_no_extreme() -> None:
    nothing = pa.array([None, None], pa.string())
    assert extremes("max", ordered(nothing), None, np.array([0, 1]), 2).to_pylist() == [None, None]


def test_null_ranks_before_all_text() -> None:
    rank, by_rank = ranks(pa.array(["b", None, "a"]))
    assert rank.tolist() == [2, 0, 1]
    assert by_rank.tolist() == [1, 2, 0]


def test_false_ranks_before_true() -> None:
    assert ranks(pa.array([True, False]))[0].tolist() == [1, 0]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.none() | st.text(max_size=3)), max_size=20),
    st.sampled_from(["min", "max"]),
)
def test_text_compares_by_its_bytes(rows: list[tuple[int, str | None]], which: Literal["min", "max"]) -> None:
    array = pa.array([text for _, text in rows], pa.string())
    groups = np.array([of for of, _ in rows], np.intp)
    found = extremes(which, ordered(array), None, groups, 4).to_pylist()
    choose = min if which == "min" else max
    for number in range(4):
        texts = [text for of, text in rows if of == number and text is not None]
        assert found[number] == choose(texts, key=str.encode, default=None)
