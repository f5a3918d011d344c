"""Times, spans, sizes and lists in words."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from dataflow.spoken import counted, listed, moment, size, span


def test_a_moment_shows_milliseconds_only_where_there_are_some() -> None:
    assert moment(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02 03:04:05"
    assert moment(datetime(2026, 1, 2, 3, 4, 5, 6_789)) == "2026-01-02 03:04:05.006"


def test_a_moment_is_told_in_utc() -> None:
    assert moment(datetime(2026, 1, 2, 1, 0, tzinfo=timezone(timedelta(hours=2)))) == "2026-01-01 23:00:00"


def test_milliseconds_of_years_that_python_does_not_know_are_told_as_well() -> None:
    assert moment(-1) == "1969-12-31 23:59:59.999"
    assert moment(400_000_000_000_000).startswith("14645-")


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (1_000, "1 s"),
        (1_500, "1.5 s"),
        (59_900, "60 s"),
        (40 * 60_000, "40 min"),
        (90 * 60_000, "1.5 h"),
        (-5_400_000, "-1.5 h"),
        (3 * 86_400_000, "3 d"),
    ],
)
def test_a_span_has_two_digits_or_so(ms: int, said: str) -> None:
    assert span(ms) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 bytes"), (1023, "1,023 bytes"), (1024, "1.0 KiB"), (10 * 2**20, "10 MiB"), (5000 * 2**30, "5,000 GiB")],
)
def test_a_size_stops_at_gibibytes(count: int, said: str) -> None:
    assert size(count) == said


def test_a_long_list_is_cut_and_says_how_many_more_there_are() -> None:
    assert listed([]) == ""
    assert listed(list("abcde")) == "a, b, c, d, e"
    assert listed(list("abcdefg")) == "a, b, c, d, e and 2 more"


def test_one_is_singular() -> None:
    assert [counted(n, "file") for n in (0, 1, 1200)] == ["0 files", "1 file", "1,200 files"]
