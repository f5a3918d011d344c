"""Values with types against an event model, where no format's own test says it: bounds, dates, words."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import pytest
from annotated_types import Ge, Lt
from pydantic import BaseModel

from dataflow import EventTimeMicros, EventTimeSeconds, EventTimeText
from dataflow.decode.fields import judge_values
from dataflow.event.schema import schema_of
from dataflow.formats.typed import Days, Other, Stamp
from dataflow.messages import Refusal


class Stay(BaseModel):
    at: Annotated[EventTimeSeconds, Ge(1_000)]
    day: Annotated[date, Lt(date(2030, 1, 1))] | None = None


STAY = schema_of(Stay)


def judged(**found: object) -> Any:
    verdict = judge_values(STAY, {"at": 2_000, **found})
    return (verdict.reason, verdict.field) if isinstance(verdict, Refusal) else verdict


def test_bounds_count_in_the_fields_own_unit_and_a_finer_time_keeps_its_milliseconds() -> None:
    assert judged(at=Stamp(1_000_500, 1_000)) == {"at": 1_000_500, "day": None}
    assert judged(at=Stamp(999_999, 1_000)) == ("constraint", "at")
    assert judged(at=999) == ("constraint", "at")
    micros = schema_of(type("M", (BaseModel,), {"__annotations__": {"at": EventTimeMicros}}))
    assert judge_values(micros, {"at": -1}) == {"at": -1}


@pytest.mark.parametrize(
    ("value", "becomes"),
    [
        (Days(0), date(1970, 1, 1)),
        (Days(-719_162), date(1, 1, 1)),
        (Days(-719_163), "constraint"),
        (Days(2_932_897), "constraint"),
        (Days(30_000), "constraint"),
        ("2026-02-28", date(2026, 2, 28)),
        ("2026-02-30", "constraint"),
        ("20260228", "constraint"),
        (5, "wrong_type"),
        (Stamp(1, 1), "wrong_type"),
        (None, None),
    ],
)
def test_a_date_is_days_or_text(value: object, becomes: object) -> None:
    found = judged(day=value)
    assert (found[0] if isinstance(found, tuple) else found["day"]) == becomes


def test_a_time_as_text_takes_text_and_instants() -> None:
    schema = schema_of(type("T", (BaseModel,), {"__annotations__": {"at": EventTimeText}}))
    assert judge_values(schema, {"at": "1970-01-01T00:00:01Z"}) == {"at": 1_000}
    assert judge_values(schema, {"at": Stamp(5, 1_000)}) == {"at": 5}
    for value, reason in (("yesterday", "constraint"), (5, "wrong_type"), (Other("bytes"), "wrong_type")):
        found = judge_values(schema, {"at": value})
        assert isinstance(found, Refusal)
        assert found.reason == reason


def test_a_texts_bounds_hold_for_instants_too() -> None:
    class Bounded(BaseModel):
        at: EventTimeText(start="2020-01-01")  # type: ignore[valid-type]

    schema = schema_of(Bounded)
    assert judge_values(schema, {"at": Stamp(1_600_000_000, 1)}) == {"at": 1_600_000_000_000}
    found = judge_values(schema, {"at": Stamp(5, 1_000)})
    assert isinstance(found, Refusal)
    assert found.reason == "constraint"


def test_a_refusal_shows_what_it_found() -> None:
    for value, said in (
        (Other("bytes"), "not bytes"),
        (Decimal("1.5"), "a decimal: 1.5"),
        (2**70, "outside int64"),
        ("x" * 100, "a string: " + "x" * 60 + "..."),
    ):
        found = judge_values(STAY, {"at": value})
        assert isinstance(found, Refusal)
        assert said in found.message
