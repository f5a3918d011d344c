"""Messages of DuckDB with what to write instead."""

import duckdb
import pytest

from query.hints import hint
from sinks.lake.catalog.layout import Column, TableLayout

NAMES = ["merchant.city", "merchant.id", "n", "Card.no"]
TABLES = {"t": TableLayout(1, "t", "t/", tuple(Column(at, name, "varchar") for at, name in enumerate(NAMES)))}


def message(sql: str) -> str:
    with duckdb.connect() as connection:
        columns = ", ".join(f'"{name}" VARCHAR' for name in NAMES)
        connection.execute(f"CREATE TABLE t ({columns})")
        with pytest.raises(duckdb.Error) as raised:
            connection.execute(sql)
    return str(raised.value)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT merchant.city FROM t",
        "SELECT Merchant FROM t",
        "SELECT t.merchant.city FROM t",
        "SELECT count(*) FROM t WHERE merchant.id = 'm1' GROUP BY merchant.town",
    ],
)
def test_a_nested_column_without_quotes_is_told_with_them(sql: str) -> None:
    assert hint(message(sql), TABLES, ["t"]) == (
        '\nA nested column is asked for in quotes: "merchant.city", "merchant.id"'
    )


def test_an_unknown_table_is_told_with_those_that_there_are() -> None:
    assert hint(message("SELECT * FROM nobody"), TABLES, ["ledger", "t"]) == "\nThe lake holds: ledger, t"


@pytest.mark.parametrize("sql", ["SELECT nope FROM t", "SELECT x.n FROM t", "SELECT nope(n) FROM t"])
def test_nothing_is_said_where_nothing_is_known(sql: str) -> None:
    assert hint(message(sql), TABLES, ["t"]) in ("", "\nThe lake holds: t")
