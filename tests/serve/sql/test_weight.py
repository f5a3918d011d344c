"""The weight of rows: their bytes, something for each value, and a dictionary's words as often as they are there."""

import duckdb
import pyarrow as pa
import pytest

from serve.sql.weight import VALUE_BYTES, weight_bytes

VALUES = {
    "i": 8 + VALUE_BYTES,
    "NULL": VALUE_BYTES,
    "[NULL, NULL]": 2 * VALUE_BYTES,
    "'four'::ENUM('four')": 4 + VALUE_BYTES,
    "['four'::ENUM('four')]": 4 + 2 * VALUE_BYTES,
    "{'a': 'four'::ENUM('four')}": 4 + 2 * VALUE_BYTES,
    "MAP {'k': 'four'::ENUM('four')}": 4 + 2 * VALUE_BYTES,
    "[MAP {'k': [NULL]}]": 4 * VALUE_BYTES,
    "array_value(NULL, NULL)": 2 * VALUE_BYTES,
    "union_value(a := 'four'::ENUM('four'))": 4,
    "1::BIGNUM": VALUE_BYTES,
}


@pytest.mark.parametrize("value", VALUES)
def test_a_row_weighs_at_least_its_values(value: str) -> None:
    with duckdb.connect() as connection:
        table = connection.sql(f"SELECT {value} AS v FROM range(1000) t(i)").to_arrow_table()
    assert weight_bytes(table) >= 1_000 * VALUES[value]


@pytest.mark.parametrize("value", VALUES)
def test_half_of_the_rows_weigh_half(value: str) -> None:
    with duckdb.connect() as connection:
        table = connection.sql(f"SELECT {value} AS v FROM range(1000) t(i)").to_arrow_table()
    half = weight_bytes(table.slice(500, 500))
    # a dictionary stands there once, however many rows there are
    assert weight_bytes(table) * 0.4 < half < weight_bytes(table) * 0.6


def test_nothing_weighs_nothing() -> None:
    assert weight_bytes(pa.table({})) == 0
