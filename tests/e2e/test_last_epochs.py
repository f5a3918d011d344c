"""Real runs that are killed between the end of their flow and their own: each record once, in a proven lake."""

import signal
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.test_moved_files import Folder

IDS = [f"a{number:03}" for number in range(300)]
ONE_EPOCH = ("--epoch-ms", "600000")
"""So nothing is published before the flow has returned."""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    for name in "ab":
        folder.write(f"{name}.ndjson", *(f"{name}{each}" for each in IDS))
    return folder


def files(folder: Folder) -> set[str]:
    """Data files of the lake, listed or not."""
    return {path.name for path in folder.path.glob("lake/main/*/*.parquet")}


def published(folder: Folder) -> list[tuple[int, str]]:
    """Epochs of the lake and the ranges that each of them has, as they were published."""
    with closing(sqlite3.connect(folder.path / "lake" / "catalog.sqlite")) as catalog:
        return catalog.execute("SELECT epoch, ranges FROM own_publish ORDER BY 1").fetchall()


def require_whole(folder: Folder) -> None:
    assert Counter(folder.ids()) == Counter(name + each for name in "ab" for each in IDS)
    assert "proven" in folder.call("audit")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_bounded_run_of_less_than_an_epoch_publishes_all_it_has_read(folder: Folder, workers: str) -> None:
    folder.run(*ONE_EPOCH, "--workers", workers)
    require_whole(folder)
    before = published(folder)
    folder.run(*ONE_EPOCH, "--workers", workers)
    assert published(folder)[: len(before)] == before
    require_whole(folder)


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("point", ["after_flow", "before_commit", "in_commit", "after_commit", "after_last"])
def test_what_a_run_that_is_killed_after_its_flow_has_staged_is_published_once(
    folder: Folder, point: str, workers: str
) -> None:
    folder.call("run", "--bounded", *ONE_EPOCH, "--workers", workers, code=-signal.SIGKILL, TIDEMILL_FAULT=point)
    staged, before = files(folder), published(folder)
    assert bool(before) == (point in ("after_commit", "after_last"))
    folder.run(*ONE_EPOCH, "--workers", workers)
    # what the killed run had staged is published, and nothing of it was read again
    assert staged <= files(folder)
    after = published(folder)
    assert after[: len(before)] == before
    assert len([ranges for _, ranges in after if '["a", 0, 300]' in ranges]) == 1
    require_whole(folder)


def test_one_of_two_processes_that_is_killed_after_its_flow_is_started_anew_and_nothing_is_lost(
    folder: Folder,
) -> None:
    # each start of the two is killed there, until their supervisor gives up
    told = folder.call("run", "--bounded", *ONE_EPOCH, "--processes", "2", code=137, TIDEMILL_FAULT="after_flow")
    assert "gave up" in told
    folder.run(*ONE_EPOCH, "--processes", "2")
    require_whole(folder)
