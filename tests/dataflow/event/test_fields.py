"""Money and event times, as types of a model and as texts."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dataflow.event.fields import TimeUnit, from_micros, money_micros, ms_to_text, text_to_ms, to_micros
from tests.dataflow.decode.models import AdEvent, TextEvent

EVENT: dict[str, Any] = {"event_id": "e", "event_time": 1, "event_type": "click", "ad_id": "a"}


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True))
def test_the_text_and_the_decimal_give_the_same_micros(text: str) -> None:
    micros = money_micros(text)
    assert micros == to_micros(Decimal(text))
    if micros is not None:
        assert from_micros(micros) == Decimal(text)


@given(st.integers(-(10**18) + 1, 10**18 - 1))
def test_micros_survive_their_own_text(micros: int) -> None:
    assert money_micros(str(from_micros(micros))) == micros
    assert to_micros(from_micros(micros)) == micros


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_a_time_survives_its_own_text(at_ms: int) -> None:
    assert text_to_ms(ms_to_text(at_ms)) == at_ms


@pytest.mark.parametrize(
    ("unit", "ticks", "at_ms"),
    [
        (TimeUnit.SECONDS, -1, -1000), (TimeUnit.MILLIS, 7, 7), (TimeUnit.MICROS, -1, -1), (TimeUnit.MICROS, 1999, 1),
        (TimeUnit.NANOS, -1, -1), (TimeUnit.NANOS, 1_999_999, 1),
    ],
)  # fmt: skip
def test_ticks_are_floored_to_milliseconds(unit: TimeUnit, ticks: int, at_ms: int) -> None:
    assert unit.to_ms(ticks) == at_ms


def test_a_model_takes_money_as_number_and_refuses_text_and_too_fine_amounts() -> None:
    assert AdEvent(**EVENT).cost == Decimal(0)
    assert AdEvent(**EVENT, cost=Decimal("0.1000000")).cost == Decimal("0.1")
    assert AdEvent.model_validate_json(json.dumps(EVENT | {"cost": 0.25}), strict=True).cost == Decimal("0.25")
    wrong: Any
    for wrong in ("5", Decimal("0.0000001"), Decimal(10) ** 12, True, Decimal("NaN"), Decimal("Infinity"), None):
        with pytest.raises(ValidationError):
            AdEvent(**EVENT, cost=wrong)


def test_a_model_checks_event_times_written_as_text() -> None:
    assert TextEvent(at="2024-12-18T06:00:00Z").at == "2024-12-18T06:00:00Z"
    with pytest.raises(ValidationError):
        TextEvent(at="2024-12-18")
