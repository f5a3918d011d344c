"""The product's JSON decoder and the model's contract: the same records accepted, equal values, the same reasons."""

import random
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
from annotated_types import Ge, Len, Lt
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from bench import hostile
from dataflow import (
    EventTime,
    EventTimeMicros,
    EventTimeNanos,
    EventTimeSeconds,
    EventTimeText,
    Money,
    MoneyText,
    Pipeline,
)
from dataflow.decode.json.plain import json_decoder
from dataflow.event.schema import schema_of
from tests.model import adapter, contract
from tests.model.spec import PipelineSpec


class Ad(BaseModel):
    event_id: Annotated[str, Len(1, 64)]
    event_time: EventTime
    event_type: Literal["impression", "click", "conversion"]
    ad_id: Annotated[str, Len(1, 64)]
    user_id: str | None = None
    cost: Money = Decimal(0)
    revenue: Money | None = None


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Inner(BaseModel):
    a: Annotated[int, Ge(-5), Lt(100)]
    b: bool | None = None


class Rich(BaseModel):
    event_time: Annotated[EventTimeMicros, Ge(-5000)]
    event_id: Annotated[str, Field(pattern="^[a-z]*$", max_length=5)] | None
    event_type: Colour = Colour.RED
    ad_id: Literal[1, 2, 1000] | None = None
    user_id: Inner
    cost: Annotated[Money, Ge(Decimal(0)), Lt(Decimal(1000))] | None = None
    revenue: float = 1.5
    extra: Inner | None = None
    day: date | None = None


class Seconds(BaseModel):
    v: EventTimeSeconds


class Nanos(BaseModel):
    v: EventTimeNanos


class Text(BaseModel):
    v: EventTimeText


class Forms(BaseModel):
    v: EventTimeText(unit="s", zone="Europe/Amsterdam")  # type: ignore[valid-type]


class Unbounded(BaseModel):
    v: Annotated[str, EventTimeText(unit="us", start=None, end=None)]


class Late(BaseModel):
    v: Annotated[str, EventTimeText(unit="ns", zone="America/Sao_Paulo", start="1969-12-31T23:59:58+00:00", end=None)]


class Amounts(BaseModel):
    v: MoneyText
    fee: Annotated[MoneyText, Ge(Decimal("-0.5")), Lt(Decimal(100))] | None = None
    at: EventTimeNanos = Field(alias="t")


def _spec(model: type[BaseModel]) -> PipelineSpec:
    return adapter.to_spec(Pipeline(name="p", event=model, rollups=[]), Path())


def _product(model: type[BaseModel], values: Sequence[bytes | None], limit: int | None = None) -> list[Any]:
    decoded = json_decoder(schema_of(model), limit).decode(pa.array(values, pa.binary()))
    answers: list[Any] = [None] * len(values)
    for at, row in zip(decoded.events_at.tolist(), decoded.events.to_pylist(), strict=True):
        answers[at] = row
    for at, refusal in zip(decoded.dead_at.tolist(), decoded.refusals, strict=True):
        answers[at] = contract.Dead(refusal.reason, refusal.field)
    return answers


def _assert_equal(model: type[BaseModel], values: Sequence[bytes | None]) -> None:
    spec = _spec(model)
    for value, answer in zip(values, _product(model, values), strict=True):
        expected = contract.read(value, spec)
        assert (value, answer) == (value, expected)
        if isinstance(answer, dict) and isinstance(expected, dict):
            assert [*map(type, answer.values())] == [*map(type, expected.values())], value


def test_adversarial_ad_events_are_judged_alike() -> None:
    _assert_equal(Ad, hostile.records(random.Random(7), 6_000, broken=0.7))


def test_adversarial_events_of_a_rich_model_are_judged_alike() -> None:
    rng = random.Random(8)
    records = hostile.records(rng, 2_000, broken=0.9)
    values = (
        *hostile.VALUES,
        b'"red"',
        b"1000",
        b'{"a":1}',
        b'{"a":1,"b":true}',
        b'{"b":1}',
        b"12.5",
        b'"1970-01-01"',
    )
    for _ in range(6_000):
        members = {
            "event_time": b"1234567",
            "event_id": b'"abc"',
            "user_id": b'{"a":7}',
        }
        for _ in range(rng.randrange(3)):
            members[rng.choice((*Rich.model_fields, "Day", "x"))] = rng.choice(values)
        records.append(hostile.text(rng, list(members.items())))
    _assert_equal(Rich, records)


NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
TIMES = st.from_regex(
    r'"-?[0-9]{0,22}"|"(19[67][0-9]|0001|9999|2024)-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9]:[0-6][0-9]'
    r'(\.[0-9]{0,5})?([Zz]|[+-][0-2][0-9]:[0-6][0-9])?"',
    fullmatch=True,
)


@given(st.lists(NUMBERS, min_size=1, max_size=30), st.sampled_from((Ad, Rich, Seconds, Nanos)))
@settings(deadline=None, max_examples=60)
def test_numbers_are_judged_alike(texts: list[str], model: type[BaseModel]) -> None:
    values: list[bytes | None] = []
    for text in texts:
        if model is Ad:
            values.append(b'{"event_id":"e","event_time":1,"event_type":"click","ad_id":"a","cost":%b}' % text.encode())
            values.append(b'{"event_id":"e","event_time":%b,"event_type":"click","ad_id":"a"}' % text.encode())
        elif model is Rich:
            values.append(b'{"event_time":1,"event_id":null,"user_id":{"a":1},"cost":%b}' % text.encode())
            values.append(b'{"event_time":1,"event_id":null,"user_id":{"a":1},"revenue":%b}' % text.encode())
            values.append(b'{"event_time":%b,"event_id":null,"user_id":{"a":%b}}' % (text.encode(), text.encode()))
        else:
            values.append(b'{"v":%b}' % text.encode())
    _assert_equal(model, values)


@given(st.lists(TIMES, min_size=1, max_size=30))
@settings(deadline=None, max_examples=60)
def test_times_as_text_are_judged_alike(texts: list[str]) -> None:
    values: list[bytes | None] = [b'{"v":%b}' % text.encode() for text in texts]
    _assert_equal(Text, values)


FORMS = st.from_regex(
    r'"-?[0-9]{1,20}(\.[0-9]{1,8})?"|"(1969|1999|2000|2018|2026|2099|2100|9999)-(01|03|10|11|12)-(01|02|04|25|29|31)'
    r'[Tt ](00|01|02|03|23|24)(:[0-6][0-9]){2}(\.[0-9]{1,5})?([Zz]|[+-][0-2][0-9]:?[0-6][0-9]|)"',
    fullmatch=True,
)


@given(st.lists(FORMS | TIMES, min_size=1, max_size=30), st.sampled_from((Forms, Unbounded, Late)))
@settings(deadline=None, max_examples=100)
def test_times_in_wider_forms_are_judged_alike(texts: list[str], model: type[BaseModel]) -> None:
    _assert_equal(model, [b'{"v":%b}' % text.encode() for text in texts])


AMOUNTS = st.from_regex(r'"[-+]?[0-9]{0,14}(\.[0-9]{0,9})?([eE]3| |,5)?"|-?[0-9]{1,3}', fullmatch=True)


@given(st.lists(AMOUNTS, min_size=1, max_size=30))
@settings(deadline=None, max_examples=60)
def test_amounts_as_text_are_judged_alike(texts: list[str]) -> None:
    values: list[bytes | None] = [b'{"v":%b,"t":1}' % text.encode() for text in texts]
    _assert_equal(Amounts, [*values, *(b'{"v":"1","fee":%b,"t":1}' % text.encode() for text in texts)])


@given(
    st.lists(st.text(alphabet='{}[]",:\\/u0189dDaAeE+-. tfn\n\x00\x1f\x7fü😀', max_size=40), min_size=1, max_size=30)
)
@settings(deadline=None, max_examples=60)
def test_any_text_is_judged_alike(texts: list[str]) -> None:
    _assert_equal(Text, [*(text.encode() for text in texts), *(b'{"v":"0","x":%b}' % text.encode() for text in texts)])


def test_the_size_limit_is_judged_alike() -> None:
    values: list[bytes | None] = []
    for size in range(15):
        values += [b'{"v":"%b"}' % (b"1" * size), b"\xff" * size]
    spec = _spec(Text)
    limited = PipelineSpec(spec.fields, (), max_record_bytes=12)
    assert _product(Text, values, 12) == [contract.read(value, limited) for value in values]
