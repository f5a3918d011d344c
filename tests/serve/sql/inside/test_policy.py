"""Which functions and tables a question may name."""

import duckdb
import pytest

from dataflow.errors import SqlRefused
from query.guard import read_statement
from serve.sql.inside import policy


def look(sql: str, tables: frozenset[str] = frozenset({"ledger"}), schemas: tuple[str, ...] = ()) -> None:
    with duckdb.connect() as connection:
        policy.require_allowed(read_statement(connection, sql), tables, schemas)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM ledger",
        "FROM main.ledger",
        "SELECT * FROM range(3), generate_series(1, 2), unnest([1]), json_each('[1]')",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM duckdb_tables() JOIN duckdb_columns USING (table_name)",
        "SHOW TABLES",
        "SHOW ALL TABLES",
        "DESCRIBE ledger",
        "SUMMARIZE ledger",
        "DESCRIBE SELECT 1",
        "EXPLAIN SELECT 1",
        "WITH x AS (SELECT 1) SELECT * FROM x WHERE EXISTS (FROM x)",
        "SELECT x BETWEEN 1 AND 2, x::VARCHAR, [y FOR y IN [x]], sum(x) OVER () FROM (SELECT 1 AS x)",
        "VALUES (1), (2)",
    ],
)
def test_what_reads_the_lake_or_computes_is_allowed(sql: str) -> None:
    look(sql)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("FROM read_csv('x')", r"uses read_csv\(...\) as a table"),
        ("SELECT (SELECT count(*) FROM glob('*'))", r"uses glob\(...\) as a table"),
        ("FROM range((SELECT count(*)::BIGINT FROM GLOB('*')))", "as a table"),
        ("SELECT getvariable('x')", "tells of the server"),
        ("SELECT main.current_setting('x')", "tells of the server"),
        ("SELECT 1 ORDER BY current_setting('x')", "tells of the server"),
        ("SELECT sum(1) OVER (PARTITION BY getvariable('x'))", "tells of the server"),
        ("SELECT list_transform([1], lambda x: getvariable('a'))", "tells of the server"),
        ("SELECT 1 LIMIT nextval('s')", "changes something"),
        ("SELECT sleep_ms(1)", "only waits"),
        ("SELECT __internal_decompress_string('x')", "a part of the engine"),
        ("FROM 'x.csv'", "files and addresses are none"),
        ("FROM 'folder/x'", "files and addresses are none"),
        ("DESCRIBE 'x.parquet'", "files and addresses are none"),
        ("FROM other.ledger", "no part of the lake"),
        ("FROM system.main.ledger", "no part of the lake"),
        ("FROM pg_catalog.pg_settings", "tells of the server"),
        ("SHOW VARIABLES", "SHOW"),
        ("FROM " + "x" * 300 + "('a')", "xxx[.]{3}"),
    ],
)
def test_what_is_no_part_of_the_lake_is_refused_wherever_it_stands(sql: str, said: str) -> None:
    with pytest.raises(SqlRefused, match=said):
        look(sql)


def test_a_table_of_another_client_may_have_any_name_and_its_schema() -> None:
    look('FROM "odd/name.csv"', frozenset({"odd/name.csv"}))
    look("FROM their.x", schemas=("their",))


def test_no_table_function_is_allowed_that_the_engine_does_not_have() -> None:
    with duckdb.connect() as connection:
        rows = connection.execute("SELECT DISTINCT function_name, function_type FROM duckdb_functions()").fetchall()
    tables = {name for name, kind in rows if kind in ("table", "table_macro")}
    # written as a table, it is taken apart before functions are looked for
    assert tables | {"unnest"} >= policy.TABLE_FUNCTIONS


def test_functions_that_run_texts_or_read_files_are_not_allowed_as_tables() -> None:
    words = (
        "read",
        "scan",
        "query",
        "execute",
        "setting",
        "secret",
        "variable",
        "log",
        "sniff",
        "glob",
        "parquet",
        "file",
    )
    assert not [name for name in policy.TABLE_FUNCTIONS if any(word in name for word in words)]
