"""The thread that follows a lake notices commits, and a lake that comes later."""

import threading
from pathlib import Path

from query.recent.follower import Follower
from sinks.lake.catalog.sqlite import CATALOG_NAME
from tests.query.lakes import LakeMaker, clicks


def test_it_tends_after_a_commit_and_while_there_is_more_to_do(lake: LakeMaker) -> None:
    calls = threading.Semaphore(0)
    more = [True, True, False]

    def tend() -> bool:
        calls.release()
        return more.pop(0) if more else False

    follower = Follower(lake.folder, lambda: True, tend)
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

    follower = Follower(tmp_path / "lake", lambda: True, tend)
    follower.start()
    with LakeMaker(tmp_path / "lake"):
        assert called.wait(30)
    follower.stop()


def test_it_knows_how_far_behind_it_may_be(lake: LakeMaker) -> None:
    gate, taken = threading.Event(), threading.Semaphore(0)

    def take_in() -> bool:
        taken.release()
        return gate.wait(30)

    follower = Follower(lake.folder, take_in, lambda: False)
    assert follower.behind_s() == float("inf")
    follower.start()
    assert taken.acquire(timeout=30)
    assert follower.behind_s() == float("inf")
    gate.set()
    while follower.behind_s() > 1:
        threading.Event().wait(0.005)
    gate.clear()
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 1)]})
    assert taken.acquire(timeout=30)
    # as long as it is being taken in, the time goes on
    first = follower.behind_s()
    threading.Event().wait(0.05)
    assert first < follower.behind_s()
    gate.set()
    (lake.folder / CATALOG_NAME).rename(lake.folder / "gone")
    assert follower.behind_s() == float("inf")
    follower.stop()
