"""Lists of JSON values to columns: what is marked, and that a mark is never missing where a rule is broken."""

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from dataflow.decode.json.columns import NULL, column_of
from dataflow.decode.limits import ints_of
from dataflow.event.annotations import Constraints
from dataflow.event.fields import EVENT_TIME_LIMIT_MS, FieldKind, TimeUnit
from dataflow.event.schema import EventField

INT64 = (-(2**63), 2**63 - 1)


def leaf(kind: FieldKind, type_: pa.DataType, **changes: Any) -> EventField:
    fields: dict[str, Any] = {"nullable": False, "required": True, "default": None, **changes}
    return EventField("x", ("x",), kind, type_, **fields)


def made(field: EventField, values: list[Any]) -> tuple[list[Any], list[bool]]:
    marks = np.zeros(len(values), np.bool_)
    column = column_of(field)(values, marks)
    assert column.type == field.type
    return column.to_pylist(), marks.tolist()


def raw(*texts: str) -> list[msgspec.Raw]:
    return [msgspec.Raw(text.encode()) for text in texts]


def test_text_is_marked_by_its_length_in_code_points() -> None:
    field = leaf(FieldKind.STR, pa.string(), nullable=True, constraints=Constraints(min_length=1, max_length=2))
    values = ["", "é", "\U0001f600\U0001f600", "abc", None]
    assert made(field, values) == (values, [True, False, False, True, False])


def test_ints_that_int64_cannot_hold_are_marked_and_their_neighbours_are_not() -> None:
    values, marks = made(leaf(FieldKind.INT, pa.int64()), [1, 2**63, -(2**63), -(2**63) - 1])
    assert marks == [False, True, False, True]
    assert (values[0], values[2]) == (1, -(2**63))


def test_event_times_come_to_milliseconds_rounded_down() -> None:
    assert made(leaf(FieldKind.EVENT_TIME, pa.int64(), unit=TimeUnit.SECONDS), [-1, 5])[0] == [-1_000, 5_000]
    assert made(leaf(FieldKind.EVENT_TIME, pa.int64(), unit=TimeUnit.MICROS), [-1, 1_999])[0] == [-1, 1]
    assert made(leaf(FieldKind.EVENT_TIME, pa.int64(), unit=TimeUnit.NANOS), [-1, 1_999_999])[0] == [-1, 1]


def test_event_times_beyond_the_limit_are_marked_in_their_own_unit() -> None:
    limit = EVENT_TIME_LIMIT_MS
    field = leaf(FieldKind.EVENT_TIME, pa.int64(), unit=TimeUnit.MILLIS)
    assert made(field, [limit, limit + 1, -limit, -limit - 1])[1] == [False, True, False, True]
    assert ints_of(leaf(FieldKind.EVENT_TIME, pa.int64(), unit=TimeUnit.MICROS)).high == limit * 1_000 + 999


def test_minus_zero_is_zero_and_a_bound_marks_doubles() -> None:
    field = leaf(FieldKind.FLOAT, pa.float64(), nullable=True, constraints=Constraints(bounds=(("gt", 0),)))
    values, marks = made(field, [-0.0, 0.5, None])
    assert str(values[0]) == "0.0"
    assert marks == [True, False, False]


def test_dates_are_compared_by_their_days() -> None:
    low = date(2026, 1, 1)
    field = leaf(FieldKind.DATE, pa.date32(), nullable=True, constraints=Constraints(bounds=(("gt", low),)))
    assert made(field, [low, date(2026, 1, 2), None])[1] == [True, False, False]


def test_money_is_read_from_its_own_digits() -> None:
    field = leaf(FieldKind.MONEY, pa.decimal128(18, 6))
    values, marks = made(field, raw("0.1", "-3", "1e3", "999999999999.999999"))
    assert values == [Decimal("0.1"), Decimal(-3), Decimal(1000), Decimal("999999999999.999999")]
    assert not any(marks)


@pytest.mark.parametrize("text", ["1000000000000", "0.0000001", "1e-224", "1" * 40, "1e400"])
def test_money_that_does_not_fit_is_marked_and_costs_no_neighbour(text: str) -> None:
    values, marks = made(leaf(FieldKind.MONEY, pa.decimal128(18, 6)), raw("1.5", text, "2.5"))
    assert marks == [False, True, False]
    assert (values[0], values[2]) == (Decimal("1.5"), Decimal("2.5"))


def test_a_null_that_a_record_wrote_is_marked_where_only_an_absent_object_gives_one() -> None:
    field = leaf(FieldKind.MONEY, pa.decimal128(18, 6), nullable=True, null_ok=False)
    values, marks = made(field, [NULL, msgspec.Raw(b"null"), msgspec.Raw(b"1")])
    assert (values, marks) == ([None, None, Decimal(1)], [False, True, False])


def test_a_column_of_nulls_alone_is_null() -> None:
    field = leaf(FieldKind.MONEY, pa.decimal128(18, 6), nullable=True, null_ok=True)
    assert made(field, [NULL, NULL]) == ([None, None], [False, False])


def test_times_as_text_are_read_in_any_zone_and_what_is_none_is_marked() -> None:
    field = leaf(FieldKind.EVENT_TIME, pa.int64(), unit=TimeUnit.TEXT)
    plain = ["2026-01-01T00:00:00Z", "2026-01-01T01:00:00.0019+01:00"]
    assert made(field, plain) == ([1_767_225_600_000, 1_767_225_600_001], [False, False])
    values, marks = made(field, [plain[0], "2026-02-30T00:00:00Z", "soon"])
    assert (values[0], marks) == (1_767_225_600_000, [False, True, True])
