"""What a catalog says of its tables at a snapshot: versions of columns, lists, and whose tables they are."""

import sqlite3

import pyarrow as pa
import pytest

from sinks.lake.catalog.arrow import column_type
from sinks.lake.catalog.layout import Column, TableLayout, layouts, strange_columns, views

SCHEMA = """
CREATE TABLE ducklake_column (column_id, begin_snapshot, end_snapshot, table_id, column_order, column_name,
                              column_type, parent_column, initial_default);
CREATE TABLE ducklake_table (table_id, begin_snapshot, end_snapshot, table_name, path);
CREATE TABLE ducklake_view (view_id, begin_snapshot, end_snapshot, view_name, "sql");
CREATE TABLE own_object (object_id, name);
"""


@pytest.fixture
def catalog() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA)
    connection.execute("INSERT INTO own_object VALUES (1, 'events'), (9, 'per_ad')")
    connection.executemany(
        "INSERT INTO ducklake_table VALUES (?, ?, ?, ?, ?)",
        [(1, 1, None, "events", "events/"), (2, 1, None, "theirs", "theirs/")],
    )
    connection.executemany(
        "INSERT INTO ducklake_column VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?)",
        [
            (1, 1, None, 2, "n", "int64", None, None),
            (2, 1, None, 1, "ad", "varchar", None, None),
            (3, 1, None, 3, "hashes", "list", None, None),
            (4, 1, None, 3, "element", "int64", 3, None),
            (5, 5, 8, 4, "late", "date", None, None),
        ],
    )
    connection.executemany(
        "INSERT INTO ducklake_view VALUES (?, ?, ?, ?, ?)",
        [(9, 1, 4, "per_ad", "SELECT 1"), (9, 4, None, "per_ad", "SELECT 2"), (7, 1, None, "theirs_too", "SELECT 3")],
    )
    return connection


def test_tables_of_others_are_left_out_and_columns_come_in_their_order(catalog: sqlite3.Connection) -> None:
    found = layouts(catalog, 1)
    assert list(found) == ["events"]
    assert [column.name for column in found["events"].columns] == ["ad", "n", "hashes"]


@pytest.mark.parametrize(("at", "there"), [(4, False), (5, True), (7, True), (8, False)])
def test_a_column_is_there_from_its_first_snapshot_to_before_its_last(
    catalog: sqlite3.Connection, at: int, there: bool
) -> None:
    assert (layouts(catalog, at)["events"].column("late") is not None) is there


def test_a_list_knows_its_element(catalog: sqlite3.Connection) -> None:
    column = layouts(catalog, 1)["events"].column("hashes")
    assert column == Column(3, "hashes", "list", 4, "int64")
    assert column is not None
    assert (column_type(column), column.duckdb) == (pa.list_(pa.int64()), "BIGINT[]")


def test_a_view_has_the_text_of_its_snapshot_and_those_of_others_are_left_out(catalog: sqlite3.Connection) -> None:
    assert {name: view.sql for name, view in views(catalog, 3).items()} == {"per_ad": "SELECT 1"}
    assert {name: view.sql for name, view in views(catalog, 4).items()} == {"per_ad": "SELECT 2"}


def test_a_table_that_is_not_there_yet_is_not_shown(catalog: sqlite3.Connection) -> None:
    assert layouts(catalog, 0) == {}
    assert views(catalog, 0) == {}


def test_a_column_that_a_merged_file_would_not_keep_is_strange(catalog: sqlite3.Connection) -> None:
    table = layouts(catalog, 1)["events"]
    assert strange_columns(catalog, table) == []
    odd = (Column(1, "n", "int64"), Column(6, "span", "interval"), Column(7, "tags", "list", 8, "struct"))
    assert strange_columns(catalog, TableLayout(1, "events", "events/", odd)) == ["span", "tags"]


def test_a_column_with_a_default_for_older_rows_is_strange(catalog: sqlite3.Connection) -> None:
    catalog.execute("UPDATE ducklake_column SET initial_default = '7' WHERE column_id = 1")
    assert strange_columns(catalog, layouts(catalog, 1)["events"]) == ["n"]
