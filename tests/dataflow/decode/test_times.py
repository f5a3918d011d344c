"""Columns of times as text: what one text gives, every text among others gives."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dataflow.decode.times import TextTimes, strict_times
from dataflow.event.fields import text_to_ms
from dataflow.event.text_time import TextTime

FORMS = (
    TextTime("ms", None, "2000-01-01", "2100-01-01"),
    TextTime("s", "Europe/Amsterdam", None, None),
    TextTime("us", "America/Sao_Paulo", "1969-12-31", None),
    TextTime("ns", None, None, "2100-01-01"),
)
clocks = st.builds(
    lambda day, blank, time, decimals, zone: f"{day}{blank}{time}{decimals}{zone}",
    st.sampled_from(("2026-03-29", "2026-10-25", "2018-11-04", "1969-12-31", "2100-01-01", "9999-12-31", "2026-02-29")),
    st.sampled_from("Tt _"),
    st.sampled_from(("00:00:00", "02:30:00", "23:59:59", "24:00:00", "23:59:60")),
    st.sampled_from(("", ".0", ".9999999999", ".12", ".")),
    st.sampled_from(("", "Z", "z", "+01:00", "+0100", "-0330", "+24:00", "+01", " Z", "-0360")),
)
digits = st.integers(-(10**20), 10**20).map(str) | st.integers(1, 10**13).map(lambda n: f"{n}.5") | st.just("")
texts = st.lists(clocks | digits, min_size=1, max_size=12)


def check(column: list[int], marks: list[bool], written: list[str], read: Callable[[str], int]) -> None:
    for text, found, marked in zip(written, column, marks, strict=True):
        try:
            wanted = read(text)
        except ValueError:
            assert marked, text
        else:
            assert marked or found == wanted, text


@given(texts, st.sampled_from(FORMS))
@settings(deadline=None)
@example(["2026-02-29 00:00:00Z", "2026-03-29 02:30:00", "1772359200000"], FORMS[1])
def test_a_column_of_forms_is_that_of_its_texts_one_by_one(written: list[str], form: TextTime) -> None:
    marks = np.zeros(len(written), np.bool_)
    column = TextTimes(form)(list(written), marks).to_pylist()
    check(column, marks.tolist(), written, form.to_ms)


@given(texts)
@settings(deadline=None)
def test_a_column_of_strict_texts_is_that_of_its_texts_one_by_one(written: list[str]) -> None:
    marks = np.zeros(len(written), np.bool_)
    column = strict_times(list(written), marks).to_pylist()
    check(column, marks.tolist(), written, text_to_ms)


@pytest.mark.parametrize("text", ["1772359200000", "2026-03-01T10:00:00Z", "2026-03-01 11:00:00.5+0100"])
def test_what_is_plain_and_within_bounds_is_not_judged_again(text: str) -> None:
    marks = np.zeros(3, np.bool_)
    TextTimes(FORMS[0])([text] * 3, marks)
    assert not marks.any()
