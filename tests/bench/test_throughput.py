"""The steady rate leaves out what lies before the first and after the last commit with records."""

from datetime import UTC, datetime, timedelta

from bench.throughput import steady_rate

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
