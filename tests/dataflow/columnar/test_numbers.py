"""Numbers of filters: exact beyond 64 bits, and the same doubles as DuckDB."""

from decimal import Decimal

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflow.columnar.numbers import arithmetic, compare, constant, from_arrow, negate, to_double


def test_arithmetic_goes_on_exactly_where_64_bits_end():
    biggest = from_arrow(pa.array([2**63 - 1, -(2**63), None]))
    total = arithmetic("+", biggest, constant(1))
    assert total.values.tolist()[:2] == [2**63, -(2**63) + 1]
    product = arithmetic("*", arithmetic("*", biggest, biggest), biggest)
    assert product.values.tolist()[:2] == [(2**63 - 1) ** 3, -(2**189)]
    assert negate(biggest).values.tolist()[1] == 2**63
    assert total.valid is not None
    assert total.valid.tolist() == [True, True, False]


def test_decimals_keep_their_scale():
    cost = from_arrow(pa.array([Decimal("0.1"), Decimal("-1.25")], pa.decimal128(18, 6)))
    product = arithmetic("*", cost, constant(Decimal("0.10")))
    assert (product.scale, product.values.tolist()) == (8, [1_000_000, -12_500_000])
    assert compare("=", product, constant(Decimal("0.01"))).tolist() == [True, False]


def test_a_slice_of_a_decimal_column_is_read_from_its_start():
    cost = pa.array([Decimal(1), None, Decimal(-3)], pa.decimal128(18, 6))
    assert from_arrow(cost.slice(1)).values.tolist() == [0, -3_000_000]


def test_nan_equals_itself_and_is_above_everything():
    values = from_arrow(pa.array([0.0, 1.0, -1.0]))
    ratio = arithmetic("/", values, constant(0))
    assert np.isnan(ratio.values[0])
    assert compare("=", ratio, ratio).tolist() == [True, True, True]
    assert compare(">", ratio, constant(1e308)).tolist() == [True, True, False]


@pytest.fixture(scope="module")
def duck():
    with duckdb.connect() as connection:
        yield connection


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(units=st.lists(st.integers(-(10**18) + 1, 10**18 - 1), min_size=1, max_size=50))
def test_decimals_become_the_doubles_that_duckdb_makes(duck, units):
    column = pa.array([Decimal(unit).scaleb(-6) for unit in units], pa.decimal128(18, 6))
    duck.register("money", pa.table({"m": column}))
    expected = [value for (value,) in duck.execute("SELECT m::DOUBLE FROM money").fetchall()]
    assert to_double(from_arrow(column)).values.tolist() == expected
