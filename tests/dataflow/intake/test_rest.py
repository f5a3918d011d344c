"""When a worker rests, what wakes it, and that nobody rests while something read is not published."""

import threading
from collections.abc import Callable

import pytest

from dataflow.intake.rest import CHUNK_S, SETTLED_EPOCHS, Bell, Rest


class Sleeper:
    """A reader whose waits are as long as they are asked to be, on a clock of its own."""

    def __init__(self, *, idle: bool = True) -> None:
        self.idle = idle
        self.now_s = 0.0
        self.waits: list[float] = []
        self.comes_at: int | None = None
        self.during: Callable[[], None] = lambda: None
        self.woken = 0

    def at_rest(self) -> bool:
        return self.idle

    def await_records(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.now_s += seconds
        self.during()
        return len(self.waits) == self.comes_at

    def wake(self) -> None:
        self.woken += 1


def settled(rest: Rest, *partitions: str) -> None:
    """All of them had nothing for the epochs that it takes."""
    for _ in range(SETTLED_EPOCHS):
        for each in partitions:
            rest.epoch_ended(each)


def rest_of(sleeper: Sleeper, bell: Bell | None = None, longest_s: float = 1.0) -> Rest:
    return Rest(bell or Bell(), lambda: sleeper.now_s, longest_s)


def test_the_last_one_of_those_that_have_nothing_may_rest_for_all() -> None:
    sleeper = Sleeper()
    rest = rest_of(sleeper)
    for each in "abc":
        rest.open(each)
    settled(rest, *"abc")
    assert [rest.may_begin(each, sleeper) for each in "aabbc"] == [False, False, False, False, True]
    rest.leave("c")
    rest.wait(sleeper, lambda: False)
    assert [rest.may_begin(each, sleeper) for each in "ab"] == [False, True]


def test_each_partition_of_a_worker_has_a_turn_of_its_own_and_one_alone_has_none() -> None:
    rest = rest_of(Sleeper())
    rest.open("a")
    assert rest.turn("a") is None
    for each in "bcd":
        rest.open(each)
    assert [rest.turn(each) for each in "abcd"] == [0, 0.25, 0.5, 0.75]
    for each in "ac":
        rest.leave(each)
    assert [rest.turn(each) for each in "bd"] == [0, 0.5]


def test_who_has_something_ahead_keeps_all_awake() -> None:
    busy, sleeper = Sleeper(idle=False), Sleeper()
    rest = rest_of(sleeper)
    for each in "ab":
        rest.open(each)
    settled(rest, *"ab")
    assert [rest.may_begin("a", busy), rest.may_begin("b", sleeper), rest.may_begin("a", busy)] == [False] * 3
    assert rest.may_begin("a", sleeper)


def test_nobody_rests_before_two_epochs_after_the_last_record_of_any_worker_have_ended() -> None:
    bell, sleeper = Bell(), Sleeper()
    rest, other = rest_of(sleeper, bell), rest_of(sleeper, bell)
    rest.open("a")
    for who in (rest, other):
        settled(rest, "a")
        assert rest.may_begin("a", sleeper)
        who.has_read()
        for _ in range(SETTLED_EPOCHS):
            assert not rest.may_begin("a", sleeper)
            rest.epoch_ended("a")
        assert rest.may_begin("a", sleeper)


def test_an_epoch_that_ends_for_some_of_them_is_ended_for_all_before_anybody_rests() -> None:
    sleeper = Sleeper()
    rest = rest_of(sleeper)
    for each in "ab":
        rest.open(each)
    settled(rest, *"ab")
    assert not rest.may_begin("a", sleeper)
    rest.epoch_ended("a")
    assert not rest.may_begin("b", sleeper)


def test_where_no_rest_is_wanted_there_is_none() -> None:
    sleeper = Sleeper()
    rest = rest_of(sleeper, longest_s=0.0)
    rest.open("a")
    settled(rest, "a")
    assert not rest.may_begin("a", sleeper)


def test_a_rest_is_made_of_short_waits_and_ends_when_it_was_long_enough() -> None:
    sleeper = Sleeper()
    rest_of(sleeper, longest_s=2.5 * CHUNK_S).wait(sleeper, lambda: False)
    assert sleeper.waits == pytest.approx([CHUNK_S, CHUNK_S, CHUNK_S / 2])


def test_a_rest_ends_with_a_record_and_with_the_end_of_the_run() -> None:
    sleeper = Sleeper()
    sleeper.comes_at = 2
    rest_of(sleeper).wait(sleeper, lambda: False)
    assert len(sleeper.waits) == 2
    rest_of(sleeper).wait(sleeper, lambda: len(sleeper.waits) == 3)
    assert len(sleeper.waits) == 3


@pytest.mark.parametrize("event", ["reads", "gets up"])
def test_a_worker_that_reads_or_gets_up_wakes_the_others(event: str) -> None:
    bell, one, two = Bell(), Sleeper(), Sleeper()

    def other() -> None:
        if event == "reads":
            bell.has_read()
        else:
            rest_of(two, bell, longest_s=CHUNK_S).wait(two, lambda: False)

    def in_another_thread() -> None:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

    one.during = in_another_thread
    rest_of(one, bell).wait(one, lambda: False)
    assert (len(one.waits), one.woken) == (1, 1)


def test_nobody_rests_while_another_worker_waits_for_an_epoch_to_end() -> None:
    bell, sleeper = Bell(), Sleeper()
    rest, other = rest_of(sleeper, bell), rest_of(sleeper, bell)
    for who in (rest, other):
        who.open("a")
        settled(who, "a")
    assert rest.may_begin("a", sleeper)
    other.epoch_ended("a")
    rest.wait(sleeper, lambda: False)
    assert sleeper.waits == []
    assert not rest.may_begin("a", sleeper)
    rest.epoch_ended("a")
    assert rest.may_begin("a", sleeper)
    sleeper.during = lambda: other.epoch_ended("a")
    rest.wait(sleeper, lambda: False)
    assert (len(sleeper.waits), sleeper.woken) == (1, 1)


def test_a_record_that_was_read_just_before_a_rest_leaves_none() -> None:
    bell, sleeper = Bell(), Sleeper()
    rest = rest_of(sleeper, bell)
    rest.open("a")
    settled(rest, "a")
    assert rest.may_begin("a", sleeper)
    bell.has_read()
    rest.wait(sleeper, lambda: False)
    assert sleeper.waits == []


def test_who_has_got_up_is_not_woken_any_more() -> None:
    bell, sleeper = Bell(), Sleeper()
    rest_of(sleeper, bell).wait(sleeper, lambda: True)
    bell.has_read()
    assert sleeper.woken == 0
