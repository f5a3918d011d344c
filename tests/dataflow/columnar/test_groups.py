"""Groups of rows with equal codes, however many columns and however wide."""

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dataflow.columnar.groups import Digits, digits, group, order_by_group, ranges

ANY = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)


def together(rows: list[tuple[int, ...]]) -> list[int]:
    """For each row, the first one that is in its group."""
    parts = [digits(np.array(column, np.int64)) for column in zip(*rows, strict=True)]
    groups = group(parts, len(rows))
    assert sorted(set(groups.of_row.tolist())) == list(range(groups.count))
    assert groups.of_row[groups.sample].tolist() == list(range(groups.count))
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
