"""Limits over whole columns: what breaks one is marked, and nothing else."""

from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from pydantic import StringConstraints, TypeAdapter

from dataflow.decode.limits import Whole, mark_patterns, money_of
from dataflow.event.annotations import COMPARE, Comparison, Constraints
from dataflow.event.fields import FieldKind
from tests.dataflow.decode.json.test_columns import leaf

INT64 = (-(2**63), 2**63 - 1)

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


def test_texts_that_a_pattern_refuses_are_marked_and_nulls_are_not() -> None:
    adapter: TypeAdapter[object] = TypeAdapter(Annotated[str, StringConstraints(pattern="^a+$")])
    marks = np.zeros(4, np.bool_)
    mark_patterns(adapter, pa.array(["a", "b", None, "aa"]), marks)
    assert marks.tolist() == [False, True, False, False]
