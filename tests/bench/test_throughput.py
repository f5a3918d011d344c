"""The steady rate leaves out what lies before the first and after the last commit with records."""

from datetime import UTC, datetime, timedelta

from bench.measure import Summary
from bench.throughput import compared, steady_rate

START = datetime(2026, 1, 1, tzinfo=UTC)


def commits(*reads: int) -> list[dict[str, object]]:
    return [{"committed_at": START + timedelta(seconds=i), "read": read} for i, read in enumerate(reads)]


def test_the_first_commits_records_are_left_out() -> None:
    assert steady_rate(commits(1_000, 10, 20)) == 15


def test_empty_commits_at_both_ends_are_left_out() -> None:
    assert steady_rate(commits(0, 5, 10, 0, 20, 0, 0)) == 10


def test_two_commits_give_no_rate() -> None:
    assert steady_rate(commits(0, 5, 10)) is None
    assert steady_rate(commits()) is None


def test_a_checkout_is_compared_with_another_one_by_ratios_of_its_own_figures_over_the_others() -> None:
    here = Summary("here", 5, 100, 200.0, 190.0, 210.0, 300.0, 1.0, 50.0)
    there = Summary("there", 5, 100, 100.0, 90.0, 110.0, None, 2.0, 100.0)
    assert compared(here, there).splitlines() == [
        "events/s, this checkout over the other: 2.000",
        "CPU time, this checkout over the other: 0.500",
        "peak memory, this checkout over the other: 0.500",
    ]
