"""What other clients have put into a lake, from the catalog alone: what plain files tell, and why the rest is not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sinks.lake.catalog.others import Other, others
from sinks.lake.tables.prepare import create_lake
from tests.sinks.lake.small import NOON, small_plan

TABLE, SCHEMA, FILE = 900, 50, 800


class Theirs:
    """A lake of ours in which another client made schema `archive` with table `t` of one column and one file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.catalog = create_lake(folder, small_plan(), NOON)
        self.run = self.catalog.connection.execute
        self.insert("schema", schema_id=SCHEMA, begin_snapshot=1, schema_name="archive", path="archive/",
                    path_is_relative=1)  # fmt: skip
        self.insert("table", table_id=TABLE, begin_snapshot=1, schema_id=SCHEMA, table_name="t", path="t/",
                    path_is_relative=1)  # fmt: skip
        self.column(901, "n", "int32")
        self.insert("data_file", data_file_id=FILE, table_id=TABLE, begin_snapshot=1, path="x.parquet",
                    path_is_relative=1, file_format="parquet", record_count=3, file_size_bytes=9,
                    row_id_start=0)  # fmt: skip

    def insert(self, kind: str, **values: object) -> None:
        marks = ", ".join("?" * len(values))
        self.run(f"INSERT INTO ducklake_{kind} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))

    def column(self, number: int, name: str, kind: str, **more: object) -> None:
        self.insert("column", column_id=number, begin_snapshot=1, table_id=TABLE, column_order=number,
                    column_name=name, column_type=kind, **more)  # fmt: skip

    def found(self, at: int = 1) -> dict[str, Other]:
        return others(self.catalog.connection, self.folder, at)

    @property
    def t(self) -> Other:
        return self.found()["archive.t"]


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Theirs]:
    made = Theirs(tmp_path / "lake")
    yield made
    made.catalog.close()


def test_a_table_of_plain_files_is_told_with_its_files_where_they_lie(theirs: Theirs) -> None:
    assert list(theirs.found()) == ["archive.t"]
    assert theirs.t.unreadable == ""
    assert [file.path for file in theirs.t.files] == [theirs.folder / "archive" / "t" / "x.parquet"]
    assert theirs.t.table is not None
    assert [(column.name, column.type) for column in theirs.t.table.columns] == [("n", "INTEGER")]


def test_what_is_not_there_at_a_snapshot_is_not_told(theirs: Theirs) -> None:
    assert theirs.found(0) == {}


@pytest.mark.parametrize(
    ("kind", "shown"),
    [("uint64", "UBIGINT"), ("decimal(5,2)", "DECIMAL(5,2)"), ("timestamp_ms", "TIMESTAMP_MS"), ("uuid", "UUID")],
)
def test_a_column_has_the_type_that_the_official_client_shows(theirs: Theirs, kind: str, shown: str) -> None:
    theirs.column(902, "more", kind)
    assert theirs.t.table is not None
    assert theirs.t.table.columns[1].type == shown
    assert theirs.t.unreadable == ""


@pytest.mark.parametrize("kind", ["interval", "struct", "timestamptz", "decimal(5, 2)"])
def test_a_column_of_a_kind_that_files_do_not_tell_is_named(theirs: Theirs, kind: str) -> None:
    theirs.column(902, "odd", kind)
    assert theirs.t.unreadable.startswith("its column odd is of a kind that only the DuckLake extension reads")
    assert theirs.t.files == ()


def test_a_default_for_older_rows_is_in_no_file(theirs: Theirs) -> None:
    theirs.column(902, "odd", "int32", initial_default="7")
    assert "its column odd" in theirs.t.unreadable


def test_a_list_of_scalars_is_read_and_one_of_lists_is_not(theirs: Theirs) -> None:
    theirs.column(902, "tags", "list")
    theirs.column(903, "element", "varchar", parent_column=902)
    assert theirs.t.unreadable == ""
    theirs.column(904, "deep", "list")
    theirs.column(905, "element", "list", parent_column=904)
    theirs.column(906, "element", "int32", parent_column=905)
    assert "its column deep" in theirs.t.unreadable


@pytest.mark.parametrize("change", ["path_is_relative = 0", "encryption_key = 'k'", "file_format = 'csv'"])
def test_a_file_of_another_kind_leaves_the_table_to_the_extension(theirs: Theirs, change: str) -> None:
    theirs.run(f"UPDATE ducklake_data_file SET {change}")
    assert "files of a kind that only the DuckLake extension reads" in theirs.t.unreadable


def test_deleted_rows_leave_the_table_to_the_extension_with_the_call_that_writes_them_out(theirs: Theirs) -> None:
    theirs.insert("delete_file", delete_file_id=1, table_id=TABLE, begin_snapshot=1, data_file_id=FILE, path="d")
    assert "ducklake_flush_inlined_data" in theirs.t.unreadable


def test_a_table_outside_of_the_lakes_folder_is_not_read(theirs: Theirs) -> None:
    theirs.run("UPDATE ducklake_schema SET path_is_relative = 0 WHERE schema_id = ?", (SCHEMA,))
    assert theirs.t.unreadable == "its files lie outside of the lake's folder"


def test_a_table_in_the_place_of_ours_is_told_and_not_read(theirs: Theirs) -> None:
    theirs.run("UPDATE ducklake_table SET schema_id = 0, table_name = 'EVENTS' WHERE table_id = ?", (TABLE,))
    assert "in the place of Tidemill's" in theirs.found()["main.EVENTS"].unreadable


def test_a_view_is_told_with_its_sql(theirs: Theirs) -> None:
    theirs.insert("view", view_id=950, begin_snapshot=1, schema_id=SCHEMA, view_name="v", sql="SELECT 42")
    assert theirs.found()["archive.v"] == Other("archive", "v", sql="SELECT 42")
