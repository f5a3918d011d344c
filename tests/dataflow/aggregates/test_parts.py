"""The mergeable parts: their types, their empty values, and that they are equal by name."""

from decimal import Decimal

import pyarrow as pa
import pytest

from dataflow.aggregates.parts import MONEY, counts, extremes, histogram, kmv, sum_type, sums


@pytest.mark.parametrize(
    ("column_type", "wanted"),
    [
        (MONEY, pa.decimal128(38, 6)),
        (pa.int64(), pa.decimal128(38, 0)),
        (pa.float64(), pa.float64()),
        (pa.decimal128(12, 2), pa.decimal128(38, 6)),
    ],
)
def test_a_sum_has_a_type_that_does_not_overflow(column_type: pa.DataType, wanted: pa.DataType) -> None:
    assert sum_type(column_type) == wanted
    assert sums().types(column_type) == (wanted,)


def test_the_sum_type_of_ints_holds_more_than_64_bits() -> None:
    assert pa.scalar(Decimal(2**63 * 1000), sum_type(pa.int64())).as_py() == 2**63 * 1000


def test_no_row_is_a_count_of_0_no_sum_no_extreme_and_empty_sketches() -> None:
    assert counts().empty(pa.int64(), 2).to_pylist() == [0, 0]
    assert sums().empty(pa.float64(), 2).to_pylist() == [None, None]
    assert extremes("min").empty(pa.string(), 1).to_pylist() == [None]
    for part in (kmv(), histogram()):
        for type_ in part.types(None):
            empty = part.empty(type_, 2)
            assert empty.type == type_
            assert empty.to_pylist() == [[], []]


def test_no_rows_at_all_are_no_values() -> None:
    assert [len(part.empty(type_, 0)) for part in (counts(), histogram()) for type_ in part.types(None)] == [0, 0, 0]


def test_an_extreme_keeps_the_columns_own_type() -> None:
    assert extremes("max").types(pa.date32()) == (pa.date32(),)


def test_parts_are_equal_by_name_and_columns() -> None:
    assert counts() == counts()
    assert counts("_n") != counts()
    assert extremes("min") != extremes("max")
    assert {counts(), counts(), sums()} == {sums(), counts()}
    assert counts() != "count"


def test_parts_of_one_column_merge_in_plain_sql_and_those_of_lists_do_not() -> None:
    assert [part.sql for part in (counts(), sums("_sum"), extremes("max"))] == [
        "sum({column})",
        "sum({column})",
        "max({column})",
    ]
    assert [part.needs_exact for part in (counts(), sums(), extremes("min"))] == [False, True, False]
    assert (kmv().sql, histogram().sql) == (None, None)
