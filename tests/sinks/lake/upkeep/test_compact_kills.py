"""kill -9 at every point of a compaction, again and again on one lake that goes on growing."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.reader import open_readonly
from sinks.lake.upkeep.compact import compact
from sinks.lake.upkeep.expire import Retention
from sinks.lake.writer import LakeWriter, commit
from tests.ducklake_client import ducklake_query
from tests.sinks.lake.reading import rows_of
from tests.sinks.lake.small import Clock, event_row, parcel, per_ad_row, small_plan, writer_for

ROOT = Path(__file__).resolve().parents[4]
PLAN = small_plan()
TABLES = ("events", "per_ad_delta", "ledger")
KEPT = Retention(keep=timedelta(days=9_999), thin_every=timedelta(0), grace=timedelta(0), orphan_age=timedelta(0))
KILLS = [
    *("before_file", "in_file:2", "after_file:3"),
    *("before_compact:2", "in_compact", "after_compact:2"),
    *("before_unlink:9", "after_unlink:7"),
]

Content = dict[int, dict[str, list[dict[str, Any]]]]


class Growing:
    """A lake that grows by eight epochs at a time, enough for a merge of each table."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.writer: LakeWriter = writer_for(folder, PLAN, clock=self.clock)
        self.end = 0

    def grow(self) -> None:
        for _ in range(8):
            at = self.end
            rows = {"events": [event_row(at)], "per_ad_delta": [per_ad_row("a", at // 8, 1, users=[at])]}
            self.end += 1
            commit(self.writer, [parcel(PLAN, 0, at, at + 1, tables=rows)], self.end)

    def snapshots(self) -> list[int]:
        with open_readonly(self.folder) as reader:
            return [snapshot.id for snapshot in reader.snapshots() if snapshot.id >= 1]

    def content(self, numbers: list[int]) -> Content:
        """Rows per table at each of these snapshots; fails when a listed file is missing."""
        return {number: {name: rows_of(self.folder, name, number) for name in TABLES} for number in numbers}

    def restart(self) -> None:
        """A new run of the pipeline, as after a crash of the machine."""
        self.writer.close()
        self.writer = writer_for(self.folder, PLAN, clock=self.clock)


def killed(lake: Growing, fault: str) -> int:
    """Compacts in a process that dies at `fault`; its exit code."""
    child = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.sinks.lake.upkeep.compact_child",
            str(lake.folder),
            fault,
            str(lake.clock().timestamp()),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert child.returncode in (0, -signal.SIGKILL), child.stderr
    return child.returncode


def sample(numbers: list[int]) -> list[int]:
    """The newest three snapshots, and a few of those before."""
    return [*numbers[:-3:16], *numbers[-3:]]


def unlisted(lake: Growing) -> Iterator[str]:
    catalog = Catalog.open(lake.folder)
    for table in catalog.tables().values():
        listed = {
            path
            for (path,) in catalog.connection.execute(
                "SELECT path FROM ducklake_data_file WHERE table_id = ?", (table.id,)
            )
        }
        folder = lake.folder / "main" / table.path
        yield from sorted({path.name for path in folder.glob("*")} - listed)
    catalog.close()


def waiting(lake: Growing) -> set[str]:
    """Replaced files whose grace is not over."""
    catalog = Catalog.open(lake.folder)
    rows = catalog.connection.execute("SELECT path FROM ducklake_files_scheduled_for_deletion").fetchall()
    catalog.close()
    return {path.rpartition("/")[2] for (path,) in rows}


def require_digests(lake: Growing) -> None:
    """Every listed file has its digest in the catalog, and it is that of the bytes on disk."""
    catalog = Catalog.open(lake.folder)
    rows = catalog.connection.execute(
        "SELECT t.path || f.path, o.digest FROM ducklake_data_file f JOIN ducklake_table t USING (table_id)"
        " LEFT JOIN own_file o USING (data_file_id)"
    ).fetchall()
    strays = catalog.one(
        "SELECT count(*) FROM own_file WHERE data_file_id NOT IN (SELECT data_file_id FROM ducklake_data_file)"
    )[0]
    catalog.close()
    assert rows
    assert strays == 0
    for path, digest in rows:
        assert hashlib.sha256((lake.folder / "main" / path).read_bytes()).hexdigest() == digest


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Growing:
    """The lake after all kills; each of them is checked on the way."""
    lake = Growing(tmp_path_factory.mktemp("kills") / "lake")
    died = 0
    for fault in KILLS:
        lake.grow()
        if "unlink" in fault:
            # something has to be waiting for its deletion
            killed(lake, "")
            lake.grow()
        numbers = sample(lake.snapshots())
        before = lake.content(numbers)
        died += killed(lake, fault) != 0
        assert lake.content(numbers) == before, fault
        require_digests(lake)
        if died % 4 == 0:
            lake.restart()
    assert died == len(KILLS)
    return lake


def test_nothing_is_lost_or_doubled_by_any_number_of_kills(lake: Growing) -> None:
    assert [row["offset"] for row in rows_of(lake.folder, "events")] == list(range(lake.end))
    assert [row["start_offset"] for row in rows_of(lake.folder, "ledger")] == list(range(lake.end))
    assert sum(row["clicks"] for row in rows_of(lake.folder, "per_ad_delta")) == lake.end


def test_leftovers_of_a_killed_compaction_are_removed_by_the_next_start(lake: Growing) -> None:
    lake.grow()
    killed(lake, "after_file:2")
    left = {name for name in unlisted(lake) if name.startswith("compact-")} - waiting(lake)
    assert left
    lake.restart()
    assert not left & set(unlisted(lake))
    assert set(unlisted(lake)) <= waiting(lake)
    require_digests(lake)


def test_a_merged_file_taken_for_a_leftover_is_made_again(lake: Growing) -> None:
    lake.grow()
    before = lake.content(sample(lake.snapshots()))

    def restart_meanwhile(passed: str) -> None:
        if passed == "before_compact":
            lake.restart()

    catalog = Catalog.open(lake.folder)
    report = compact(catalog, [], clock=lake.clock, retention=KEPT, fault=restart_meanwhile)
    catalog.close()
    assert report.merged_files == 0
    assert len(report.skipped) == len(TABLES)
    assert lake.content(list(before)) == before
    killed(lake, "")
    assert lake.content(list(before)) == before


def test_every_file_left_is_listed_once_the_graces_are_over(lake: Growing) -> None:
    lake.restart()
    for path in lake.folder.glob("main/*/*.parquet"):
        os.utime(path, (0, 0))
    catalog = Catalog.open(lake.folder)
    for _ in range(2):
        lake.clock.now += timedelta(days=2)
        compact(catalog, [], clock=lake.clock, retention=KEPT)
    lake.clock.now += timedelta(days=2)
    compact(catalog, [], clock=lake.clock, retention=KEPT)
    catalog.close()
    assert list(unlisted(lake)) == []
    require_digests(lake)


@pytest.mark.ducklake
def test_the_official_client_sees_the_same_before_and_after(lake: Growing) -> None:
    lake.grow()
    numbers = sample(lake.snapshots())
    questions = [
        f"SELECT count(*), {total} FROM {table} AT (VERSION => {number})"
        for number in numbers
        for table, total in (
            ("events", 'sum("offset"), min("offset"), max("offset")'),
            ("per_ad_delta", "sum(clicks), sum(spend), sum(row_count)"),
            ("ledger", 'sum("read"), max(end_offset), sum(checksum)'),
        )
    ]
    before = ducklake_query(lake.folder, questions)
    assert killed(lake, "after_compact:2") == -signal.SIGKILL
    assert ducklake_query(lake.folder, questions) == before
    assert killed(lake, "") == 0
    assert ducklake_query(lake.folder, questions) == before
    assert before[-1][0][0] == lake.end
