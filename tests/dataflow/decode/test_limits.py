"""What an event's fields allow, column by column: a mark is never missing where a rule is broken."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.decode.limits import Texts, Whole, mark_money, money_of
from dataflow.event.annotations import COMPARE, Comparison, Constraints
from dataflow.event.fields import FieldKind
from tests.dataflow.decode.json.test_columns import INT64, leaf

BOUNDS = st.lists(
    st.tuples(st.sampled_from(["ge", "gt", "le", "lt"]), st.integers(-(2**64), 2**64) | st.sampled_from(INT64)),
    max_size=2,
)


@given(BOUNDS, st.lists(st.integers(1, 5) | st.just(2**64), max_size=1), st.integers(*INT64) | st.integers(-9, 9))
def test_a_whole_number_is_marked_where_a_bound_or_a_step_is_broken(
    bounds: list[tuple[Comparison, int]], steps: list[int], value: int
) -> None:
    whole = Whole(Constraints(bounds=tuple(bounds), multiples=tuple(steps)))
    marks = np.zeros(1, np.bool_)
    whole.mark(np.array([value], np.int64), None, marks)
    fits = all(COMPARE[comparison](value, bound) for comparison, bound in bounds)
    assert bool(marks[0]) == (not (fits and all(value % step == 0 for step in steps)))


def test_nulls_are_never_marked_and_marks_of_others_stay() -> None:
    marks = np.array([True, False, False])
    Whole(Constraints(bounds=(("ge", 5),))).mark(np.array([9, 0, 0]), np.array([False, True, False]), marks)
    assert marks.tolist() == [True, False, True]


def test_a_bound_between_two_units_is_rounded_to_the_inside() -> None:
    whole = Whole(Constraints(bounds=(("ge", 1), ("lt", 2))), lambda bound: Fraction(bound * 10, 3))
    assert (whole.low, whole.high) == (4, 6)


def test_bounds_of_money_count_in_millionths() -> None:
    bounds: tuple[tuple[Comparison, Any], ...] = (("ge", Decimal("0.5")), ("lt", 2))
    whole = money_of(leaf(FieldKind.MONEY, pa.decimal128(18, 6), constraints=Constraints(bounds=bounds)))
    assert (whole.low, whole.high) == (500_000, 1_999_999)


@pytest.mark.parametrize(("shortest", "longest"), [(1, 2), (2, 3), (None, 2), (2, None), (0, 4)])
def test_lengths_are_counted_in_code_points_wherever_a_column_begins(shortest: int | None, longest: int | None) -> None:
    texts = ["cut off", "", "é", "ab", "éé", "abc", "\U0001f600" * 3, None, "cut off"]
    column = pa.array(texts, pa.string()).slice(1, 7)
    marks = np.zeros(7, np.bool_)
    constraints = Constraints(min_length=shortest, max_length=longest)
    assert Texts(leaf(FieldKind.STR, pa.string(), nullable=True, constraints=constraints))(column, marks) is column
    fits = [each is None or (shortest or 0) <= len(each) <= (longest or 99) for each in texts[1:8]]
    assert marks.tolist() == [not fit for fit in fits]


def test_amounts_are_marked_wherever_a_column_begins() -> None:
    column = pa.array([Decimal(9), Decimal(1), None, Decimal(3), Decimal(9)], pa.decimal128(18, 6)).slice(1, 3)
    marks = np.zeros(3, np.bool_)
    field = leaf(FieldKind.MONEY, pa.decimal128(18, 6), constraints=Constraints(bounds=(("lt", 3),)))
    mark_money(column, money_of(field), marks)
    assert marks.tolist() == [False, False, True]
