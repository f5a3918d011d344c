"""What a reader in a container sees of a lake that is mounted read-only: the reason why it is mounted for writing."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.sqlite import CATALOG_NAME, connect
from tests.deploy.operated import ROOT
from tests.query.lakes import LakeMaker, clicks

READER = """
import sys
from pathlib import Path
from sinks.lake.catalog.sqlite import connect_readonly

catalog = connect_readonly(Path(sys.argv[1]), busy_ms=1_000)
while True:
    print(*catalog.execute("SELECT max(number) FROM commits").fetchone(), flush=True)
    sys.stdin.readline() or sys.exit()
"""
KEPT = """
import sys, threading
from pathlib import Path
from query.recent import RecentReader
from serve.feed.watcher import Watcher

told = threading.Event()
folder = Path(sys.argv[1]).parent
watcher = Watcher(folder, told.set)
watcher.start()
with RecentReader(folder) as reader:
    while True:
        print(reader.snapshot().id, flush=True)
        sys.stdin.readline() or sys.exit()
        told.wait(30) or sys.exit("no commit was told")
        told.clear()
"""
"""What a server holds of a lake: a reader that stays, and a watcher, which tells of a commit before it is asked for."""

ALONE = ["unshare", "--user", "--map-root-user", "--mount"]


def may_mount() -> bool:
    """Whether this machine lets tests make mounts that nobody else sees."""
    if shutil.which("unshare") is None:
        return False
    tried = [*ALONE, "mount", "--bind", "/tmp", "/tmp"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not may_mount(), reason="no mount namespace for tests here")


class Mounted:
    """A reader of the catalog that finds its folder mounted read-only."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.first = self._said()

    def again(self) -> int:
        """What it sees now."""
        assert self.process.stdin is not None
        print(file=self.process.stdin, flush=True)
        return self._said()

    def _said(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())


@contextmanager
def reader(lake: Path, program: str = READER) -> Iterator[Mounted]:
    """One in a process and a mount namespace of its own."""
    mounts = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" -c "$3" "$1/$4"'
    command = [*ALONE, "sh", "-c", mounts, "sh", str(lake), sys.executable, program, CATALOG_NAME]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Mounted(process)
    finally:
        process.communicate()
        assert process.returncode == 0


def commit(lake: Path, number: int) -> None:
    """A run that commits once and ends in order."""
    with closing(connect(lake / CATALOG_NAME, busy_ms=1_000, create=True)) as catalog:
        catalog.execute("CREATE TABLE IF NOT EXISTS commits (number INTEGER)")
        catalog.execute("INSERT INTO commits VALUES (?)", (number,))


def test_a_reader_that_starts_while_a_run_is_up_sees_each_commit(tmp_path: Path) -> None:
    commit(tmp_path, 1)
    with closing(connect(tmp_path / CATALOG_NAME, busy_ms=1_000)) as run:
        run.execute("INSERT INTO commits VALUES (2)")
        with reader(tmp_path) as mounted:
            assert mounted.first == 2
            run.execute("INSERT INTO commits VALUES (3)")
            assert mounted.again() == 3


def test_a_connection_that_was_made_while_no_run_is_up_sees_no_later_commit(tmp_path: Path) -> None:
    commit(tmp_path, 1)
    assert [path.name for path in tmp_path.iterdir()] == [CATALOG_NAME]
    with reader(tmp_path) as mounted:
        assert mounted.first == 1
        commit(tmp_path, 2)
        assert mounted.again() == 1
    with reader(tmp_path) as mounted:
        assert mounted.first == 2


def test_who_stays_opens_the_catalog_anew_for_a_later_run(tmp_path: Path) -> None:
    folder = tmp_path / "lake"
    run = LakeMaker(folder)

    def committed(*minutes: int) -> int:
        return max(run.commit({"ad_clicks_1m_delta": [clicks("a", minute, 1)]}) for minute in minutes)

    first = committed(0)
    run.catalog.close()
    assert not (folder / f"{CATALOG_NAME}-wal").exists()
    with reader(folder, KEPT) as mounted:
        assert mounted.first == first
        run.catalog = Catalog.open(folder)
        second = committed(1, 2)
        # it ends before anybody looks
        run.catalog.close()
        assert mounted.again() == second
        run.catalog = Catalog.open(folder)
        for minute in (3, 4):
            number = committed(minute)
            assert mounted.again() == number
        run.catalog.close()
