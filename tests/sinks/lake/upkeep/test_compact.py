"""Compaction: few files instead of many, and no snapshot shows another row than before."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.reader import open_readonly
from sinks.lake.upkeep.compact import compact
from sinks.lake.upkeep.expire import Retention
from tests.sinks.lake.reading import rows_of
from tests.sinks.lake.small import at
from tests.sinks.lake.upkeep.growing_lake import SPECS, TABLES, Lake


class Crash(Exception):
    pass


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


def test_the_pipeline_goes_on_while_compaction_works(lake: Lake) -> None:
    def fault(passed: str) -> None:
        if passed in ("before_compact", "after_compact"):
            lake.grow(1)

    lake.compact(fault=fault)
    offsets = sorted(row["offset"] for row in rows_of(lake.folder, "events"))
    assert offsets == list(range(lake.end))
    assert sum(row["clicks"] for row in rows_of(lake.folder, "per_ad_delta")) == lake.end
