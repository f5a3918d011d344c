"""Seats: each child is lent to one at a time, and one that is of no use is replaced before the next needs it."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from dataflow.errors import LakeMissing, SqlFailed
from serve.sql import child as module
from serve.sql.crew import Crew
from serve.sql.limits import SqlLimits
from serve.sql.place import Place, place_of
from tests.query.lakes import LakeMaker


@pytest.fixture
def place(lake: LakeMaker) -> Callable[[], Place]:
    return lambda: place_of(lake.folder, ["main/"])


@pytest.fixture
def crew() -> Iterator[Crew]:
    made = Crew(SqlLimits(children=1, memory_bytes=300_000_000), 1)
    yield made
    made.close()


def at_once(work: Callable[[], None]) -> None:
    work()


def test_a_child_that_is_good_is_lent_again(crew: Crew, place: Callable[[], Place]) -> None:
    crew.warm(place)
    pids = crew.pids()
    for _ in range(2):
        with crew.child(place, at_once) as child:
            assert [child.pid] == pids
    assert [each.is_up for each in crew.walls]


def test_one_that_is_not_is_replaced_at_once(crew: Crew, place: Callable[[], Place]) -> None:
    with crew.child(place, at_once) as first:
        first.kill()
    assert crew.pids() != [first.pid]
    with crew.child(place, at_once) as second:
        assert second.birth is not None


def test_one_that_ended_while_nobody_asked_it_is_replaced(crew: Crew, place: Callable[[], Place]) -> None:
    with crew.child(place, at_once) as first:
        pass
    os.kill(first.pid, signal.SIGKILL)
    os.waitid(os.P_PID, first.pid, os.WEXITED | os.WNOWAIT)
    with crew.child(place, at_once) as second:
        assert (second.pid != first.pid, second.is_of_use()) == (True, True)


def test_one_of_another_place_is_replaced(crew: Crew, place: Callable[[], Place], lake: LakeMaker) -> None:
    with crew.child(place, at_once) as first:
        pass
    (lake.folder / "main").rename(lake.folder / "old")
    (lake.folder / "main").mkdir()
    with crew.child(place, at_once) as second:
        assert second.pid != first.pid


def test_without_a_lake_a_child_waits_for_one(crew: Crew, place: Callable[[], Place]) -> None:
    def missing() -> Place:
        raise LakeMissing("not yet")

    crew.warm(missing)
    pids = crew.pids()
    with crew.child(place, at_once) as child:
        assert [child.pid] == pids


def test_a_child_that_cannot_begin_takes_no_seat_away(
    crew: Crew, place: Callable[[], Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module, "_BOOT", "raise SystemExit(1)")
        for _ in range(2):
            with pytest.raises(SqlFailed, match="did not begin"), crew.child(place, at_once):
                pytest.fail("there is none")
    with crew.child(place, at_once) as child:
        assert child.is_good
