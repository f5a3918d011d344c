"""The share of dead letters that a run may have."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.losses.limit import DeadShare


@pytest.mark.parametrize("text", ["", "10", "0.1", "100%", "-1%", "10 %", " 10%", "1e1%", "10.12345%", "ten%", "٣%"])
def test_what_is_no_percentage_below_a_hundred_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="should be a percentage from 0% to below 100%, like 10%"):
        DeadShare(text)


def test_the_share_itself_is_allowed_and_one_record_more_is_not() -> None:
    assert not DeadShare("10%").is_passed(100, 1_000)
    assert DeadShare("10%").is_passed(101, 1_000)
    assert DeadShare("0%").is_passed(1, 10**9)
    assert not DeadShare("0%").is_passed(0, 0)


@given(st.integers(0, 999_999), st.integers(0, 10**12), st.integers(0, 10**12))
def test_it_is_passed_exactly_where_the_fraction_is(parts: int, dead: int, read: int) -> None:
    share = DeadShare(f"{parts // 10_000}.{parts % 10_000:04d}%")
    assert share.is_passed(dead, read) == (Fraction(dead) > Fraction(parts, 1_000_000) * read)
