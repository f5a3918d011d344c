"""EventTimeText(...): its forms, its bounds, what it says of a time in another unit."""

from typing import Annotated, Any

import pytest
from annotated_types import Ge
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError, create_model

from dataflow import EventTime, EventTimeText, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.decode.json.contract import judge_record
from dataflow.errors import PipelineError
from dataflow.event.schema import EventField, schema_of
from dataflow.event.text_time import TextTime
from dataflow.messages import Refusal
from dataflow.pipeline.plan import make_plan
from dataflow.windows import tumble

form: Any = EventTimeText
"""As a pipeline file calls it, which type checkers do not follow."""
AT_MS = 1_772_359_200_000
"""2026-03-01T10:00:00Z."""


def field(kind: Any) -> EventField:
    return schema_of(create_model("Event", at=(kind, ...))).event_time


def free(unit: str = "ms", zone: str | None = None) -> TextTime:
    return TextTime(unit, zone, None, None)


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("s", "1772359200"), ("s", "1772359200.0009999"), ("ms", "1772359200000"), ("us", "1772359200000999"),
        ("ns", "1772359200000999999"), ("ns", "0001772359200000999999.5"),
    ],
)  # fmt: skip
def test_digits_are_of_the_unit_and_floored(unit: str, text: str) -> None:
    assert field(form(unit=unit)).text_ms(text) == AT_MS


@given(st.sampled_from(("s", "ms", "us", "ns")), st.integers(-(10**20), 10**20), st.text("0123456789", max_size=8))
def test_digits_are_floored_on_both_sides_of_1970(unit: str, whole: int, decimals: str) -> None:
    from fractions import Fraction
    from math import floor

    text = f"{whole}.{decimals}" if decimals else str(whole)
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    exact = floor(Fraction(text) * 1_000 / per_second)
    if abs(exact) <= 9 * 10**15:
        assert free(unit).to_ms(text) == exact
    else:
        with pytest.raises(ValueError, match="is not within"):
            free(unit).to_ms(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T10:00:00Z", "2026-03-01 10:00:00z", "2026-03-01t11:00:00+01:00", "2026-03-01 11:00:00+0100",
        "2026-03-01T04:30:00.0009999999999999-0530",
    ],
)  # fmt: skip
def test_rfc_3339_comes_with_any_zone_and_any_number_of_decimals(text: str) -> None:
    assert free().to_ms(text) == AT_MS


@pytest.mark.parametrize(
    "text",
    [
        "", "2026-03-01", "2026-03-01T10:00Z", "2026-02-29T10:00:00Z", "2026-03-01T10:00:60Z", "2026-03-01T10:00:00",
        "2026-03-01T10:00:00+24:00", "2026-03-01T10:00:00+01:60", " 1772359200", "1772359200s", "1.77e9", "+1772359200",
        "2026-03-01T10:00:00,5Z", "\u0661\u0667\u0667", "9" * 60,
    ],
)  # fmt: skip
def test_anything_else_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"write RFC 3339|from 1970|zone|day|month|second|hour|digits"):
        free("s").to_ms(text)


def test_a_text_without_a_zone_is_read_by_the_declared_one() -> None:
    amsterdam = free(zone="Europe/Amsterdam")
    assert amsterdam.to_ms("2026-03-01 11:00:00.0009") == AT_MS
    assert amsterdam.to_ms("2026-03-29 02:30:00") == amsterdam.to_ms("2026-03-29 03:30:00")
    assert amsterdam.to_ms("2026-10-25 02:30:00") == amsterdam.to_ms("2026-10-25 02:30:00+02:00")
    with pytest.raises(ValueError, match=r"names no zone; declare one"):
        free().to_ms("2026-03-01 11:00:00")


