"""The thread that follows a lake notices commits, and a lake that comes later."""

import threading
from pathlib import Path

from query.recent.follower import Follower
from tests.query.lakes import LakeMaker, clicks


def test_it_tends_after_a_commit_and_while_there_is_more_to_do(lake: LakeMaker) -> None:
    calls = threading.Semaphore(0)
    more = [True, True, False]

    def tend() -> bool:
        calls.release()
        return more.pop(0) if more else False

    follower = Follower(lake.folder, tend)
    follower.start()
    assert all(calls.acquire(timeout=30) for _ in range(3))
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 1)]})
    assert calls.acquire(timeout=30)
    follower.stop()


def test_it_waits_for_a_lake(tmp_path: Path) -> None:
    called = threading.Event()

    def tend() -> bool:
        called.set()
        return False

    follower = Follower(tmp_path / "lake", tend)
    follower.start()
    with LakeMaker(tmp_path / "lake"):
        assert called.wait(30)
    follower.stop()
