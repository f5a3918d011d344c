"""SQL that reads a table from its files, run by DuckDB over files that the lake's own writer made."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from dataflow.sql import quoted, text
from query.scan import history_sql, scan_sql
from sinks.lake.catalog.layout import Column, DataFile, TableLayout
from sinks.lake.files import write_file

LAYOUT = TableLayout(1, "t", "t/", (Column(1, "n", "int64"), Column(2, 'a "b"', "varchar")))
LATER = TableLayout(1, "t", "t/", (Column(2, "renamed", "varchar"), Column(1, "n", "int64"), Column(9, "new", "date")))


class Files:
    """Data files in a folder with a quote in its name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "it's here"
        self.made: list[DataFile] = []

    def add(self, rows: Sequence[Mapping[str, Any]], begin: int, marks: Sequence[int] | None = None) -> None:
        number = len(self.made)
        data = pa.Table.from_pylist(list(rows), pa.schema([("n", pa.int64()), ('a "b"', pa.string())]))
        snapshots = None if marks is None else pa.chunked_array([pa.array(marks, pa.int64())])
        staged = write_file(self.folder, LAYOUT, data, f"{number}.parquet", snapshots=snapshots)
        path = self.folder / "main" / "t" / staged.path
        partial = None if marks is None else max(marks)
        self.made.append(DataFile(number, path, len(rows), 0, begin, partial, staged.size_bytes))


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def ask(sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        return sorted(connection.execute(sql).fetchall())


def test_no_files_give_no_rows_and_the_right_types() -> None:
    with duckdb.connect() as connection:
        relation = connection.sql(scan_sql(LATER, [], 5))
        assert (relation.columns, list(map(str, relation.types))) == (
            ["renamed", "n", "new"],
            ["VARCHAR", "BIGINT", "DATE"],
        )
        assert relation.fetchall() == []
        assert connection.sql(history_sql(LATER, [], 5)).columns[-1] == "_snapshot"


def test_columns_are_found_by_their_field_id_whatever_they_are_called_now(files: Files) -> None:
    files.add([{"n": 1, 'a "b"': "x"}], 1)
    assert ask(scan_sql(LAYOUT, files.made, 5)) == [(1, "x")]
    assert ask(scan_sql(LATER, files.made, 5)) == [("x", 1, None)]


def test_of_a_merged_file_an_older_snapshot_sees_its_own_rows_only(files: Files) -> None:
    files.add([{"n": 1}, {"n": 2}, {"n": 3}], 2, marks=[2, 3, 7])
    for at, seen in ((2, [1]), (3, [1, 2]), (6, [1, 2]), (7, [1, 2, 3]), (9, [1, 2, 3])):
        assert [n for n, _ in ask(scan_sql(LAYOUT, files.made, at))] == seen
        assert [n for n, *_ in ask(history_sql(LAYOUT, files.made, at))] == seen


def test_a_history_knows_the_commit_of_each_row_in_both_kinds_of_files(files: Files) -> None:
    files.add([{"n": 1}, {"n": 2}], 4)
    files.add([{"n": 3}], 8)
    files.add([{"n": 4}, {"n": 5}], 5, marks=[5, 6])
    found = [(n, snapshot) for n, _, snapshot in ask(history_sql(LAYOUT, files.made, 9))]
    assert found == [(1, 4), (2, 4), (3, 8), (4, 5), (5, 6)]


def test_names_and_texts_are_quoted_whatever_is_in_them() -> None:
    for odd in ("plain", "it's", 'a "b"', "';--", ""):
        assert ask(f"SELECT {text(odd)}") == [(odd,)]
    with duckdb.connect() as connection:
        odd = quoted('a "b"')
        assert connection.sql(f"SELECT 1 AS {odd}").columns == ['a "b"']
