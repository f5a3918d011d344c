"""Groups of rows with equal codes, however many columns and however wide."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.columnar.groups import Digits, Groups, added_up, counted, digits, group, order_by_group, ranges

ANY = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)
LOW, HIGH = -(2**63), 2**63 - 1
NUMBERS = st.integers(LOW, HIGH) | st.sampled_from([LOW, HIGH, -1, 0, 1, 2**32 - 1, 2**32, -(2**32)])


def together(rows: list[tuple[int, ...]]) -> list[int]:
    """For each row, the first one that is in its group."""
    parts = [digits(np.array(column, np.int64)) for column in zip(*rows, strict=True)]
    groups = group(parts, len(rows))
    assert sorted(set(groups.of_row.tolist())) == list(range(groups.count))
    assert groups.of_row[groups.sample].tolist() == list(range(groups.count))
    assert groups.sizes.tolist() == np.bincount(groups.of_row, minlength=groups.count).tolist()
    numbers = groups.of_row.tolist()
    return [numbers.index(number) for number in numbers]


def test_columns_whose_codes_together_leave_64_bits_are_still_told_apart() -> None:
    # six columns of 4096 codes each: the first one's code is multiplied by 2**60
    rows = [
        tuple(code if at == place else 0 for at in range(6)) for place, code in product(range(6), range(0, 4096, 273))
    ]
    rows += [(4095,) * 6, (16, *[0] * 5), (0,) * 6]
    assert together(rows) == [rows.index(row) for row in rows]


def test_two_codes_that_differ_by_a_whole_64_bits_are_two_groups() -> None:
    wide = Digits(np.array([0, 2**24], np.intp), 2**25)
    groups = group([wide, Digits(np.array([5, 5], np.intp), 2**40)], 2)
    assert groups.count == 2


@given(st.lists(st.tuples(ANY, ANY, ANY), min_size=1, max_size=8))
def test_rows_are_in_one_group_only_if_all_their_values_are_equal(rows: list[tuple[int, ...]]) -> None:
    assert together(rows) == [rows.index(row) for row in rows]


def test_without_columns_all_rows_are_one_group_and_no_rows_are_none() -> None:
    assert (group([], 3).count, group([], 0).count) == (1, 0)
    assert group([digits(np.zeros(0, np.int64))], 0).count == 0


@given(st.lists(st.integers(0, 70_000), max_size=20))
def test_the_order_by_group_leaves_rows_of_one_group_as_they_were(numbers: list[int]) -> None:
    wanted = sorted(range(len(numbers)), key=lambda at: (numbers[at], at))
    for count in (70_001, 2**20):
        assert order_by_group(np.array(numbers, np.intp), count).tolist() == wanted
    if max(numbers, default=0) < 2**16:
        assert order_by_group(np.array(numbers, np.intp), 2**16).tolist() == wanted


def test_ranges_are_written_out_one_after_the_other() -> None:
    assert ranges(np.array([5, 9, 2]), np.array([2, 0, 3])).tolist() == [5, 6, 2, 3, 4]
    assert ranges(np.array([], np.intp), np.array([], np.int64)).tolist() == []


@given(st.lists(st.tuples(ANY, ANY, st.booleans()), min_size=1, max_size=30), st.sampled_from([1, 2**40]))
def test_some_rows_are_grouped_as_if_they_were_all(rows: list[tuple[int, int, bool]], wide: int) -> None:
    parts = [digits(np.array([row[at] for row in rows], np.int64)) for at in (0, 1)]
    # codes far apart are looked up, close ones are places of a table
    parts = [Digits(part.of_row * wide, part.size * wide) for part in parts[:1]] + parts[1:]
    at = np.flatnonzero([row[2] for row in rows])
    picked = group([Digits(part.of_row[at], part.size) for part in parts], len(at))
    there = group(parts, len(at), at)
    assert there.of_row.tolist() == picked.of_row.tolist()
    assert there.sizes.tolist() == picked.sizes.tolist()
    assert there.of_row[there.sample].tolist() == list(range(there.count))


def test_a_hundred_thousand_codes_far_apart_are_told_apart() -> None:
    codes = np.random.default_rng(1).permutation(np.repeat(np.arange(100_000) * 2**40, 2))
    groups = group([Digits(codes, 2**60)], len(codes))
    assert groups.count == 100_000
    assert (codes[groups.sample][groups.of_row] == codes).all()
    assert set(groups.sizes.tolist()) == {2}


def of(groups: list[int], count: int) -> Groups:
    numbers = np.array(groups, np.intp)
    return Groups(numbers, np.zeros(count, np.intp), np.bincount(numbers, minlength=count))


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.booleans(), st.booleans(), NUMBERS), max_size=12))
def test_counts_and_sums_are_of_the_rows_that_are_picked_and_taken(
    rows: list[tuple[int, bool, bool, bool, int]],
) -> None:
    at = np.array([place for place, row in enumerate(rows) if row[1]], np.intp)
    mask, valid = np.array([row[2] for row in rows], np.bool_), np.array([row[3] for row in rows], np.bool_)
    groups = of([row[0] for row in rows if row[1]], 3)
    taken = [[row for row in rows if row[0] == number and row[1]] for number in range(3)]
    assert counted(groups, at, mask, valid).tolist() == [sum(row[2] and row[3] for row in each) for each in taken]
    assert counted(groups, at, None, None).tolist() == groups.sizes.tolist()
    low, high = added_up(groups, at, mask, np.array([row[4] for row in rows], np.int64))
    sums = [(int(upper) << 64) + int(lower) for lower, upper in zip(low, high, strict=True)]
    assert sums == [sum(row[4] for row in each if row[2]) for each in taken]


@pytest.mark.parametrize(
    "values",
    [
        [2**32 - 1] * 4 + [2**62],
        [HIGH - (2**32 - 1)] * 2 + [2**32] + [2**32 - 1] * 2,
        [HIGH] * 3,  # out of the low word
        [LOW] * 3,
        [-1, -(2**53)],
        [2**53, 1],  # beyond what doubles tell apart
    ],
)
def test_the_sum_of_a_group_carries_from_word_to_word(values: list[int]) -> None:
    low, high = added_up(of([0] * len(values), 1), None, None, np.array(values, np.int64))
    assert (int(high[0]) << 64) + int(low[0]) == sum(values)
