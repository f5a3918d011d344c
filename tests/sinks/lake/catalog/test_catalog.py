import dataclasses
import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel

from dataflow import EventTime, Rollup
from dataflow import aggregates as agg
from dataflow.errors import ForeignLake, LakeError, LakeMissing, LakeUnwritable
from dataflow.windows import tumble
from sinks.lake.catalog.catalog import Catalog, data_path
from sinks.lake.catalog.reader import open_readonly
from sinks.lake.tables.prepare import create_lake, open_lake
from sinks.lake.writer import commit
from tests.sinks.lake.reading import lake_connection, rows_of
from tests.sinks.lake.small import NOON, PER_AD, TOTAL, VISITS, Click, Clock, event_row, parcel, small_plan, writer_for

PLAN = small_plan()


def test_a_new_lake_holds_all_tables_and_views(tmp_path: Path) -> None:
    create_lake(tmp_path / "a" / "lake", PLAN, NOON).close()
    with open_readonly(tmp_path / "a" / "lake") as reader:
        at = reader.latest().id
        assert {"events", "ledger", "late_events", "dead_letters", "per_ad_delta"} <= set(reader.tables(at))
        assert set(reader.views(at)) == {"per_ad", "visits", "total"}
        kmv = reader.tables(at)["per_ad_delta"].column("users_kmv")
        assert kmv is not None
        assert (kmv.duckdb, kmv.element_id) == ("BIGINT[]", kmv.id + 1)


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    create_lake(tmp_path, PLAN, NOON).close()
    open_lake(tmp_path, PLAN, NOON).close()
    with open_readonly(tmp_path) as reader:
        assert reader.latest().id == 1


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


def test_a_lake_of_another_pipeline_is_refused(tmp_path: Path) -> None:
    create_lake(tmp_path, PLAN, NOON).close()
    with pytest.raises(ForeignLake, match="'small', not of 'big'"):
        open_lake(tmp_path, dataclasses.replace(PLAN, name="big"), NOON)


def test_a_missing_lake_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(LakeMissing, match="there is no lake at"):
        open_readonly(tmp_path)
    with pytest.raises(LakeMissing):
        Catalog.open(tmp_path)


def test_a_crash_between_catalog_and_tables_is_mended(tmp_path: Path) -> None:
    Catalog.create(tmp_path, NOON).close()
    commit(writer_for(tmp_path, PLAN), [parcel(PLAN, 0, 0, 3)], 1)
    assert len(rows_of(tmp_path, "ledger")) == 1


def test_a_crash_in_the_first_transaction_is_mended(tmp_path: Path) -> None:
    blank = sqlite3.connect(tmp_path / "catalog.sqlite")
    blank.execute("PRAGMA journal_mode=WAL")
    blank.close()
    assert (tmp_path / "catalog.sqlite").stat().st_size > 0
    open_lake(tmp_path, PLAN, NOON).close()
    open_lake(tmp_path, PLAN, NOON).close()


def test_a_moved_lake_is_corrected_on_open(tmp_path: Path) -> None:
    create_lake(tmp_path / "old", PLAN, NOON).close()
    shutil.move(tmp_path / "old", tmp_path / "new")
    open_lake(tmp_path / "new", PLAN, NOON).close()
    with open_readonly(tmp_path / "new") as reader:
        row = reader.connection.execute("SELECT value FROM ducklake_metadata WHERE \"key\" = 'data_path'").fetchone()
    assert row == (data_path(tmp_path / "new"),)


def test_a_new_rollup_brings_tables_a_view_and_ledger_columns(tmp_path: Path) -> None:
    before = small_plan(rollups=[PER_AD])
    writer = writer_for(tmp_path, before)
    commit(writer, [parcel(before, 0, 0, 3)], 1)
    after = small_plan(rollups=[PER_AD, TOTAL])
    writer = writer_for(tmp_path, after)
    commit(writer, [parcel(after, 0, 3, 5)], 1_001)
    with lake_connection(tmp_path) as connection:
        rows = connection.execute("SELECT start_offset, total_counted FROM ledger ORDER BY 1").fetchall()
        assert connection.execute("SELECT * FROM total").fetchall() == []
    assert rows == [(0, None), (3, 2)]


def test_a_removed_rollup_keeps_its_tables(tmp_path: Path) -> None:
    commit(writer_for(tmp_path, PLAN), [parcel(PLAN, 0, 0, 3)], 1)
    rest = small_plan(rollups=[PER_AD])
    commit(writer_for(tmp_path, rest), [parcel(rest, 0, 3, 5)], 2)
    commit(writer_for(tmp_path, PLAN), [parcel(PLAN, 0, 5, 6)], 3)
    assert [row.get("total_counted") for row in rows_of(tmp_path, "ledger")] == [3, None, 1]


class Richer(Click):
    country: str | None = None


class Poorer(BaseModel):
    ad: int | None = None
    time: EventTime


