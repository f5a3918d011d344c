"""Slots to columns: what is not marked is what the contract makes of the value."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pytest
from annotated_types import Ge, Gt, Le, Lt
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from dataflow import EventTime, EventTimeMicros, EventTimeNanos, EventTimeSeconds, EventTimeText, Money
from dataflow.decode.binary.slots import FIRST_CONSTANT, NULL, THERE, Leaf, LeafColumn, Slots, Source, Unfit, fits
from dataflow.decode.fields import judge_field
from dataflow.event.schema import EventField, schema_of
from dataflow.formats.typed import Days, Stamp
from dataflow.messages import Refusal


class Numbers(BaseModel):
    at: EventTime
    whole: Annotated[int, Ge(-5), Lt(2**40)]
    share: Annotated[float, Gt(-1e300)]
    money: Annotated[Money, Le(Decimal("1e9"))]
    day: Annotated[date, Ge(date(1970, 1, 2))]


class Seconds(BaseModel):
    at: Annotated[EventTimeSeconds, Ge(5), Le(2**40)]


class Micros(BaseModel):
    at: Annotated[EventTimeMicros, Ge(5)]


class Nanos(BaseModel):
    at: Annotated[EventTimeNanos, Le(2**60)]


class Text(BaseModel):
    at: EventTimeText(unit="ms", start="2000-01-01", end="2100-01-01")  # type: ignore[valid-type]


FIELDS = {leaf.name: leaf for leaf in schema_of(Numbers).fields}
TIMES = [schema_of(model).fields[0] for model in (Numbers, Seconds, Micros, Nanos, Text)]
INT64 = st.integers(-(2**63), 2**63 - 1)
NEAR = st.builds(
    lambda base, power, over: base * 10**power + over, st.integers(-9, 9), st.integers(0, 17), st.integers(-2, 2)
)
DOUBLES = st.one_of(
    st.floats(),
    st.floats(width=32),
    st.integers(-(10**18), 10**18).map(lambda micros: micros / 10**6),
    st.integers(-(10**7), 10**7).map(lambda cents: cents / 100),
)


def no_text(_places: Any) -> pa.Array:
    raise AssertionError("numbers have no text")


def assert_judged(leaf: EventField, source: Source, slot: int, value: object) -> bool:
    """Whether the slot was read; what was not is the contract's."""
    marks = np.zeros(1, np.bool_)
    column = LeafColumn(Leaf(leaf, source)).column(
        Slots(np.array([slot], np.int64), np.array([THERE], np.uint8), no_text), marks
    )
    column.validate(full=True)
    assert column.type == leaf.type
    verdict = judge_field(leaf, value)
    if not marks[0]:
        assert not isinstance(verdict, Refusal), (slot, value)
        assert column[0].as_py() == verdict
        assert str(column[0].as_py()) == str(verdict)
    return not marks[0] or isinstance(verdict, Refusal)


@given(st.sampled_from(["whole", "share", "money", "at"]), INT64 | NEAR | st.integers(-10, 10))
def test_whole_numbers_are_what_the_contract_says_and_only_refused_ones_are_marked(name: str, number: int) -> None:
    assert assert_judged(FIELDS[name], Source("whole"), number, number)


@given(st.sampled_from(["share", "money"]), DOUBLES)
def test_doubles_are_what_the_contract_says(name: str, number: float) -> None:
    slot = int(np.array([number]).view(np.int64)[0])
    assert assert_judged(FIELDS[name], Source("double"), slot, number) or abs(number) >= 1e9


@given(st.sampled_from(["share", "money"]), st.floats(width=32))
def test_floats_are_the_doubles_that_they_equal(name: str, number: float) -> None:
    slot = int(np.array([number], np.float32).view(np.uint32)[0])
    assert assert_judged(FIELDS[name], Source("float"), slot, number) or abs(number) >= 1e9


@given(st.integers(-(10**18) + 1, 10**18 - 1))
def test_millionths_are_money(micros: int) -> None:
    assert assert_judged(FIELDS["money"], Source("micros"), micros, Decimal(micros).scaleb(-6))


@given(
    st.integers(-(2**31), 2**31 - 1)
    | st.integers(-3, 3)
    | st.integers(-719_170, -719_160)
    | st.integers(2_932_890, 2_932_900)
)
def test_days_are_dates(days: int) -> None:
    assert assert_judged(FIELDS["day"], Source("days"), days, Days(days))


@given(st.sampled_from(TIMES), st.sampled_from([10**3, 10**6, 10**9]), INT64 | NEAR)
def test_instants_of_any_unit_are_event_times_of_any_unit(leaf: EventField, per_second: int, ticks: int) -> None:
    read = assert_judged(leaf, Source("ticks", per_second), ticks, Stamp(ticks, per_second))
    # a limit in smaller units than the instant's is looked at where int64 holds them
    assert read or abs(ticks) > (2**63 - 1) // 10**6


def test_nulls_and_constants_stand_where_they_are_and_are_never_marked() -> None:
    leaf = Leaf(FIELDS["whole"], Source("whole"))
    assert (leaf.code(None), leaf.code(7), leaf.code(7), leaf.code(9)) == (
        NULL,
        *[FIRST_CONSTANT] * 2,
        FIRST_CONSTANT + 1,
    )
    there = np.array([THERE, NULL, FIRST_CONSTANT, FIRST_CONSTANT + 1, THERE], np.uint8)
    marks = np.zeros(5, np.bool_)
    column = LeafColumn(leaf).column(Slots(np.array([1, -100, -100, -100, -100]), there, no_text), marks)
    assert column.to_pylist()[:4] == [1, None, 7, 9]
    assert marks.tolist() == [False, False, False, False, True]
    for code, value in ((NULL, None), (FIRST_CONSTANT, 7)):
        column = LeafColumn(leaf).column(Slots(np.zeros(3, np.int64), np.full(3, code, np.uint8), no_text), marks[:3])
        assert column.to_pylist() == [value] * 3
        assert column.type == pa.int64()


def test_a_field_with_very_many_defaults_is_read_row_by_row() -> None:
    leaf = Leaf(FIELDS["whole"])
    assert [leaf.code(number) for number in range(1_000, 1_200)] == list(range(FIRST_CONSTANT, FIRST_CONSTANT + 200))
    with pytest.raises(Unfit, match="more than 200 defaults"):
        leaf.code(5_000)


def test_a_field_takes_what_the_contract_takes() -> None:
    whole, stamp = Source("whole"), Source("ticks", 1_000)
    assert [fits(FIELDS[name], whole) for name in FIELDS] == [True, True, True, True, False]
    assert [fits(FIELDS[name], stamp) for name in FIELDS] == [True, False, False, False, False]
    assert (fits(TIMES[4], Source("text")), fits(TIMES[4], whole), fits(TIMES[0], Source("text"))) == (
        True,
        False,
        False,
    )
