"""A catalog made and opened: where there is a place for a lake, and that its times never go back."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from dataflow.errors import ForeignLake, LakeMissing, LakeUnwritable
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.reader import open_readonly
from sinks.lake.tables.prepare import open_lake
from sinks.lake.writer import commit
from tests.sinks.lake.small import NOON, Clock, parcel, small_plan, writer_for

PLAN = small_plan()


def test_a_folder_with_other_files_is_no_place_for_a_lake(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ForeignLake, match=r"thesis\.txt"):
        open_lake(tmp_path, PLAN, NOON)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_another_database_is_no_lake(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "catalog.sqlite") as other:
        other.execute("CREATE TABLE songs(name)")
    other.close()
    with pytest.raises(ForeignLake, match="another database"):
        open_lake(tmp_path, PLAN, NOON)


def test_a_file_that_is_no_database_is_no_lake(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"hello world, this is text" * 100)
    with pytest.raises(ForeignLake):
        open_lake(tmp_path, PLAN, NOON)


def test_a_missing_lake_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(LakeMissing, match="there is no lake at"):
        open_readonly(tmp_path)
    with pytest.raises(LakeMissing):
        Catalog.open(tmp_path)


def test_a_lake_below_a_file_is_unwritable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(LakeUnwritable, match="choose a writable folder"):
        open_lake(tmp_path / "file" / "lake", PLAN, NOON)


def test_snapshot_times_never_go_back_when_the_clock_does(tmp_path: Path) -> None:
    clock = Clock()
    writer = writer_for(tmp_path, PLAN, clock=clock)
    commit(writer, [parcel(PLAN, 0, 0, 1)], 1)
    clock.now -= timedelta(hours=1)
    commit(writer, [parcel(PLAN, 0, 1, 2)], 2)
    with open_readonly(tmp_path) as reader:
        times = [snapshot.time for snapshot in reader.snapshots()]
    assert times == sorted(times)


def test_a_scrubbed_catalog_holds_no_byte_of_what_was_deleted_beside_a_writer(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    catalog = Catalog.open(tmp_path)
    catalog.connection.execute("PRAGMA secure_delete=OFF")
    for sql in ("CREATE TABLE notes(a TEXT)", "INSERT INTO notes VALUES ('the-secret')", "DELETE FROM notes"):
        catalog.connection.execute(sql)
    held = [path for path in tmp_path.iterdir() if path.is_file() and b"the-secret" in path.read_bytes()]
    assert held
    catalog.scrub(lambda: None)
    assert [path for path in tmp_path.iterdir() if path.is_file() and b"the-secret" in path.read_bytes()] == []
    commit(writer, [parcel(PLAN, 1, 0, 2)], 1)
    writer.close()
    catalog.close()


def test_a_reader_of_an_old_state_is_waited_for_and_then_named(tmp_path: Path) -> None:
    writer_for(tmp_path, PLAN).close()
    catalog = Catalog.open(tmp_path, busy_ms=1)
    waited: list[int] = []
    with open_readonly(tmp_path) as reader:
        reader.begin()
        reader.latest()
        with pytest.raises(LakeUnwritable, match="still in its write-ahead log"):
            catalog.scrub(lambda: waited.append(1))
        reader.end()
    assert waited
    catalog.scrub(lambda: None)
    catalog.close()
