"""The reading side of the catalog: snapshots by id and time, files with their bounds, what is no catalog."""

import contextlib
import os
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from dataflow.errors import ForeignLake, LakeError, LakeMissing
from sinks.lake.catalog.reader import live_files, next_offsets, open_readonly, written
from sinks.lake.writer import commit
from tests.sinks.lake.small import NOON, event_row, parcel, small_plan, writer_for

PLAN = small_plan()


def test_snapshots_are_found_by_number_and_by_time(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    for epoch in (1, 2, 3):
        commit(writer, [parcel(PLAN, 0, epoch, epoch + 1)], epoch)
    with open_readonly(tmp_path) as reader:
        every = reader.snapshots()
        assert [snapshot.id for snapshot in reader.snapshots(last=2)] == [3, 4]
        assert reader.resolve(3).id == 3
        assert reader.resolve(every[3].time).id == 3
        assert reader.resolve(every[3].time + timedelta(microseconds=1)).id == 3
        assert reader.resolve(None).id == 4
        with pytest.raises(LakeError, match=r"no snapshot 99; it holds 0 .* to 4"):
            reader.resolve(99)
        with pytest.raises(LakeError, match="no snapshot"):
            reader.resolve(NOON - timedelta(days=1))


def test_files_come_with_the_bounds_asked_for(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    rows = [event_row(offset) for offset in range(4)]
    commit(writer, [parcel(PLAN, 0, 0, 4, tables={"events": rows})], 1)
    with open_readonly(tmp_path) as reader:
        at = reader.latest().id
        (file,) = reader.files(reader.tables(at)["events"], at, bounds_of=["offset", "ad", "nothing"])
        assert (file.record_count, file.row_id_start, file.begin_snapshot, file.partial_max) == (4, 0, at, None)
        assert set(file.bounds) == {"offset", "ad"}
        assert (file.bounds["offset"].low, file.bounds["offset"].high) == (0, 3)
        assert (file.bounds["ad"].low, file.bounds["ad"].high, file.bounds["ad"].null_count) == ("ad 0", "ad 2", 1)
        assert file.path.is_file()
        assert file.file_size_bytes == file.path.stat().st_size


def lake(folder: Path, epochs: int = 1) -> None:
    writer = writer_for(folder, PLAN)
    for epoch in range(1, epochs + 1):
        commit(writer, [parcel(PLAN, 0, epoch - 1, epoch, tables={"events": [event_row(epoch - 1)]})], epoch)
    writer.close()


def test_the_catalog_file_itself_may_be_named(tmp_path: Path) -> None:
    lake(tmp_path)
    with open_readonly(tmp_path / "catalog.sqlite") as reader:
        assert reader.folder == tmp_path


def test_no_lake_a_foreign_file_and_one_being_made_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(LakeMissing, match="there is no lake at"):
        open_readonly(tmp_path / "none")
    foreign = tmp_path / "catalog.sqlite"
    with contextlib.closing(sqlite3.connect(foreign)) as other, other:
        other.execute("CREATE TABLE songs (name)")
    with pytest.raises(ForeignLake, match="no DuckLake catalog"):
        open_readonly(tmp_path)
    foreign.unlink()
    sqlite3.connect(foreign).close()
    foreign.touch()
    with pytest.raises(LakeMissing, match="only being made"):
        open_readonly(tmp_path)


def test_between_begin_and_end_one_state_is_seen(tmp_path: Path) -> None:
    lake(tmp_path)
    with open_readonly(tmp_path) as reader:
        reader.begin()
        before = reader.latest().id
        writer = writer_for(tmp_path, PLAN, lineage="store-2")
        commit(writer, [parcel(PLAN, 0, 1, 2)], 1)
        writer.close()
        assert reader.latest().id == before
        reader.end()
        reader.end()
        assert reader.latest().id > before


def test_an_id_that_was_thinned_out_is_told_with_its_kept_neighbours(tmp_path: Path) -> None:
    lake(tmp_path, 4)
    with contextlib.closing(sqlite3.connect(tmp_path / "catalog.sqlite")) as connection, connection:
        connection.execute("DELETE FROM ducklake_snapshot WHERE snapshot_id IN (0, 3)")
    with open_readonly(tmp_path) as reader:
        with pytest.raises(
            LakeError,
            match=r"no snapshot 3 any more: it was thinned out.* or ended by an erasure.* 2 \(.* before it and 4 \(",
        ):
            reader.resolve(3)
        with pytest.raises(LakeError, match=r"no snapshot 0 any more: it expired, and the oldest that is kept is 1 "):
            reader.resolve(0)


def test_the_offsets_and_files_of_the_newest_state_are_told_without_a_handle(tmp_path: Path) -> None:
    lake(tmp_path, 2)
    assert next_offsets(tmp_path) == {"t/0": 2}
    files = live_files(tmp_path)
    assert (files["events"], files["ledger"], files["late_events"]) == (2, 2, 0)


def test_what_was_written_shows_in_the_stamp_of_the_catalog_as_soon_as_a_stamp_can_tell(tmp_path: Path) -> None:
    lake(tmp_path, 1)
    assert written(tmp_path) is None, "another change of this moment would have the same"

    def stamp(age_s: float) -> tuple[int, ...] | None:
        for path in tmp_path.glob("catalog.sqlite*"):
            then = path.stat().st_mtime_ns - int(age_s * 1e9)
            os.utime(path, ns=(then, then))
        return written(tmp_path)

    before = stamp(10)
    assert before is not None
    assert written(tmp_path) == before
    with contextlib.closing(sqlite3.connect(tmp_path / "catalog.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE more (x)")
    assert stamp(5) != before


def test_no_table_is_said_to_hold_what_others_changed_where_none_did(tmp_path: Path) -> None:
    lake(tmp_path)
    with open_readonly(tmp_path) as reader:
        at = reader.latest().id
        assert reader.foreign_changes(at) == []
        events = reader.tables(at)["events"].id
    with contextlib.closing(sqlite3.connect(tmp_path / "catalog.sqlite")) as connection, connection:
        connection.execute(
            "INSERT INTO ducklake_delete_file (delete_file_id, table_id, begin_snapshot, data_file_id, path)"
            " VALUES (77, ?, 1, 0, 'x')",
            (events,),
        )
    with open_readonly(tmp_path) as reader:
        assert reader.foreign_changes(at) == ["events"]
