"""The watch for a run that stands still: told before anything else, and started anew only where nothing is at work."""

from typing import Any

import pytest

from dataflow.errors import LakeError
from dataflow.intake.pulse import Place, Pulse
from runtime.stall import CURED_S, LOOK_EVERY_S, MAX_RESTARTS, Patience, Stall, StallWatch


class Word:
    """What other processes say."""

    def __init__(self) -> None:
        self.said = 0
        self.others = False

    def say(self, _: int) -> None:
        self.said += 1

    def heard(self) -> bool:
        return self.others


class Reactions:
    """What the watch did."""

    def __init__(self) -> None:
        self.told: list[Stall] = []
        self.ended: list[float] = []
        self.restarts: list[Stall] = []
        self.is_held = False

    def tell(self, stall: Stall) -> None:
        self.told.append(stall)

    def over(self, seconds: float) -> None:
        self.ended.append(seconds)

    def restart(self, stall: Stall) -> None:
        self.restarts.append(stall)

    def held(self) -> bool:
        return self.is_held


class Run:
    """A run with one partition of 100 records behind offset 10, of which the lake has all; epochs of 0.25 s."""

    def __init__(self, stall_s: float = 30.0, in_a_row: int = 0) -> None:
        self.seconds = 0.0
        self.lake: dict[str, int] | None = {"ads/0": 10}
        self.position = 10
        self.lag: int | None = 100
        self.pulse = Pulse(lambda: self.seconds)
        self.pulse.opened("ads/0", lambda: (self.position, self.lag))
        self.word, self.did = Word(), Reactions()
        patience = Patience(stall_s, 0.25, in_a_row)
        self.watch = StallWatch(
            self.pulse, self._positions, self.word, self.did, patience=patience, monotonic=lambda: self.seconds
        )

    def _positions(self) -> dict[str, int]:
        if self.lake is None:
            raise LakeError("locked")
        return dict(self.lake)

    def play(self, seconds: float, each: Any = None) -> bool:
        """Look every half second, after `each()`; True when the run was started anew."""
        for _ in range(round(seconds / LOOK_EVERY_S)):
            self.seconds += LOOK_EVERY_S
            if each is not None:
                each()
            if self.watch.look():
                return True
        return False

    def commit(self) -> None:
        assert self.lake is not None
        self.position += 1
        self.lake["ads/0"] += 1
        self.pulse.beat(self.position)


def test_a_run_that_stands_still_is_told_with_all_that_is_known_and_then_started_anew() -> None:
    run = Run()
    run.play(5, run.commit)
    assert run.play(60)
    assert [round(stall.since_commit_s, 1) for stall in run.did.told] == [11.5, 22.5]
    (stall,) = run.did.restarts
    assert stall.facts() == {
        "partition": "ads/0",
        "position": 20,
        "in_lake": 20,
        "lag_records": 100,
        "epoch": 20,
        "since_commit_s": 32.5,
        "quiet_s": 32.5,
        "doing": "nothing",
    }


def test_a_run_that_commits_is_left_alone() -> None:
    run = Run()
    assert not run.play(600, run.commit)
    assert run.did.told == []


def test_an_idle_topic_is_no_stall() -> None:
    run = Run()
    run.lag = 0
    assert not run.play(600)
    assert run.did.told == []


def test_what_was_read_and_is_not_in_the_lake_waits_as_well() -> None:
    run = Run()
    run.lag, run.position = None, 15
    assert run.play(60)
    assert run.did.restarts[0].place == Place("ads/0", 15, None)


def test_records_that_come_to_a_run_long_asleep_are_told_before_it_starts_anew() -> None:
    run = Run()
    run.lag = 0
    run.play(300)
    run.lag = 1
    assert not run.play(20)
    assert len(run.did.told) == 1
    assert run.play(20)


