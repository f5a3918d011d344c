"""The thread that looks at the catalog."""

import threading
from pathlib import Path

from serve.feed.watcher import Watcher
from tests.query.lakes import LakeMaker, clicks
from tests.serve.served_lake import fill


def test_every_commit_is_told_and_so_is_a_lake_that_comes(tmp_path: Path) -> None:
    told = threading.Semaphore(0)
    watcher = Watcher(tmp_path / "lake", told.release)
    watcher.start()
    with LakeMaker(tmp_path / "lake") as lake:
        assert told.acquire(timeout=30)
        fill(lake)
        for number in range(3):
            while told.acquire(timeout=0.3):
                pass
            lake.commit({"ad_clicks_1m_delta": [clicks("z", number, 1)]})
            assert told.acquire(timeout=30)
    watcher.stop()
    watcher._thread.join(30)
    assert not watcher._thread.is_alive()