@pytest.mark.parametrize(("wrong", "unit"), [("1772359200", "s"), ("1772359200000000", "us"), (f"{AT_MS}000000", "ns")])
def test_a_time_in_another_unit_is_refused_with_a_hint(wrong: str, unit: str) -> None:
    found = judge_record(schema_of(create_model("Event", at=(form(), ...))), b'{"at":"%b"}' % wrong.encode(), None)
    assert isinstance(found, Refusal)
    assert (found.reason, found.field) == ("constraint", "at")
    assert f'declare EventTimeText(unit="{unit}")' in found.message


def test_an_int_beyond_its_bounds_is_refused_with_a_hint_too() -> None:
    class Event(BaseModel):
        at: Annotated[EventTime, Ge(946_684_800_000)]

    found = judge_record(schema_of(Event), b'{"at":1772359200}', None)
    assert isinstance(found, Refusal)
    assert "by its size it is in seconds: declare EventTimeSeconds" in found.message
    plain = judge_record(schema_of(Event), b'{"at":17}', None)
    assert isinstance(plain, Refusal)
    assert "declare" not in plain.message


@pytest.mark.parametrize(
    ("declared", "first", "last"),
    [
        (form(), "2000-01-01T00:00:00Z", "2099-12-31T23:59:59.999Z"),
        (form(start="1950-06-01", end="1950-06-02"), "1950-06-01T00:00:00Z", "1950-06-01T23:59:59.999Z"),
        (form(start="2026-01-01T00:00:00+01:00"), "2025-12-31T23:00:00Z", "2099-12-31T23:59:59.999Z"),
        (form(start=None, end=None), "-9000000000000000", "9000000000000000"),
    ],
)
def test_bounds_hold_their_start_and_not_their_end(declared: Any, first: str, last: str) -> None:
    time = field(declared)
    bounds = time.text
    assert bounds is not None
    assert bounds.bounds == (time.text_ms(first), time.text_ms(last))
    for beyond in (bounds.bounds[0] - 1, bounds.bounds[1] + 1):
        with pytest.raises(ValueError, match="is not"):
            time.text_ms(str(beyond))


@pytest.mark.parametrize(
    ("declared", "mistake"),
    [
        (form(unit="m"), "unit='m' is no unit of digits"),
        (form(zone="Mars/Olympus"), "zone='Mars/Olympus' is no zone of the tz database"),
        (form(start="yesterday"), "start='yesterday' is no time"),
        (form(end="0"), "end='0' is no time"),
        (form(start="2026-01-01", end="2026-01-01"), "is not before"),
        (Annotated[form(), Ge(0)], 'write EventTimeText(start="2000-01-01"'),
        (form() | None, "the event time must be in every record"),
    ],
)
def test_what_is_wrong_with_it_is_told_with_the_model(declared: Any, mistake: str) -> None:
    with pytest.raises(PipelineError) as told:
        field(declared)
    assert mistake in str(told.value)


def test_pydantic_alone_judges_the_text_as_the_pipeline_does() -> None:
    model: Any = create_model("Event", at=(form(unit="s", zone="Europe/Amsterdam"), ...))
    assert model(at="1772359200").at == "1772359200"
    assert model(at="2026-03-01 11:00:00").at == "2026-03-01 11:00:00"
    with pytest.raises(ValidationError):
        model(at="1772359200000")


def _definition(kind: Any) -> dict[str, Any]:
    event = create_model("Event", at=(kind, ...))
    rollup = Rollup("r", keys=[], window=tumble("1m"), aggregates={"n": agg.count()})
    fields: Any = make_plan(Pipeline(name="p", event=event, rollups=[rollup]), ".").definition["event"]
    return dict(fields[0])


def test_the_definition_has_the_form_and_the_zones_rules_and_nothing_new_for_the_strict_text() -> None:
    assert "text" not in _definition(EventTimeText)
    assert _definition(form())["text"] == {
        "unit": "ms", "zone": None, "bounds": [946_684_800_000, 4_102_444_799_999],
    }  # fmt: skip
    zone = _definition(form(zone="Europe/Amsterdam"))["text"]["zone"]
    assert zone[0] == "Europe/Amsterdam"
    assert len(zone[1]) == 64