def test_a_broker_that_gives_nothing_is_told_and_not_restarted() -> None:
    run = Run()
    assert not run.play(600, run.pulse.beat)
    assert [stall.since_commit_s for stall in run.did.told] == [11.5, 22.5, 45.0, 90.0, 180.0, 360.0]


def test_a_slow_commit_is_told_with_what_it_does_and_not_restarted() -> None:
    run = Run()
    with run.pulse.inside("the lake"):
        assert not run.play(120)
    assert run.did.told[-1].doing == "the lake for 90 s"
    assert run.word.said > 100, "other processes must hear of it"


def test_short_calls_without_an_end_of_an_epoch_are_no_sign_of_life() -> None:
    run = Run()
    calls: list[Any] = []

    def call() -> None:
        # every look meets a call that has just begun
        while calls:
            calls.pop().__exit__(None, None, None)
        calls.append(run.pulse.inside("reading ads/0"))
        calls[-1].__enter__()

    assert run.play(60, call)


def test_a_process_that_waits_for_another_one_hears_its_word() -> None:
    run = Run()
    run.word.others = True
    assert not run.play(300)
    assert "another process" in run.did.told[0].doing
    assert run.word.said <= 1, "a process without a sign of life says nothing"


def test_a_process_that_a_debugger_or_a_disk_holds_is_not_restarted() -> None:
    run = Run()
    run.did.is_held = True
    assert not run.play(300)
    run.did.is_held = False
    assert run.play(60)


def test_time_in_which_the_whole_process_was_stopped_does_not_count() -> None:
    run = Run()
    run.play(5, run.commit)
    run.seconds += 3600
    assert not run.play(5)
    assert run.did.told == []


def test_a_catalog_that_cannot_be_read_for_a_moment_is_no_commit_and_no_end() -> None:
    run = Run()
    run.play(5, run.commit)
    run.lake = None
    assert not run.play(20)
    assert len(run.did.told) == 1


def test_the_end_of_a_stall_is_told_once_and_the_next_one_is_told_as_early() -> None:
    run = Run()
    run.play(10)
    assert run.watch.stalled_s == 0
    run.play(5)
    assert len(run.did.told) == 1
    assert run.watch.stalled_s == 14.5
    run.play(5, run.commit)
    assert run.watch.stalled_s == 0
    assert [round(seconds) for seconds in run.did.ended] == [14]
    run.play(15)
    assert len(run.did.told) == 2


def test_a_process_without_a_partition_of_its_own_never_restarts() -> None:
    run = Run()
    run.pulse.closed("ads/0")
    assert not run.play(600)


@pytest.mark.parametrize(("in_a_row", "seconds"), [(0, 32.5), (1, 62.5), (2, 122.5), (4, 482.5)])
def test_each_restart_in_a_row_waits_twice_as_long(in_a_row: int, seconds: float) -> None:
    run = Run(in_a_row=in_a_row)
    assert not run.play(seconds - 1)
    assert run.play(3)
    assert run.did.restarts[0].restarts == in_a_row


def test_after_the_last_restart_it_is_only_told() -> None:
    run = Run(in_a_row=MAX_RESTARTS)
    assert not run.play(4000)
    assert all(stall.restarts == MAX_RESTARTS for stall in run.did.told)


def test_a_run_that_went_well_for_long_begins_its_count_again() -> None:
    run = Run(in_a_row=MAX_RESTARTS)
    run.play(CURED_S + 5, run.commit)
    assert run.play(40)
    assert run.did.restarts[0].restarts == 0


def test_the_restart_can_be_turned_off_and_the_telling_stays() -> None:
    run = Run(stall_s=0)
    assert not run.play(4000)
    assert run.did.told


def test_long_epochs_are_given_their_time() -> None:
    assert Patience(30.0, 60.0).tell_s == 310.0
    assert Patience(30.0, 60.0).restart_s(0) == 630.0
    assert Patience(3.0, 0.01).tell_s == pytest.approx(1.05)
