"""Batch by batch an answer is the same, and so are its errors."""

import threading

import duckdb
import pyarrow as pa
import pytest

from query.batches import tables_of
from query.unsigned import exact_table


@pytest.mark.parametrize("rows", [0, 1, 2_048, 5_000])
def test_batches_together_are_the_answer(rows: int) -> None:
    sql = f"SELECT i, i::UHUGEINT AS u, [i] AS l, 'x'::ENUM('x') AS e, NULL AS n FROM range({rows}) t(i)"
    with duckdb.connect() as connection:
        tables = list(tables_of(connection.sql(sql), 2_048))
        assert pa.concat_tables(tables).equals(exact_table(connection.sql(sql)))
        assert all(table.num_rows <= 2_048 for table in tables)


@pytest.mark.parametrize("value", ["error('own')", "'a'::INTEGER::VARCHAR"])
def test_an_error_on_the_way_is_the_engines(value: str) -> None:
    sql = f"SELECT CASE WHEN i = 50000 THEN {value} ELSE i::VARCHAR END FROM range(100000) t(i)"
    with duckdb.connect() as connection, pytest.raises(duckdb.Error, match=r"own|Could not convert"):
        list(tables_of(connection.sql(sql), 2_048))


def test_an_interrupt_on_the_way_is_one() -> None:
    sql = "SELECT i FROM range(100000000000) t(i) WHERE i < 10000 OR hash(i) = 7"
    with duckdb.connect() as connection:
        tables = tables_of(connection.sql(sql), 2_048)
        assert next(tables).num_rows == 2_048
        timer = threading.Timer(0.3, connection.interrupt)
        timer.start()
        with pytest.raises(duckdb.InterruptException):
            list(tables)
        timer.join()


def test_columns_of_one_name_keep_it_where_rows_are_left_out() -> None:
    with duckdb.connect() as connection:
        (table,) = tables_of(connection.sql("SELECT 1 AS a, 2 AS a FROM range(9)"), 2_048, 3)
        assert (table.column_names, table.num_rows) == (["a", "a"], 3)
