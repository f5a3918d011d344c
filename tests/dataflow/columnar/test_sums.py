"""Sums in 128 bits: equal to Python's own integers wherever a word overflows."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.columnar.sums import Words, decimals, sums_of_runs, widened, words_of

LOW, HIGH = -(2**63), 2**63 - 1
NUMBERS = st.integers(LOW, HIGH) | st.sampled_from([LOW, HIGH, -1, 0, 1, 2**32 - 1, 2**32, -(2**32)])
WIDE = st.integers(-(2**124), 2**124) | st.sampled_from([2**64 - 1, 2**64, -(2**64), -(2**64) - 1, 2**63, -(2**63) - 1])
"""Sums of up to seven of them have 128 bits, as those of a lake's decimals do."""


def numbers(words: Words) -> list[int]:
    low, high = words
    return [(int(upper) << 64) + int(lower) for lower, upper in zip(low, high, strict=True)]


def words(values: list[int]) -> Words:
    low = np.array([value & (2**64 - 1) for value in values], np.uint64)
    return low, np.array([value >> 64 for value in values], np.int64)


@pytest.mark.parametrize(
    "values",
    [
        [2**64 - 1, 1],  # out of the low word
        [2**64 - 2**32, 2**32],  # out of its upper half alone
        [2**32 - 1] * 3 + [2**64],
        [-1, 1, 2**64],
        [-(2**64), -1],
        [HIGH, HIGH],  # small enough one by one, not together
    ],
)
def test_the_sum_of_a_run_carries_from_word_to_word(values: list[int]) -> None:
    assert numbers(sums_of_runs(words(values), np.array([0]))) == [sum(values)]


@given(st.lists(st.lists(WIDE, min_size=1, max_size=5), min_size=1, max_size=4))
def test_sums_of_runs_are_exact(runs: list[list[int]]) -> None:
    starts = np.cumsum([0, *[len(run) for run in runs[:-1]]])
    assert numbers(sums_of_runs(words([value for run in runs for value in run]), starts)) == [sum(run) for run in runs]


@given(st.lists(st.none() | st.integers(-(10**38) + 1, 10**38 - 1), max_size=9), st.integers(0, 3))
def test_a_decimal_column_and_its_words_are_the_same_numbers(values: list[int | None], skipped: int) -> None:
    kind = pa.decimal128(38, 0)
    column = pa.array(values, pa.decimal256(39, 0)).cast(kind).slice(skipped)
    valid = np.asarray(column.is_valid())
    assert numbers(words_of(column)) == [value or 0 for value in values[skipped:]]
    assert decimals(words_of(column), valid, kind).equals(column)


def test_small_numbers_keep_their_sign_when_widened() -> None:
    assert numbers(widened(np.array([LOW, -1, 0, HIGH]))) == [LOW, -1, 0, HIGH]
