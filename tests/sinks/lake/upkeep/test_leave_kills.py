"""kill -9 at every point of a removal, again and again on one lake that goes on growing; then the official client."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sinks.lake.catalog.catalog import Catalog
from tests.ducklake_client import ducklake_query
from tests.sinks.lake.upkeep.leaving import AT_ONCE, MINUTE_MS, Hit, Leaving, minutes_of, plan_of, visits_of

ROOT = Path(__file__).resolve().parents[4]
KILLS = [
    *("before_leave", "in_leave", "after_leave"),
    *("in_expiry", "before_unlink:3", "after_unlink:2"),
]


def killed(lake: Leaving, fault: str) -> int:
    """Compacts in a process that dies at `fault`, and keeps no snapshot but the newest; its exit code."""
    module = "tests.sinks.lake.upkeep.compact_child"
    lake.clock.now += timedelta(days=1)
    command = [sys.executable, "-m", module, str(lake.folder), fault, str(lake.clock().timestamp()), "0"]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert child.returncode in (0, -signal.SIGKILL), child.stderr
    return child.returncode


def unlisted(lake: Leaving) -> Iterator[str]:
    """Files on disk that the catalog names nowhere, not even among those to be deleted."""
    catalog = Catalog.open(lake.folder)
    rows = catalog.connection.execute(
        "SELECT 'main/' || t.path || f.path FROM ducklake_data_file f JOIN ducklake_table t USING (table_id)"
        " UNION SELECT path FROM ducklake_files_scheduled_for_deletion"
    )
    listed = {path for (path,) in rows}
    catalog.close()
    yield from sorted({path.relative_to(lake.folder).as_posix() for path in lake.folder.rglob("*.parquet")} - listed)


def missing(lake: Leaving) -> list[str]:
    """Files that the catalog shows to some snapshot, and that are not there."""
    catalog = Catalog.open(lake.folder)
    rows = catalog.connection.execute(
        "SELECT 'main/' || t.path || f.path FROM ducklake_data_file f JOIN ducklake_table t USING (table_id)"
    ).fetchall()
    catalog.close()
    return [path for (path,) in rows if not (lake.folder / path).exists()]


def require_whole(lake: Leaving) -> None:
    """Every window is whole or gone, as the border says."""
    assert missing(lake) == []
    gone = lake.left()
    for name, shown, wanted in (
        ("minutes", lake.minutes(), minutes_of(lake.hits)),
        ("visits", lake.visits(), visits_of(lake.hits)),
    ):
        before_ms = gone[name].before_ms if name in gone else -1
        assert shown == [row for row in wanted if row[2] > before_ms], name


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Leaving:
    """The lake after all kills; each of them is checked on the way."""
    lake = Leaving(tmp_path_factory.mktemp("kills") / "lake", plan_of("32m", events_keep="32m"))
    minute = 0
    for fault in KILLS:
        for _ in range(12):
            lake.commit([Hit(ad, minute * MINUTE_MS + 1_000, minute % 3) for ad in "ab"])
            minute += 5
        if fault in KILLS[3:]:
            # something has left, and waits for its end
            assert killed(lake, "") == 0
            lake.commit([Hit("a", minute * MINUTE_MS, 1)])
        assert killed(lake, fault) == -signal.SIGKILL, fault
        require_whole(lake)
        lake.restart()
        require_whole(lake)
    return lake


def test_a_window_is_whole_or_gone_after_any_number_of_kills(lake: Leaving) -> None:
    assert {"events", "minutes", "visits"} == set(lake.left())
    require_whole(lake)


def test_nothing_is_left_behind_on_the_disk(lake: Leaving) -> None:
    for path in lake.folder.glob("main/*/*.parquet"):
        os.utime(path, (0, 0))
    for _ in range(4):
        lake.clock.now += timedelta(days=2)
        lake.compact(AT_ONCE)
    assert list(unlisted(lake)) == []
    assert missing(lake) == []
    require_whole(lake)


@pytest.mark.ducklake
def test_the_official_client_reads_what_is_kept_and_what_there_was(lake: Leaving) -> None:
    before = lake.head()
    for at in range(12):
        lake.commit([Hit("a", (10_000 + at * 5) * MINUTE_MS, 1)])
    held = lake.head()
    lake.compact()
    shown = "SELECT ad, epoch_ms(window_start), epoch_ms(window_end), clicks, users FROM {} ORDER BY ALL"
    counted = 'SELECT count(*), min(epoch_ms("time")), max(epoch_ms("time")) FROM events'
    answers = ducklake_query(
        lake.folder,
        [
            shown.format("minutes"),
            shown.format("visits"),
            counted,
            *(f"{counted} AT (VERSION => {number})" for number in (before, held)),
            "SELECT count(*) FROM minutes_delta",
        ],
    )
    assert answers[0] == [list(row) for row in lake.minutes()]
    assert answers[1] == [list(row) for row in lake.visits()]
    assert answers[2] == [list(row) for row in lake.ask(counted)]
    assert [answers[3], answers[4]] == [[list(row) for row in lake.ask(counted, number)] for number in (before, held)]
    assert answers[2][0][0] < answers[4][0][0]
    assert answers[5] == [list(row) for row in lake.ask("SELECT count(*) FROM minutes_delta")]
    for _ in range(3):
        lake.clock.now += timedelta(days=2)
        lake.compact(AT_ONCE)
    assert ducklake_query(lake.folder, [counted, shown.format("visits")]) == [answers[2], answers[1]]


def holding(folder: Path, text: str) -> list[str]:
    """Files below the folder, the catalog and its log among them, with the text in their bytes or in a cell."""
    found = []
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        cells = pq.read_table(path).to_pylist() if path.suffix == ".parquet" else []
        if text.encode() in path.read_bytes() or any(text in row.values() for row in cells):
            found.append(path.relative_to(folder).as_posix())
    return found


@pytest.mark.parametrize("fault", ["", *KILLS])
def test_of_somebody_who_has_left_no_byte_stays_in_the_folder(tmp_path: Path, fault: str) -> None:
    lake = Leaving(tmp_path / "lake", plan_of("32m", events_keep="32m"))
    for minute in range(0, 200, 5):
        # the first and the last name by the alphabet, so that bounds tell them
        ads = ("aaa-first-person", "zzz-first-person") if minute < 40 else ("b", "c")
        lake.commit([Hit(ad, minute * MINUTE_MS + 1_000, minute % 3) for ad in ads])
    lake.writer.close()
    for word in ("aaa-first-person", "zzz-first-person"):
        assert holding(lake.folder, word)
    if fault in KILLS[3:]:
        assert killed(lake, "") == 0
    if fault:
        assert killed(lake, fault) == -signal.SIGKILL
    for _ in range(4):
        lake.clock.now += timedelta(days=2)
        lake.compact(AT_ONCE)
    assert {word: holding(lake.folder, word) for word in ("aaa-first-person", "zzz-first-person")} == {
        "aaa-first-person": [],
        "zzz-first-person": [],
    }
