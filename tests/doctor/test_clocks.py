"""Clocks against each other."""

from datetime import timedelta

import pytest

from doctor.clocks import broker_clock_finding, lake_clock_finding
from doctor.finding import Severity
from query.moment import to_ms
from tests.doctor.examined import NOON, World, at


def test_a_clock_that_was_set_back_is_told(world: World) -> None:
    world.read("p", [at(0)], final=True)
    world.after(-3600)
    found = world.findings()["clock.lake"]
    assert found.severity is Severity.WARNING
    assert "is 1 h ahead of this machine's clock (2026-11-25 11:00:00): the clock was set back" in found.message


def at_ms(seconds: float) -> int:
    return to_ms(NOON) + int(seconds * 1000)


def test_a_lake_without_a_commit_has_nothing_to_compare() -> None:
    assert lake_clock_finding(None, NOON).severity is Severity.OK


@pytest.mark.parametrize(("ahead_s", "severity"), [(-3600, Severity.OK), (5, Severity.OK), (5.001, Severity.WARNING)])
def test_a_few_seconds_ahead_are_no_fault(ahead_s: float, severity: Severity) -> None:
    assert lake_clock_finding(NOON + timedelta(seconds=ahead_s), NOON).severity is severity
    assert broker_clock_finding(at_ms(ahead_s), "a record", True, NOON).severity is severity


def test_a_stamp_that_a_producer_may_have_written_blames_no_broker() -> None:
    found = broker_clock_finding(at_ms(600), "the newest record", False, NOON)
    assert found.message.startswith("a producer's (or the broker's) clock is at least 10 min ahead")
    assert broker_clock_finding(at_ms(600), "a note", True, NOON).message.startswith("the broker's clock is at least")
    assert broker_clock_finding(at_ms(-60), "x", False, NOON).message.endswith("1 min ago), which is only a hint")


def test_without_a_stamp_the_brokers_clock_is_left_open() -> None:
    found = broker_clock_finding(None, "topic ads", True, NOON)
    assert (found.severity, found.message) == (
        Severity.OK,
        "cannot be compared without writing: topic ads holds no stamp",
    )
