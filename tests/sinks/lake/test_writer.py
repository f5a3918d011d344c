"""The writer: what becomes visible when, what a resumed state does, and which commits are refused."""

import pickle
from pathlib import Path
from typing import Any

import pytest

from dataflow.errors import ConservationError, Fenced, Gap, LakeError, RecoveryError
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.reader import open_readonly
from sinks.lake.commit_stats import CommitStats
from sinks.lake.writer import commit
from tests.sinks.lake.reading import rows_of
from tests.sinks.lake.small import event_row, parcel, per_ad_row, small_plan, writer_for

PLAN = small_plan()
POINTS = (
    "before_snapshot",
    "before_file",
    "after_file",
    "after_snapshot",
    "before_commit",
    "in_commit",
    "after_commit",
)


class Crash(Exception):
    pass


class CrashAt:
    """Raises at the n-th passing of a point."""

    def __init__(self, point: str, count: int) -> None:
        self.point = point
        self.left = count

    def __call__(self, point: str) -> None:
        if point == self.point:
            self.left -= 1
            if self.left == 0:
                raise Crash(point)


def events(start: int, end: int, epoch: int, partition: str = "t/0") -> Any:
    rows = [event_row(offset, partition=partition) for offset in range(start, end)]
    deltas = [per_ad_row("x", 0, end - start)] if end > start else []
    return parcel(PLAN, epoch, start, end, partition=partition, tables={"events": rows, "per_ad_delta": deltas})


def counted(lake: Path) -> tuple[int, int]:
    """Rows of events, clicks of the rollup."""
    return (len(rows_of(lake, "events")), sum(row["clicks"] for row in rows_of(lake, "per_ad_delta")))


def ledger(lake: Path, *names: str) -> list[tuple[Any, ...]]:
    """Columns of the ledger's rows, sorted."""
    return sorted(tuple(row[name] for name in names) for row in rows_of(lake, "ledger"))


def parquet_files(lake: Path) -> set[str]:
    return {path.name for path in lake.glob("main/*/*.parquet")}


def listed_files(lake: Path) -> set[str]:
    with open_readonly(lake) as reader:
        at = reader.latest().id
        return {file.path.name for table in reader.tables(at).values() for file in reader.files(table, at)}