def test_a_new_event_column_is_added_as_null(tmp_path: Path) -> None:
    commit(writer_for(tmp_path, PLAN), [parcel(PLAN, 0, 0, 1, tables={"events": [event_row(0)]})], 1)
    richer = small_plan(event=Richer)
    row = {**event_row(1), "country": "NZ"}
    commit(writer_for(tmp_path, richer), [parcel(richer, 0, 1, 2, tables={"events": [row]})], 2)
    with lake_connection(tmp_path) as connection:
        assert connection.execute('SELECT "offset", country FROM events ORDER BY 1').fetchall() == [
            (0, None),
            (1, "NZ"),
        ]


def changed(rollup: Rollup, **changes: object) -> Rollup:
    return dataclasses.replace(rollup, **changes)  # type: ignore[arg-type]  # any of its fields


@pytest.mark.parametrize(
    ("rollup", "settings", "named"),
    [
        (changed(TOTAL, window=tumble("2h")), {}, "rollup total: window was tumble 1h and is tumble 2h"),
        (changed(TOTAL, keys=["user"]), {}, "rollup total: keys was"),
        (changed(TOTAL, where="user > 1"), {}, "rollup total: where was all and is "),
        (changed(TOTAL, aggregates={"clicks": agg.count("user")}), {}, "rollup total: aggregate clicks was "),
        (changed(TOTAL, allowed_lateness="7s"), {}, "rollup total: allowed_lateness was 0s and is 7s"),
        (TOTAL, {"out_of_orderness": "6s"}, "out_of_orderness was '5s' and is '6s'"),
    ],
)
def test_a_changed_definition_is_refused_by_name(
    tmp_path: Path, rollup: Rollup, settings: dict[str, object], named: str
) -> None:
    create_lake(tmp_path, PLAN, NOON).close()
    with pytest.raises(LakeError, match="another definition") as caught:
        open_lake(tmp_path, small_plan(rollups=[PER_AD, VISITS, rollup], **settings), NOON)
    assert named in str(caught.value)
    assert "new lake" in str(caught.value)


def test_a_changed_idle_timeout_only_changes_the_views(tmp_path: Path) -> None:
    create_lake(tmp_path, PLAN, NOON).close()
    open_lake(tmp_path, small_plan(idle_timeout="77s"), NOON).close()
    with open_readonly(tmp_path) as reader:
        assert "77000000" in reader.views(reader.latest().id)["total"].sql
        assert "30000000" in reader.views(reader.latest().id - 1)["total"].sql


def test_a_column_that_changes_its_type_is_refused(tmp_path: Path) -> None:
    rollup = Rollup("hourly", keys=[], window=tumble("1h"), aggregates={"clicks": agg.count()})
    create_lake(tmp_path, small_plan(rollups=[rollup]), NOON).close()
    with pytest.raises(LakeError, match="column ad was string and is int64"):
        open_lake(tmp_path, small_plan(rollups=[rollup], event=Poorer), NOON)


def test_a_locked_catalog_is_waited_for_and_then_named(tmp_path: Path) -> None:
    create_lake(tmp_path, PLAN, NOON).close()
    blocker = sqlite3.connect(tmp_path / "catalog.sqlite", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    catalog = Catalog.open(tmp_path, busy_ms=50)
    with pytest.raises(LakeUnwritable, match=r"locked by another process for 0\.05 s"), catalog.transaction():
        pass
    blocker.execute("ROLLBACK")
    with catalog.transaction():
        pass
    blocker.close()


def test_a_lake_below_a_file_is_unwritable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(LakeUnwritable, match="choose a writable folder"):
        open_lake(tmp_path / "file" / "lake", PLAN, NOON)


def test_a_full_disk_under_the_catalog_rolls_back_and_is_named(tmp_path: Path) -> None:
    catalog = create_lake(tmp_path, PLAN, NOON)
    pages = catalog.one("PRAGMA page_count")[0]
    catalog.connection.execute(f"PRAGMA max_page_count={pages + 1}")
    rows = [(number, "x" * 100) for number in range(10_000)]
    with pytest.raises(LakeUnwritable, match="disk is full"), catalog.transaction() as connection:
        connection.executemany("INSERT INTO own_file VALUES (?, ?)", rows)
    assert catalog.one("SELECT count(*) FROM own_file") == (0,)


def test_snapshot_times_never_go_back_when_the_clock_does(tmp_path: Path) -> None:
    clock = Clock()
    writer = writer_for(tmp_path, PLAN, clock=clock)
    commit(writer, [parcel(PLAN, 0, 0, 1)], 1)
    clock.now -= timedelta(hours=1)
    commit(writer, [parcel(PLAN, 0, 1, 2)], 2)
    with open_readonly(tmp_path) as reader:
        times = [snapshot.time for snapshot in reader.snapshots()]
    assert times == sorted(times)


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
