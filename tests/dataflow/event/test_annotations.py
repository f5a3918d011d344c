"""Annotations read: type, null, constraints in one plain form, and which of them a kind cannot have."""

from datetime import date
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, Optional, Union

import annotated_types as at
import pytest
from pydantic import Field, StringConstraints

from dataflow.event.annotations import Constraints, gather, kind_of, misfits, unwrap
from dataflow.event.fields import FieldKind, TimeUnit


class Color(Enum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


class Mixed(Enum):
    A = "a"
    B = 2


@pytest.mark.parametrize(
    ("annotation", "bare", "null_ok"),
    [
        (int, int, False),
        (int | None, int, True),
        (Optional[Annotated[int, "x"]], int, True),  # noqa: UP045 - the old form is read as well
        (Annotated[int | None, "x"], int, True),
        (Union[int, str], Union[int, str], False),  # noqa: UP007 - as above
        (int | str | None, int | str | None, False),
    ],
)
def test_optional_and_annotated_are_taken_off_in_any_order(annotation: Any, bare: Any, null_ok: bool) -> None:
    found, _, null = unwrap(annotation, [])
    assert (found, null) == (bare, null_ok)


def test_metadata_is_gathered_from_the_inside_out() -> None:
    inner = Annotated[int, "inner"]
    assert unwrap(Annotated[inner | None, "outer"], ["field"])[1] == ["inner", "outer", "field"]


def test_of_several_lengths_the_narrowest_count() -> None:
    constraints, others = gather([at.Len(1, 9), at.MinLen(3), at.MaxLen(20)])
    assert (constraints.min_length, constraints.max_length, others) == (3, 9, [])


def test_bounds_steps_and_patterns_are_all_kept() -> None:
    constraints, others = gather([at.Interval(ge=1, lt=9), at.Gt(0), at.Le(8), at.MultipleOf(2), Field(pattern="^a")])
    assert constraints.bounds == (("ge", 1), ("lt", 9), ("gt", 0), ("le", 8))
    assert (constraints.multiples, constraints.patterns, others) == ((2,), ("^a",), [])


def test_what_is_no_constraint_is_given_back() -> None:
    strip = StringConstraints(strip_whitespace=True)
    constraints, others = gather([TimeUnit.SECONDS, "note", None])
    assert not constraints
    assert others == [TimeUnit.SECONDS, "note"]
    assert gather([strip])[1] != []


def test_no_constraints_are_false_and_a_length_of_0_is_one() -> None:
    assert not Constraints()
    assert Constraints(min_length=0)
    assert Constraints(max_length=0)
    assert Constraints(bounds=(("ge", 0),))


@pytest.mark.parametrize(
    ("bare", "kind", "choices"),
    [
        (str, FieldKind.STR, None),
        (bool, FieldKind.BOOL, None),
        (date, FieldKind.DATE, None),
        (Literal["a", "b"], FieldKind.STR, ("a", "b")),
        (Literal[1, 2], FieldKind.INT, (1, 2)),
        (Color, FieldKind.STR, ("red",)),
        (Level, FieldKind.INT, (1,)),
        (Mixed, None, None),
        (Literal[True], None, None),
        (Literal[2**63], None, None),
        (bytes, None, None),
        (Decimal, None, None),
        (list[int], None, None),
    ],
)
def test_a_type_has_its_kind_or_none(bare: Any, kind: FieldKind | None, choices: Any) -> None:
    assert kind_of(bare, [], False) == (kind, choices)


def test_markers_decide_before_the_type() -> None:
    assert kind_of(int, [TimeUnit.MILLIS], False) == (FieldKind.EVENT_TIME, None)
    assert kind_of(Decimal, [], True) == (FieldKind.MONEY, None)


def told(kind: FieldKind, constraints: Constraints, choices: Any = None, units: Any = ()) -> list[str]:
    return list(misfits(kind, list(units), choices, constraints))


def bound(value: Any) -> Constraints:
    return Constraints(bounds=(("ge", value),))


@pytest.mark.parametrize(
    ("kind", "constraints"),
    [
        (FieldKind.STR, Constraints(1, 5, patterns=("a",))),
        (FieldKind.INT, Constraints(bounds=(("gt", 0),), multiples=(5,))),
        (FieldKind.FLOAT, bound(1)),
        (FieldKind.MONEY, Constraints(bounds=(("ge", Decimal("0.5")),), multiples=(Decimal("0.01"),))),
        (FieldKind.DATE, bound(date(2026, 1, 1))),
        (FieldKind.EVENT_TIME, bound(0)),
    ],
)
def test_constraints_that_fit_are_no_mistake(kind: FieldKind, constraints: Constraints) -> None:
    assert told(kind, constraints) == []


@pytest.mark.parametrize(
    ("kind", "constraints", "said"),
    [
        (FieldKind.INT, Constraints(min_length=1), "a length fits only text"),
        (FieldKind.DATE, Constraints(patterns=("a",)), "a pattern fits only text"),
        (FieldKind.INT, bound(1.5), "ge=1.5 does not fit; give a bound of type int"),
        (FieldKind.INT, bound(True), "ge=True does not fit"),
        (FieldKind.BOOL, bound(1), "drop the bound"),
        (FieldKind.FLOAT, bound(float("nan")), "is no number"),
        (FieldKind.MONEY, bound(Decimal("Infinity")), "is no number"),
        (FieldKind.FLOAT, Constraints(multiples=(2,)), "fits only int and Money"),
        (FieldKind.INT, Constraints(multiples=(0,)), "give a positive int"),
        (FieldKind.MONEY, Constraints(multiples=(Decimal("0.0000001"),)), "more than 6 decimals"),
    ],
)
def test_constraints_that_do_not_fit_are_told_with_what_to_do(
    kind: FieldKind, constraints: Constraints, said: str
) -> None:
    (mistake,) = told(kind, constraints)
    assert said in mistake


def test_choices_take_no_further_constraint() -> None:
    assert told(FieldKind.STR, Constraints(min_length=1), choices=("a",)) == ["a length fits only text; drop it"]
    assert len(told(FieldKind.INT, Constraints(multiples=(2,)), choices=(1, 2))) == 1


def test_an_event_time_written_as_text_has_no_bound() -> None:
    assert "drop the bound" in told(FieldKind.EVENT_TIME, bound(0), units=[TimeUnit.TEXT])[0]
