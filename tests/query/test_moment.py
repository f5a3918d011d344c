"""Points in time as a user writes them."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from dataflow.errors import QueryError
from query.moment import aware, comparable, from_ms, parse_as_of, parse_day, parse_time, start_of, to_ms

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (None, None),
        ("", None),
        (" latest ", None),
        (7, 7),
        (" 7 ", 7),
        ("2026-01-02T12:00:00", NOON),
        ("2026-01-02 13:00+01:00", NOON),
        ("2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
        (datetime(2026, 1, 2, 12), NOON),
    ],
)
def test_a_snapshot_is_named_by_id_or_time_and_without_a_zone_that_is_utc(written: object, meant: object) -> None:
    assert parse_as_of(written) == meant  # type: ignore[arg-type]


def test_what_is_neither_is_told_with_both_forms() -> None:
    with pytest.raises(QueryError, match=r'"soon" is no time; write a snapshot id .* or a UTC time like'):
        parse_as_of("soon")
    with pytest.raises(QueryError, match="write a UTC time like"):
        parse_time("-5")


def test_a_day_is_a_date_or_a_word_about_today() -> None:
    today = date(2026, 3, 1)
    assert parse_day(" Today", today) == today
    assert parse_day("yesterday", today) == date(2026, 2, 28)
    assert parse_day("2025-12-31", today) == date(2025, 12, 31)
    with pytest.raises(QueryError, match="write today, yesterday or a date"):
        parse_day("tomorrow", today)


def test_a_day_starts_at_midnight_utc() -> None:
    assert start_of(date(2026, 1, 2)) == NOON - timedelta(hours=12)


def test_milliseconds_are_rounded_down_also_before_1970() -> None:
    assert to_ms(datetime(1970, 1, 1, 0, 0, 0, 1_999)) == 1
    assert to_ms(datetime(1969, 12, 31, 23, 59, 59, 999_999)) == -1
    assert to_ms(NOON.astimezone(timezone(timedelta(hours=5)))) == to_ms(NOON)


@pytest.mark.parametrize("far", [2**63 - 1, -(2**63)])
def test_times_beyond_pythons_years_are_the_nearest_day_it_has(far: int) -> None:
    assert from_ms(far).year in (1, 9999)
    assert from_ms(to_ms(NOON)) == NOON


def test_the_nearest_days_leave_room_for_any_zone() -> None:
    for far in (2**63 - 1, -(2**63)):
        from_ms(far).astimezone(timezone(timedelta(hours=14)))
        from_ms(far).astimezone(timezone(timedelta(hours=-14)))


def test_a_time_compares_like_the_catalogs_bounds_and_a_number_as_itself() -> None:
    early, late = comparable(NOON), comparable(NOON + timedelta(microseconds=1))
    assert isinstance(early, str)
    assert isinstance(late, str)
    assert early < late
    assert comparable(aware(datetime(2026, 1, 2, 12))) == early
    assert (comparable(5), comparable(None)) == (5, None)


@pytest.mark.parametrize("written", ["9" * 20, "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+14:00"])
def test_numbers_and_times_beyond_all_reach_are_told_as_none(written: str) -> None:
    with pytest.raises(QueryError):
        parse_as_of(written)
