"""The bounds that the catalog keeps of a table: wide enough for every row, and no wider once rows went."""

import sqlite3
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from sinks.lake.catalog.bounds import recompute_bounds, widen_bounds
from sinks.lake.catalog.reader import open_readonly
from sinks.lake.catalog.staged import ColumnStats, StagedFile
from sinks.lake.writer import commit
from tests.ducklake_client import ducklake_query
from tests.sinks.lake.small import event_row, parcel, small_plan, writer_for
from tests.sinks.lake.small_lake import Lake

PLAN = small_plan()


def test_global_bounds_widen_with_every_commit(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    for epoch, start in enumerate((10, 2, 30), start=1):
        rows = [event_row(offset) for offset in range(start, start + 2)]
        commit(writer, [parcel(PLAN, 0, start, start + 2, partition=f"t/{start}", tables={"events": rows})], epoch)
    with open_readonly(tmp_path) as reader:
        table = reader.tables(reader.latest().id)["events"]
        column = table.column("offset")
        assert column is not None
        row = reader.connection.execute(
            "SELECT min_value, max_value FROM ducklake_table_column_stats WHERE table_id = ? AND column_id = ?",
            (table.id, column.id),
        ).fetchone()
    assert row == ("2", "31")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake(tmp_path / "lake")
    made.run(3)
    return made


@pytest.mark.ducklake
def test_the_bounds_of_a_table_are_those_of_its_rows_after_deltas_were_summed(lake: Lake) -> None:
    lake.run(45)
    report = lake.compact(keep=timedelta(seconds=20))
    assert report.summed_rows > 0
    columns = ("clicks", "spend", "first_user", "last_ad", "window_start", "row_count")
    asked = [f"{what}({name})" for name in columns for what in ("min", "max")]
    ordered = [f"SELECT {each} FROM per_ad_delta" for each in asked]
    # grouped, the client looks at the rows, alone at the bounds
    found = ducklake_query(
        lake.folder, [f"SELECT {', '.join(asked)} FROM per_ad_delta GROUP BY window_start", *ordered]
    )
    assert found[0][0] == [rows[0][0] for rows in found[1:]]
    assert Decimal(found[0][0][2]) > Decimal("0.5")


BOUNDS = """
CREATE TABLE ducklake_table_column_stats (table_id, column_id, contains_null, contains_nan, min_value, max_value,
                                          extra_stats);
CREATE TABLE ducklake_data_file (data_file_id, table_id);
CREATE TABLE ducklake_file_column_stats (data_file_id, table_id, column_id, value_count, null_count, contains_nan,
                                         min_value, max_value);
CREATE TABLE ducklake_column (column_id, table_id, column_type);
CREATE TABLE ducklake_inlined_data_tables (table_id, table_name);
INSERT INTO ducklake_column VALUES (1, 5, 'int64'), (2, 5, 'varchar');
"""


@pytest.fixture
def catalog() -> sqlite3.Connection:
    """The tables that bounds are kept in."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(BOUNDS)
    return connection


def stats(column_id: int, low: str | None, high: str | None, *, nulls: int = 0, values: int = 1) -> ColumnStats:
    return ColumnStats(column_id, "int64" if column_id == 1 else "varchar", 10, values, nulls, low, high, None)


def add(catalog: sqlite3.Connection, number: int, *columns: ColumnStats) -> None:
    widen_bounds(catalog, StagedFile("t", 5, f"{number}.parquet", 1, 10, 5, "", columns))
    catalog.execute("INSERT INTO ducklake_data_file VALUES (?, 5)", (number,))
    catalog.executemany(
        "INSERT INTO ducklake_file_column_stats VALUES (?, 5, ?, ?, ?, NULL, ?, ?)",
        [(number, each.column_id, each.value_count, each.null_count, each.low, each.high) for each in columns],
    )


def known(catalog: sqlite3.Connection) -> dict[int, tuple[object, ...]]:
    rows = catalog.execute("SELECT column_id, contains_null, min_value, max_value FROM ducklake_table_column_stats")
    return {number: tuple(rest) for number, *rest in rows}


def test_numbers_widen_as_numbers_and_text_as_text(catalog: sqlite3.Connection) -> None:
    add(catalog, 1, stats(1, "9", "9"), stats(2, "9", "9"))
    add(catalog, 2, stats(1, "10", "10"), stats(2, "10", "10"))
    assert known(catalog) == {1: (0, "9", "10"), 2: (0, "10", "9")}


def test_a_null_once_is_a_null_for_good_and_a_file_of_nulls_moves_no_bound(catalog: sqlite3.Connection) -> None:
    add(catalog, 1, stats(1, "5", "5"))
    add(catalog, 2, stats(1, None, None, nulls=3, values=0))
    add(catalog, 3, stats(1, "6", "6"))
    assert known(catalog) == {1: (1, "5", "6")}


def test_a_column_that_a_file_lacks_is_null_in_it(catalog: sqlite3.Connection) -> None:
    add(catalog, 1, stats(1, "5", "5"), stats(2, "a", "a"))
    add(catalog, 2, stats(1, "6", "6"))
    assert known(catalog)[2] == (1, "a", "a")


def test_an_unknown_bound_stays_unknown(catalog: sqlite3.Connection) -> None:
    add(catalog, 1, stats(2, None, "b"))
    add(catalog, 2, stats(2, "a", "c"))
    assert known(catalog) == {2: (0, None, "c")}


def test_a_column_added_later_has_no_bounds_until_all_is_recomputed(catalog: sqlite3.Connection) -> None:
    add(catalog, 1, stats(1, "5", "5"))
    add(catalog, 2, stats(1, "6", "6"), stats(2, "a", "a"))
    assert known(catalog).keys() == {1}


def test_bounds_narrow_to_the_files_that_are_left(catalog: sqlite3.Connection) -> None:
    add(catalog, 1, stats(1, "1", "100"))
    add(catalog, 2, stats(1, "20", "30"))
    catalog.execute("DELETE FROM ducklake_data_file WHERE data_file_id = 1")
    recompute_bounds(catalog, 5)
    assert known(catalog) == {1: (0, "20", "30")}


def test_a_table_without_files_has_no_bounds(catalog: sqlite3.Connection) -> None:
    add(catalog, 1, stats(1, "1", "100"))
    catalog.execute("DELETE FROM ducklake_data_file")
    recompute_bounds(catalog, 5)
    assert known(catalog) == {}


def test_rows_inside_the_catalog_leave_every_bound_unknown(catalog: sqlite3.Connection) -> None:
    add(catalog, 1, stats(1, "1", "100"))
    catalog.execute("CREATE TABLE inside (n)")
    catalog.execute("INSERT INTO inside VALUES (1)")
    catalog.execute("INSERT INTO ducklake_inlined_data_tables VALUES (5, 'inside')")
    recompute_bounds(catalog, 5)
    assert known(catalog) == {1: (1, None, None)}
