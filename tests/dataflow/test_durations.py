"""Durations: what is read, what is refused, and the shortest text for each."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.durations import to_ms, to_text


@pytest.mark.parametrize(
    ("written", "ms"),
    [("0s", 0), ("250ms", 250), ("90s", 90_000), ("1m", 60_000), ("36h", 129_600_000), ("7d", 604_800_000)],
)
def test_a_whole_number_and_a_unit_are_so_many_milliseconds(written: str, ms: int) -> None:
    assert to_ms(written) == ms


def test_a_timedelta_of_whole_milliseconds_is_taken_as_it_is() -> None:
    assert to_ms(timedelta(days=1, milliseconds=5)) == 86_400_005
    assert to_ms(timedelta(0)) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        timedelta(microseconds=1),
        timedelta(milliseconds=-1),
        timedelta(days=-1, hours=23),
        "1.5s",
        "-1s",
        "5 s",
        "5",
        "s",
    ],
)
def test_fractions_negative_spans_and_other_forms_are_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="not a"):
        to_ms(wrong)


@pytest.mark.parametrize("wrong", [5, 1.0, None, b"5s", "5s\n", "5S", "5min"])
def test_what_is_no_duration_is_told_with_the_form_to_write(wrong: Any) -> None:
    with pytest.raises(ValueError, match='write a whole number and ms, s, m, h, d or w, like "90s"'):
        to_ms(wrong)


@pytest.mark.parametrize(
    ("ms", "written"), [(0, "0s"), (1, "1ms"), (1_500, "1500ms"), (90_000, "90s"), (120_000, "2m"), (86_400_000, "1d")]
)
def test_the_text_has_the_largest_unit_that_divides(ms: int, written: str) -> None:
    assert to_text(ms) == written


@given(st.integers(0, 2**62))
def test_every_text_is_read_back(ms: int) -> None:
    assert to_ms(to_text(ms)) == ms