def test_an_epoch_becomes_visible_with_the_first_parcel_of_a_later_one(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    writer.write([events(0, 5, 1), events(5, 8, 1)])
    assert counted(tmp_path) == (0, 0)
    writer.snapshot()
    assert counted(tmp_path) == (0, 0)
    writer.write([events(8, 8, 2)])
    assert counted(tmp_path) == (8, 8)


def test_all_tables_of_an_epoch_share_one_snapshot(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    commit(writer, [events(0, 5, 0)], 1)
    with open_readonly(tmp_path) as reader:
        last = reader.latest()
        names = {table.id: name for name, table in reader.tables(last.id).items()}
        touched = {names[int(part.split(":")[1])] for part in last.changes.split(",")}
    assert touched == {"events", "per_ad_delta", "ledger"}


def test_deltas_of_one_epoch_are_merged_to_one_row_per_key_and_window(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    commit(writer, [events(0, 5, 0), events(5, 9, 0)], 1)
    assert [row["clicks"] for row in rows_of(tmp_path, "per_ad_delta")] == [9]


def test_ranges_of_one_epoch_become_one_ledger_row_per_partition(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    commit(writer, [events(0, 5, 0), events(3, 9, 0, "t/1"), events(5, 7, 0)], 1)
    rows = ledger(tmp_path, "partition", "start_offset", "end_offset", "read", "checksum", "epoch")
    assert rows == [("t/0", 0, 7, 7, 5, 1), ("t/1", 3, 9, 6, 3, 1)]


def test_only_the_first_heartbeat_of_a_run_is_written(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    for epoch in range(1, 5):
        commit(writer, [events(0, 0, 0)], epoch)
    assert ledger(tmp_path, "start_offset", "end_offset", "read") == [(0, 0, 0)]
    with open_readonly(tmp_path) as reader:
        assert reader.latest().id == 2


def test_a_finished_partition_is_told_once(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    commit(writer, [events(0, 5, 0)], 1)
    for epoch in (2, 3):
        commit(writer, [parcel(PLAN, 0, 5, 5, finished=True)], epoch)
    assert ledger(tmp_path, "epoch", "finished", "final") == [(1, False, False), (2, True, False)]


def test_only_the_partition_that_is_final_in_an_epoch_is_written_as_such(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    end = [parcel(PLAN, 0, 5, 5, finished=True, final=True), parcel(PLAN, 0, 0, 2, partition="t/1", finished=True)]
    commit(writer, [events(0, 5, 0), *end], 1)
    assert ledger(tmp_path, "partition", "finished", "final") == [("t/0", True, True), ("t/1", True, False)]


def test_a_range_of_holes_only_moves_the_offset(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    commit(writer, [events(0, 2, 0)], 1)
    hole = parcel(PLAN, 0, 2, 9, read=0, accepted=0, rollups={})
    commit(writer, [hole], 2)
    commit(writer, [events(9, 10, 0)], 3)
    assert ledger(tmp_path, "start_offset", "end_offset") == [(0, 2), (2, 9), (9, 10)]


def test_the_state_survives_pickling_and_publishes_on_resume(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    writer.write([events(0, 5, 1)])
    state = pickle.loads(pickle.dumps(writer.snapshot()))
    writer.close()
    assert counted(tmp_path) == (0, 0)
    writer_for(tmp_path, PLAN, state=state).close()
    assert counted(tmp_path) == (5, 5)


def test_after_its_close_a_writer_publishes_what_a_start_would_and_no_epoch_twice(tmp_path: Path) -> None:
    told: list[CommitStats] = []
    writer = writer_for(tmp_path, PLAN, on_commit=told.append)
    writer.write([events(0, 5, 1)])
    writer.snapshot()
    writer.write([events(5, 8, 2)])
    state = pickle.loads(pickle.dumps(writer.snapshot()))
    writer.close()
    waits = [writer.waits]
    assert counted(tmp_path) == (5, 5)
    for _ in range(2):
        writer.publish_last(state)
        waits.append(writer.waits)
        assert counted(tmp_path) == (8, 8)
    assert waits == [True, False, False]
    assert [(stats.epoch, stats.stage_seconds > 0) for stats in told] == [(1, True), (2, True)]
    before = ledger(tmp_path, "start_offset", "end_offset", "epoch")
    writer_for(tmp_path, PLAN, state=state).close()
    assert ledger(tmp_path, "start_offset", "end_offset", "epoch") == before == [(0, 5, 1), (5, 8, 2)]


def test_after_its_close_a_writer_publishes_nothing_that_is_not_durable(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    writer.write([events(0, 5, 1)])
    former = writer.snapshot()
    writer.write([events(5, 8, 2)])
    writer.snapshot()
    writer.close()
    for state in (None, former):
        with pytest.raises(RecoveryError, match=r"does not go on behind epoch 2, .* Start again"):
            writer.publish_last(state)
    assert counted(tmp_path) == (5, 5)


def test_after_its_close_a_writer_is_fenced_by_a_run_that_came_since(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    writer.write([events(0, 5, 1)])
    state = writer.snapshot()
    writer.close()
    other = writer_for(tmp_path, PLAN)
    with pytest.raises((Fenced, Gap)):
        writer.publish_last(state)
    other.close()
    assert counted(tmp_path) == (0, 0)


@pytest.mark.parametrize("point", ["before_commit", "in_commit", "after_commit"])
def test_a_crash_while_the_last_epochs_are_published_leaves_them_to_the_next_start(tmp_path: Path, point: str) -> None:
    writer = writer_for(tmp_path, PLAN, fault=CrashAt(point, 2))
    writer.write([events(0, 5, 1)])
    writer.snapshot()
    writer.write([events(5, 8, 2)])
    state = writer.snapshot()
    writer.close()
    staged = parquet_files(tmp_path)
    with pytest.raises(Crash):
        writer.publish_last(state)
    assert counted(tmp_path) == ((8, 8) if point == "after_commit" else (5, 5))
    writer_for(tmp_path, PLAN, state=state).close()
    assert counted(tmp_path) == (8, 8)
    assert listed_files(tmp_path) == parquet_files(tmp_path) == staged


def test_a_published_epoch_in_the_state_is_skipped(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    writer.write([events(0, 5, 1)])
    state = writer.snapshot()
    writer.write([events(5, 7, 2)])
    for _ in range(3):
        writer_for(tmp_path, PLAN, state=state).close()
    assert counted(tmp_path) == (5, 5)


def test_a_stale_state_whose_epoch_now_holds_other_offsets_stops_with_a_gap(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    writer.write([events(0, 5, 1)])
    stale = writer.snapshot()
    writer.close()
    again = writer_for(tmp_path, PLAN)
    commit(again, [events(0, 3, 0)], 1)
    orphans = {name for name in parquet_files(tmp_path) if name not in listed_files(tmp_path)}
    assert not orphans
    with pytest.raises(Gap, match="recover --from-lake"):
        writer_for(tmp_path, PLAN, state=stale)


def test_an_older_copy_of_the_store_is_refused_before_it_disturbs_the_run_at_work(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    writer.write([events(0, 5, 1)])
    older = writer.snapshot()
    for epoch in (2, 3):
        writer.write([events(epoch + 3, epoch + 4, epoch)])
        writer.snapshot()
    with pytest.raises(Gap, match="ends at epoch 1: it is an older copy"):
        writer_for(tmp_path, PLAN, state=older)
    writer.write([events(7, 7, 4)])
    assert counted(tmp_path) == (7, 7)


def test_files_of_a_published_epoch_may_be_gone_on_resume(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    writer.write([events(0, 5, 1)])
    state = writer.snapshot()
    writer.write([events(5, 5, 2)])
    writer.close()
    # as compaction does after its grace
    for path in tmp_path.glob("main/events/*.parquet"):
        path.unlink()
    writer_for(tmp_path, PLAN, state=state).close()


def test_unpublished_epochs_travel_together(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    writer.write([events(0, 5, 1)])
    writer.snapshot()
    pending = writer.snapshot()["pending"]
    assert [entry["epoch"] for entry in pending] == [1]


def test_a_new_store_does_not_silently_skip_its_first_epochs(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    for epoch, start in ((1, 0), (2, 5)):
        commit(writer, [events(start, start + 5, 0)], epoch)
    fresh = writer_for(tmp_path, PLAN, lineage="store-2")
    with pytest.raises(Gap, match=r"t/0: the lake .* ends at offset 10, this epoch holds \[0, 10\).* count twice"):
        commit(fresh, [events(0, 10, 0)], 1)
    assert counted(tmp_path) == (10, 10)


def test_a_hole_between_lake_and_store_stops_with_a_gap(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    commit(writer, [events(0, 5, 0)], 1)
    with pytest.raises(Gap, match=r"\[5, 7\) would be missing.*tidemill recover --from-lake"):
        commit(writer, [events(7, 9, 0)], 2)


def test_going_on_from_the_lakes_offsets_with_a_new_store_works(tmp_path: Path) -> None:
    commit(writer_for(tmp_path, PLAN), [events(0, 5, 0)], 1)
    commit(writer_for(tmp_path, PLAN, lineage="store-2"), [events(5, 9, 0)], 1)
    assert counted(tmp_path) == (9, 9)


def test_a_gap_inside_an_epoch_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    writer.write([events(0, 5, 1), events(6, 8, 1)])
    with pytest.raises(Gap):
        writer.snapshot()
    assert not parquet_files(tmp_path)


def test_records_that_do_not_add_up_are_refused(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    writer.write([parcel(PLAN, 1, 0, 5, accepted=4)])
    with pytest.raises(ConservationError, match="read 5, but accepted 4"):
        writer.snapshot()


def test_the_older_of_two_runs_is_fenced_out(tmp_path: Path) -> None:
    old = writer_for(tmp_path, PLAN)
    commit(old, [events(0, 5, 0)], 1)
    old.write([events(5, 7, 2)])
    old.snapshot()
    new = writer_for(tmp_path, PLAN)
    with pytest.raises(Fenced, match="another run"):
        old.write([events(7, 7, 3)])
    commit(new, [events(5, 6, 0)], 2)
    assert counted(tmp_path) == (6, 6)


def test_files_of_former_runs_that_nothing_names_are_removed_at_the_next_start(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    commit(writer, [events(0, 5, 0)], 1)
    writer.write([events(5, 7, 2)])
    writer.snapshot()
    assert parquet_files(tmp_path) > listed_files(tmp_path)
    writer_for(tmp_path, PLAN).close()
    assert parquet_files(tmp_path) == listed_files(tmp_path)


def test_an_older_run_never_removes_files_of_a_newer_one(tmp_path: Path) -> None:
    new = writer_for(tmp_path, PLAN)
    new.write([events(0, 5, 1)])
    new.snapshot()
    names = parquet_files(tmp_path)
    with Catalog.open(tmp_path).transaction() as connection:
        connection.execute("UPDATE own_pipeline SET incarnation = incarnation - 1")
    writer_for(tmp_path, PLAN).close()
    assert parquet_files(tmp_path) == names


def test_a_staged_file_that_is_gone_stops_the_resume(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    writer.write([events(0, 5, 1)])
    state = writer.snapshot()
    next(tmp_path.glob("main/events/*.parquet")).unlink()
    with pytest.raises(Gap, match="missing or cut short"):
        writer_for(tmp_path, PLAN, state=state)


def test_without_snapshots_between_epochs_the_sink_refuses_to_go_on(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    writer.write([events(0, 5, 1)])
    with pytest.raises(LakeError, match="snapshot"):
        writer.write([events(5, 6, 2)])


def test_close_publishes_nothing(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    writer.write([events(0, 5, 1)])
    writer.snapshot()
    writer.close()
    assert counted(tmp_path) == (0, 0)


def test_each_commit_is_reported(tmp_path: Path) -> None:
    seen: list[CommitStats] = []
    writer = writer_for(tmp_path, PLAN, on_commit=seen.append)
    commit(writer, [events(0, 5, 0)], 7)
    assert [(stats.epoch, stats.files, stats.rows["events"]) for stats in seen] == [(7, 3, 5)]
    assert seen[0].file_bytes > 0
    assert seen[0].seconds > 0


def test_publish_keys_are_kept_for_a_bounded_number_of_epochs(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    commit(writer, [events(0, 1, 0)], 1)
    commit(writer, [events(1, 2, 0)], 5_000)
    with open_readonly(tmp_path) as reader:
        assert reader.connection.execute("SELECT epoch FROM own_publish").fetchall() == [(5_000,)]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("count", [1, 3, 5])
def test_a_crash_at_any_point_neither_loses_nor_doubles_a_record(tmp_path: Path, point: str, count: int) -> None:
    """The state that Bytewax would have stored is the last one whose snapshot() returned and whose epoch ended."""
    durable: dict[str, Any] | None = None
    offset = resume_at = 0
    epoch = resume_epoch = 1
    fault = CrashAt(point, count)
    writer = writer_for(tmp_path, PLAN, fault=fault)
    crashes = 0
    while offset < 28:
        try:
            writer.write([events(offset, offset + 4, epoch)])
            offset += 4
            state = writer.snapshot()
            durable, resume_at, resume_epoch = state, offset, epoch + 1
            epoch += 1
            assert counted(tmp_path)[0] <= offset
        except Crash:
            crashes += 1
            writer.close()
            offset, epoch = resume_at, resume_epoch
            writer = writer_for(tmp_path, PLAN, state=durable)
    writer.write([events(offset, offset, epoch)])
    assert crashes == 1
    assert counted(tmp_path) == (28, 28)
    rows = [row for row in ledger(tmp_path, "start_offset", "end_offset") if row[1] > row[0]]
    assert [row[0] for row in rows] == [0, *(row[1] for row in rows[:-1])]
    writer_for(tmp_path, PLAN).close()
    assert parquet_files(tmp_path) == listed_files(tmp_path)
