"""Columns of a field's own type against its rules, wherever they begin in their buffers."""

from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from dataflow.decode.amounts import mark_money
from dataflow.decode.limits import money_of
from dataflow.decode.typed.judged import Dates, Floats, Texts
from dataflow.event.annotations import Constraints
from dataflow.event.fields import FieldKind
from tests.dataflow.decode.json.test_columns import leaf


@pytest.mark.parametrize(("shortest", "longest"), [(1, 2), (2, 3), (None, 2), (2, None), (0, 4)])
def test_lengths_are_counted_in_code_points(shortest: int | None, longest: int | None) -> None:
    texts = ["cut off", "", "é", "ab", "éé", "abc", "\U0001f600" * 3, None, "cut off"]
    column = pa.array(texts, pa.string()).slice(1, 7)
    marks = np.zeros(7, np.bool_)
    constraints = Constraints(min_length=shortest, max_length=longest)
    assert Texts(leaf(FieldKind.STR, pa.string(), nullable=True, constraints=constraints))(column, marks) is column
    fits = [each is None or (shortest or 0) <= len(each) <= (longest or 99) for each in texts[1:8]]
    assert marks.tolist() == [not fit for fit in fits]


def test_amounts_doubles_and_days_are_marked_and_nulls_are_not() -> None:
    marks = np.zeros(3, np.bool_)
    column = pa.array([Decimal(9), Decimal(1), None, Decimal(3), Decimal(9)], pa.decimal128(18, 6)).slice(1, 3)
    field = leaf(FieldKind.MONEY, pa.decimal128(18, 6), constraints=Constraints(bounds=(("lt", 3),)))
    mark_money(column, money_of(field), marks)
    assert marks.tolist() == [False, False, True]
    marks[:] = False
    positive = leaf(FieldKind.FLOAT, pa.float64(), nullable=True, constraints=Constraints(bounds=(("gt", 0),)))
    assert str(Floats(positive)(pa.array([9.0, -0.0, None, 0.5]).slice(1), marks)[0]) == "0.0"
    assert marks.tolist() == [True, False, False]
    marks[:] = False
    late = leaf(FieldKind.DATE, pa.date32(), constraints=Constraints(bounds=(("gt", date(2026, 1, 1)),)))
    Dates(late)(pa.array([None, date(2026, 1, 1), date(2026, 1, 2)]), marks)
    assert marks.tolist() == [False, True, False]
