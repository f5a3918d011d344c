import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dataflow.pipeline.tables import tables_of
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.reader import open_readonly
from sinks.lake.upkeep.compact import CompactionReport, compact
from sinks.lake.upkeep.expire import Retention
from sinks.lake.writer import LakeWriter, commit
from tests.sinks.lake.reading import rows_of
from tests.sinks.lake.small import Clock, at, event_row, parcel, per_ad_row, small_plan, writer_for

PLAN = small_plan()
SPECS = tables_of(PLAN, events=True)
NOW = Retention(grace=timedelta(0))
TABLES = ("events", "per_ad_delta", "visits_delta", "ledger")


class Crash(Exception):
    pass


class Lake:
    """A lake of one row per table and epoch, and what each snapshot held when it was new."""

    def __init__(self, folder: Path, epochs: int) -> None:
        self.folder = folder
        self.clock = Clock()
        self.writer: LakeWriter = writer_for(folder, PLAN, clock=self.clock)
        self.end = 0
        self.grow(epochs)

    def grow(self, epochs: int) -> None:
        for _ in range(epochs):
            number = self.end
            session = {"window_start": at(number * 4000), "window_end": at(number * 4000 + 10_000)}
            visit = {"ad": "a", **session, "clicks": 1, "half_buckets": [], "half_counts": []}
            tables = {
                "events": [event_row(number)],
                "per_ad_delta": [per_ad_row("a", number // 8, 1, users=[number])],
                "visits_delta": [{**visit, "row_count": 1, "late_count": 0}],
            }
            self.end += 1
            commit(self.writer, [parcel(PLAN, 0, number, number + 1, tables=tables)], self.end)

    def content(self) -> dict[int, dict[str, list[dict[str, Any]]]]:
        """Rows per table at every snapshot."""
        with open_readonly(self.folder) as reader:
            numbers = [snapshot.id for snapshot in reader.snapshots() if snapshot.id >= 1]
        return {number: {name: rows_of(self.folder, name, number) for name in TABLES} for number in numbers}

    def compact(self, retention: Retention = NOW, **options: Any) -> CompactionReport:
        catalog = Catalog.open(self.folder)
        try:
            return compact(catalog, SPECS, clock=self.clock, retention=retention, **options)
        finally:
            catalog.close()

    def files(self, table: str) -> set[str]:
        return {path.name for path in self.folder.glob(f"main/{table}/*.parquet")}

    def listed(self, table: str) -> set[str]:
        with open_readonly(self.folder) as reader:
            number = reader.latest().id
            return {file.path.name for file in reader.files(reader.tables(number)[table], number)}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake", 9)


def test_every_snapshot_holds_the_same_rows_after_compaction(lake: Lake) -> None:
    before = lake.content()
    report = lake.compact()
    after = lake.content()
    assert report.merged_files == 4 * 9
    assert {number: after[number] for number in before} == before
    assert report.files["events"] == 1


def test_compaction_goes_on_over_compacted_files(lake: Lake) -> None:
    lake.compact()
    lake.grow(8)
    before = lake.content()
    lake.compact()
    after = lake.content()
    assert {number: after[number] for number in before} == before
    assert len(lake.listed("events")) == 1


def test_replaced_files_stay_for_the_grace_and_go_after_it(lake: Lake) -> None:
    old = lake.files("events")
    lake.compact(Retention(grace=timedelta(hours=1)))
    assert old < lake.files("events")
    lake.clock.now += timedelta(hours=1)
    assert lake.compact(Retention(grace=timedelta(hours=1))).expiry.files_deleted == 4 * 9
    assert lake.files("events") == lake.listed("events")


def test_deltas_older_than_all_snapshots_are_summed(lake: Lake) -> None:
    newest = {name: rows_of(lake.folder, name) for name in TABLES}
    lake.clock.now += timedelta(days=30)
    lake.grow(1)
    report = lake.compact()
    rows = rows_of(lake.folder, "per_ad_delta")
    assert report.summed_rows > 0
    assert [(row["clicks"], row["users_kmv"]) for row in rows[:2]] == [(8, list(range(8))), (1, [8])]
    # the oldest snapshot left is that of the ninth row, so eight are summed
    ends = [row["window_end"] for row in rows_of(lake.folder, "visits_delta")]
    assert ends == [at(7 * 4000 + 10_000), at(8 * 4000 + 10_000), at(9 * 4000 + 10_000)]
    assert rows_of(lake.folder, "ledger")[:9] == newest["ledger"]
    assert rows_of(lake.folder, "events")[:9] == newest["events"]


def test_summing_again_over_holes_in_the_row_ids_stays_exact(lake: Lake) -> None:
    for _ in range(3):
        lake.clock.now += timedelta(days=30)
        lake.grow(9)
        lake.compact()
    rows = rows_of(lake.folder, "per_ad_delta")
    assert sum(row["clicks"] for row in rows) == 36
    with open_readonly(lake.folder) as reader:
        number = reader.latest().id
        files = reader.files(reader.tables(number)["per_ad_delta"], number)
    ends = [file.row_id_start + file.record_count for file in files]
    assert all(end <= following.row_id_start for end, following in zip(ends, files[1:], strict=False))


@pytest.mark.parametrize(
    "point",
    [
        *("before_file", "in_file", "after_file", "before_compact", "in_compact", "after_compact"),
        *("before_unlink", "after_unlink"),
    ],
)
def test_a_crash_in_compaction_changes_nothing_that_a_reader_sees(lake: Lake, point: str) -> None:
    before = lake.content()
    if "unlink" in point:
        lake.compact(Retention())

    def fault(passed: str) -> None:
        if passed == point:
            raise Crash

    retention = Retention(grace=timedelta(0), orphan_age=timedelta(0))
    with pytest.raises(Crash):
        lake.compact(retention, fault=fault)
    after = lake.content()
    assert {number: after[number] for number in before} == before
    lake.grow(1)
    lake.clock.now += timedelta(days=1_000)
    for path in lake.folder.glob("main/*/*.parquet"):
        os.utime(path, (0, 0))
    lake.compact(Retention(keep=timedelta(days=9_999), grace=timedelta(0)))
    lake.compact(Retention(keep=timedelta(days=9_999), grace=timedelta(0)))
    for table in TABLES:
        assert lake.files(table) == lake.listed(table)


def test_a_run_that_changes_meanwhile_is_left_alone(lake: Lake) -> None:
    rival = Catalog.open(lake.folder)
    done: list[str] = []

    def fault(passed: str) -> None:
        if passed == "before_compact" and not done:
            done.append(passed)
            compact(rival, SPECS, clock=lake.clock)

    before = lake.content()
    report = lake.compact(fault=fault)
    after = lake.content()
    assert any("another writer" in text for text in report.skipped)
    assert {number: after[number] for number in before} == before
    lake.compact()
    assert lake.files("events") == lake.listed("events")


def test_a_damaged_file_is_never_merged_away(lake: Lake) -> None:
    victim = next(path for path in sorted(lake.folder.glob("main/events/*.parquet")))
    content = bytearray(victim.read_bytes())
    content[10] ^= 1
    victim.write_bytes(content)
    report = lake.compact()
    assert any(victim.name in text and "audit" in text for text in report.skipped)
    assert victim.name in lake.listed("events")
    assert len(lake.listed("ledger")) == 1


def test_staged_files_of_the_current_run_are_no_orphans_however_old(lake: Lake) -> None:
    lake.writer.write([parcel(PLAN, 99, 9, 10, tables={"events": [event_row(9)]})])
    lake.writer.snapshot()
    staged = lake.files("events") - lake.listed("events")
    (stray,) = [lake.folder / "main" / "events" / "compact-0123456789ab.parquet"]
    stray.write_bytes(b"")
    for path in lake.folder.glob("main/*/*.parquet"):
        os.utime(path, (0, 0))
    report = lake.compact()
    assert report.expiry.orphans_deleted == 1
    assert staged <= lake.files("events")
    assert not stray.exists()


def test_young_strays_stay(lake: Lake) -> None:
    stray = lake.folder / "main" / "events" / "compact-0123456789ab.parquet"
    stray.write_bytes(b"")
    lake.clock.now += timedelta(hours=23)
    os.utime(stray, (lake.clock.now.timestamp(), lake.clock.now.timestamp()))
    assert lake.compact().expiry.orphans_deleted == 0


def test_old_snapshots_are_thinned_out_and_the_kept_ones_are_exact(lake: Lake) -> None:
    before = lake.content()
    lake.clock.now += timedelta(hours=2)
    report = lake.compact(Retention(thin_every=timedelta(seconds=5)))
    after = lake.content()
    kept = [number for number in before if number in after]
    assert report.expiry.snapshots == len(before) + 1 - len(kept)
    assert 3 <= len(kept) < len(before)
    assert {number: after[number] for number in kept} == {number: before[number] for number in kept}


def test_expiry_keeps_what_was_current_at_the_horizon(lake: Lake) -> None:
    with open_readonly(lake.folder) as reader:
        every = reader.snapshots()
    horizon = every[5].time + timedelta(milliseconds=1)
    lake.clock.now = horizon + timedelta(days=7) - timedelta(seconds=1)
    lake.compact(Retention(keep=timedelta(days=7), thin_every=timedelta(0)))
    with open_readonly(lake.folder) as reader:
        assert reader.snapshots()[0].id == every[5].id
        assert reader.resolve(horizon).id == every[5].id


def test_the_newest_snapshot_never_expires(lake: Lake) -> None:
    with open_readonly(lake.folder) as reader:
        newest = reader.latest().id
    lake.clock.now += timedelta(days=9_999)
    catalog = Catalog.open(lake.folder)
    report = compact(catalog, SPECS, clock=lake.clock)
    catalog.close()
    with open_readonly(lake.folder) as reader:
        assert reader.snapshots()[0].id == newest
    assert report.expiry.snapshots == newest


def test_the_pipeline_goes_on_while_compaction_works(lake: Lake) -> None:
    def fault(passed: str) -> None:
        if passed in ("before_compact", "after_compact"):
            lake.grow(1)

    lake.compact(fault=fault)
    offsets = sorted(row["offset"] for row in rows_of(lake.folder, "events"))
    assert offsets == list(range(lake.end))
    assert sum(row["clicks"] for row in rows_of(lake.folder, "per_ad_delta")) == lake.end
