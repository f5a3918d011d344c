"""Work that several threads want: done once, and nobody depends on the one that does it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from query.shared_work import SharedWork

LONG_S = 120


def test_all_who_ask_meanwhile_get_what_one_of_them_did() -> None:
    shared, begun, go = SharedWork(patience_s=LONG_S), threading.Event(), threading.Event()
    done: list[int] = []

    def work() -> list[int]:
        begun.set()
        assert go.wait(LONG_S)
        done.append(1)
        return done

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(shared.do, "a", work)
        assert begun.wait(LONG_S)
        others = [pool.submit(shared.do, "a", work) for _ in range(3)]
        threading.Event().wait(0.1)
        go.set()
        assert all(each.result(LONG_S) is first.result(LONG_S) for each in others)
    assert done == [1]
    # afterwards it is done anew
    assert shared.do("a", lambda: "again") == "again"


def test_who_waited_long_enough_does_it_alone() -> None:
    shared, begun, go = SharedWork(patience_s=0.01), threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        assert go.wait(LONG_S)
        return "slow"

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(shared.do, "a", slow)
        assert begun.wait(LONG_S)
        assert shared.do("a", lambda: "own") == "own"
        assert shared.do("b", lambda: "another") == "another"
        go.set()
        assert first.result(LONG_S) == "slow"


def test_work_that_fails_in_one_thread_is_done_by_those_who_waited() -> None:
    shared, begun, go = SharedWork(patience_s=LONG_S), threading.Event(), threading.Event()

    def failing() -> str:
        begun.set()
        assert go.wait(LONG_S)
        raise ValueError("interrupted")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(shared.do, "a", failing)
        assert begun.wait(LONG_S)
        second = pool.submit(shared.do, "a", lambda: "done")
        threading.Event().wait(0.1)
        go.set()
        assert second.result(LONG_S) == "done"
        with pytest.raises(ValueError, match="interrupted"):
            first.result(LONG_S)
