from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.lake.catalog.types import LONGEST_BOUND_CHARS, from_text, time_of, time_text, to_text
from sinks.lake.files import column_stats

KINDS: dict[str, st.SearchStrategy[Any]] = {
    "int64": st.integers(-(2**63), 2**63 - 1),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "float64": st.floats(allow_nan=False),
    "decimal(18,6)": st.decimals(-(10**11), 10**11, places=6, allow_nan=False),
    "decimal(38,0)": st.integers(-(10**37), 10**37).map(Decimal),
    "varchar": st.text(max_size=LONGEST_BOUND_CHARS),
    "date": st.dates(),
    "boolean": st.booleans(),
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_text_of_a_bound_keeps_its_value_and_its_order(kind: str) -> None:
    @given(KINDS[kind], KINDS[kind])
    def check(one: Any, other: Any) -> None:
        texts = [to_text(value, kind) for value in (one, other)]
        if None in texts:
            assert kind == "varchar"
            return
        bounds: list[Any] = [from_text(text, kind) for text in texts]
        assert (bounds[0] < bounds[1]) == (one < other)
        assert (bounds[0] == bounds[1]) == (one == other)

    check()


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)), st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)))
def test_the_text_of_a_timestamp_orders_like_the_time(one: datetime, other: datetime) -> None:
    texts = [to_text((time - datetime(1970, 1, 1)) // timedelta(microseconds=1), "timestamp") for time in (one, other)]
    bounds: list[Any] = [from_text(text, "timestamp") for text in texts]
    assert (bounds[0] < bounds[1]) == (one < other)


def test_timestamps_have_ducklakes_form() -> None:
    assert to_text(0, "timestamp") == "1970-01-01 00:00:00"
    assert to_text(1_500_000, "timestamp") == "1970-01-01 00:00:01.5"
    assert to_text(-1, "timestamp") == "1969-12-31 23:59:59.999999"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "int64"),
        (b"x", "blob"),
        (float("nan"), "float64"),
        ("x" * (LONGEST_BOUND_CHARS + 1), "varchar"),
        ("a\x00b", "varchar"),
        (10**18, "timestamp"),
        (-(10**18), "timestamp"),
    ],
)
def test_bounds_that_cannot_be_told_are_unknown(value: Any, kind: str) -> None:
    assert to_text(value, kind) is None


def test_text_is_ordered_by_its_utf8_bytes() -> None:
    values = ["\uffff", "\U0001f600", "a", "é"]
    assert pc.min_max(pa.array(values)).as_py()["max"] == max(values, key=str.encode) == max(values)


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)))
def test_column_statistics_say_what_the_column_holds(values: list[int | None]) -> None:
    stats = column_stats(3, "int64", pa.array(values, pa.int64()), 10)
    present = [value for value in values if value is not None]
    assert (stats.value_count, stats.null_count) == (len(present), len(values) - len(present))
    assert (stats.low, stats.high) == ((str(min(present)), str(max(present))) if present else (None, None))


def test_a_column_with_nan_has_no_bounds() -> None:
    stats = column_stats(1, "float64", pa.array([1.0, float("nan"), None]), 10)
    assert (stats.low, stats.high, stats.contains_nan) == (None, None, True)


def test_times_of_the_catalog_are_utc() -> None:
    at = datetime(2026, 3, 1, 13, 0, 0, 5, tzinfo=timezone(timedelta(hours=1)))
    assert time_text(at) == "2026-03-01 12:00:00.000005+00"
    assert time_of(time_text(at)) == at.astimezone(UTC)
    assert to_text(date(2026, 3, 1), "date") == "2026-03-01"
