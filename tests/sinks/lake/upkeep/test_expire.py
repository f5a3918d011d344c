"""Retention: which snapshots go, which stay, and which files nothing needs any more."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.reader import open_readonly
from sinks.lake.upkeep.compact import compact
from sinks.lake.upkeep.expire import Retention
from tests.sinks.lake.small import event_row, parcel
from tests.sinks.lake.upkeep.growing_lake import PLAN, SPECS, Lake


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake", 9)


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
