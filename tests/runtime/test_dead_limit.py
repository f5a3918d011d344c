"""A run ends once more of its records are dead than it may have."""

import pytest

from dataflow.errors import TooManyDead
from dataflow.intake.control import Control
from dataflow.losses.limit import DeadShare
from dataflow.losses.tally import Tally, Totals
from runtime.dead_limit import REASON, DeadLimit
from tests.dataflow.losses.events import MILLIS


class Subject:
    """A limit of ten percent and what it does."""

    def __init__(self, share: str | None = "10%") -> None:
        self.control = Control()
        self.tally = Tally(MILLIS, 0, lambda: 0.0)
        self.others_stopped = 0
        self.limit = DeadLimit(None if share is None else DeadShare(share), self.tally, self.control, self._stop_others)

    def _stop_others(self) -> None:
        self.others_stopped += 1

    def read(self, dead: int, read: int) -> None:
        self.tally.totals = Totals(read, dead, 0)
        self.limit.look(self.tally.totals)


def test_passing_the_share_drains_this_process_and_the_others_once() -> None:
    subject = Subject()
    subject.read(999, 999)
    subject.read(100, 1_000)
    assert not subject.control.stopping
    subject.read(101, 1_000)
    subject.read(500, 2_000)
    assert (subject.control.stopping, subject.control.reason, subject.others_stopped) == (True, REASON, 1)
    with pytest.raises(
        TooManyDead, match=r"^500 of 2,000 records became dead letters, more than fail_dead = 10%"
    ) as end:
        subject.limit.require()
    assert end.value.exit_code == 3


def test_at_the_end_of_the_input_fewer_records_than_a_thousand_are_judged_too() -> None:
    subject = Subject()
    subject.read(2, 10)
    assert not subject.control.stopping
    with pytest.raises(TooManyDead):
        subject.limit.require()


def test_a_stop_that_was_asked_for_is_no_end_of_the_input() -> None:
    subject = Subject()
    subject.read(2, 10)
    subject.control.stop("SIGTERM")
    subject.limit.require()


def test_without_a_share_and_with_none_passed_nothing_ends() -> None:
    for subject in (Subject(None), Subject("99%")):
        subject.read(980, 1_000)
        subject.limit.require()
        assert not subject.control.stopping
