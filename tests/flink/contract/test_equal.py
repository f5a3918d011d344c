"""The Java function and the contract of dataflow/decode: the same verdict of every record, equal values."""

import json
import random
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
import pytest
from annotated_types import Ge, Gt, Le, Len, Lt, MultipleOf
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
)
from dataflow.event.schema import schema_of
from dataflow.intake.judge import is_future
from flink.contract.table import field_table
from pipelines.ads import AdEvent
from tests.flink.contract.adversarial import RECORDS, Small
from tests.flink.contract.java_judge import assert_equal, in_java, in_python
from tests.kafka_fixture import require_kafka_tools

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(1_200)]

FUZZED = 100_000
MEMBERS = 40_000


@pytest.fixture(autouse=True, scope="module")
def _java() -> None:
    require_kafka_tools()


class Colour(Enum):
    RED = "red"
    BLUE = "bl'ue; -- \u00e4"


class Inner(BaseModel):
    a: Annotated[int, Ge(-5), Lt(100)]
    b: bool | None = None
    deep: "Deeper | None" = None


class Deeper(BaseModel):
    c: Annotated[str, Len(0, 2)] = "d"
    t: list[str] = []


class Rich(BaseModel):
    event_time: Annotated[EventTimeMicros, Ge(-5000)]
    event_id: Annotated[str, Field(max_length=5)] | None
    event_type: Colour = Colour.RED
    ad_id: Literal[1, 2, 1000] | None = None
    user_id: Inner
    cost: Annotated[Money, Ge(Decimal(0)), Lt(Decimal(1000)), MultipleOf(Decimal("0.25"))] | None = None
    revenue: Annotated[float, Gt(-1.5), Le(1e300)] = 1.5
    extra: Inner | None = None
    inner: Inner = Inner(a=3, deep=Deeper())
    day: Annotated[date, Ge(date(1969, 12, 31)), Lt(date(2024, 1, 2))] | None = None
    step: Annotated[int, MultipleOf(3), Gt(-10)] = 0
    tags: Annotated[list[Annotated[str, Len(1, 3)]], Len(0, 3)] | None = None
    sizes: list[Annotated[int, Ge(0)]] = []
    rates: list[float] = []
    flags: list[bool] = []
    more: dict[str, Any] | None = None
    counts: Annotated[dict[str, Annotated[int, Ge(0)]], Len(1, 3)] | None = None
    raw: dict = {}
    kind: int = Field(default=7, alias="k.\u00e4")


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


class Millis(BaseModel):
    v: Annotated[str, EventTimeText(unit="ms", start=None, zone="Europe/Amsterdam", end=None)]


class Late(BaseModel):
    v: Annotated[str, EventTimeText(unit="ns", zone="America/Sao_Paulo", start="1969-12-31T23:59:58+00:00", end=None)]


class Amounts(BaseModel):
    v: MoneyText
    fee: Annotated[MoneyText, Ge(Decimal("-0.5")), Lt(Decimal(100))] | None = None
    at: EventTimeNanos = Field(alias="t")


class Numbers(BaseModel):
    at: EventTime
    v: Money | None = None
    x: float | None = None
    n: int | None = None
    d: dict | None = None


def test_the_adversarial_records_have_the_verdicts_that_stand_there_on_both_sides() -> None:
    values = [value for value, _ in RECORDS.values()]
    expected = {name: verdict for name, (_, verdict) in RECORDS.items()}
    assert len(expected) >= 58
    schema = schema_of(Small)
    assert dict(zip(RECORDS, in_python(schema, values), strict=True)) == expected
    assert dict(zip(RECORDS, in_java(field_table(schema), values), strict=True)) == expected


def test_a_hundred_thousand_hostile_ad_events_are_judged_alike() -> None:
    assert_equal(AdEvent, hostile.records(random.Random(11), FUZZED, broken=0.7), max_bytes=20_000)


VALUES = (
    *hostile.VALUES,
    b'"red"', '"bl\'ue; -- \u00e4"'.encode(), b"1000", b'{"a":1}', b'{"a":1,"b":true}', b'{"b":1}', b"12.5", b"99.75",
    b'"1969-12-31"', b'"2024-01-01"', b'"2024-01-02"', b"-9", b'["a","abc","\\u00e4\\n"]', b'["a","abcd"]', b'["",1]',
    b'[1,"a"]', b"[1,2,3]", b"[1,2,-3]", b"[1,null]", b"[0.5,1e3,-0.0]", b"[true,false]", b"[true,0]",
    b'["a","b","c","d"]', b'{"b":1,"a":2,"\\u0062":3}', b'{"x":-1,"y":"z"}', b'{"y":"z","x":-1}',
    b'{"x":1,"y":2,"x":null}',
    b'{"z":[1, 2 ,{"b":1.50,"a":"\\u00e4\\/\\u001F"}] , "\xf0\x9f\x98\x80":null,"\\uffff":0,"a\\"":{}}',
    b'{"a":1,"deep":{"c":"xyz"}}', b'{"a":1,"deep":{"c":"xy","t":["q"]}}', b'{"a":1,"deep":{}}', b'{"a":1,"deep":7}',
    b'{"a":1,"a":2,"deep":{"c":"x"},"deep":{}}', b' { "a" : 1 } ', b" [ ] ",
)  # fmt: skip


def _rich(rng: random.Random) -> bytes:
    members = {"event_time": b"1234567", "event_id": b'"abc"', "user_id": b'{"a":7}'}
    keys = [info.alias or name for name, info in Rich.model_fields.items()]
    for _ in range(rng.randrange(4)):
        members[rng.choice((*keys, "Day", "x"))] = rng.choice(VALUES)
    return hostile.text(rng, list(members.items()))


def test_records_of_every_kind_of_field_are_judged_alike() -> None:
    rng = random.Random(8)
    assert_equal(Rich, [_rich(rng) for _ in range(MEMBERS)])


def test_records_of_every_kind_of_field_are_judged_alike_when_bytes_of_them_change() -> None:
    rng = random.Random(9)
    records = []
    for _ in range(MEMBERS):
        record = bytearray(_rich(rng))
        for _ in range(rng.choice((1, 1, 2))):
            at = rng.randrange(len(record))
            if rng.random() < 0.5:
                record[at] ^= 1 << rng.randrange(8)
            else:
                record[at : at + rng.randrange(2)] = rng.choice(
                    (b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"0", b"-", b".", b"e", b"n", b"\xc3", b" ")
                )
        records.append(bytes(record))
    assert_equal(Rich, records)


NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
FLOATS = st.floats(allow_nan=False, allow_infinity=False).map(repr)
INTS = st.integers(-(2**64), 2**64).map(str)
TIMES = st.from_regex(
    r'"-?[0-9]{0,22}"|"-?[0-9]{1,18}\.[0-9]{0,12}"|"(19[67][0-9]|0001|9999|2024|2[0-9]{3})-[01][0-9]-[0-3][0-9][Tt _]'
    r'[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,9})?(Z|z|[+-][0-2][0-9]:?[0-6][0-9])?"',
    fullmatch=True,
)
AMOUNTS = st.from_regex(r'"[+-]?[0-9]{0,16}(\.[0-9]{0,9})?"', fullmatch=True)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab"\\\n\u00e4\U0001f600', max_size=2), inner),
    max_leaves=8,
)


def _objects(key: str, texts: Sequence[str]) -> list[bytes]:
    return [f'{{"at":1,"t":1,"{key}":{text}}}'.encode() for text in texts]


# Each example is a process of its own, so few examples hold many texts.
@settings(max_examples=5)
@given(st.lists(NUMBERS | FLOATS | INTS, min_size=300, max_size=300))
def test_numbers_are_read_alike(texts: list[str]) -> None:
    assert_equal(Numbers, [record for key in ("v", "x", "n", "at") for record in _objects(key, texts)])


@settings(max_examples=3)
@given(st.lists(TIMES, min_size=400, max_size=400))
def test_times_as_text_are_read_alike(texts: list[str]) -> None:
    for model in (Text, Forms, Unbounded, Millis, Late):
        assert_equal(model, _objects("v", texts))


@settings(max_examples=3)
@given(st.lists(AMOUNTS, min_size=200, max_size=200))
def test_amounts_as_text_are_read_alike(texts: list[str]) -> None:
    assert_equal(Amounts, _objects("v", texts) + [b'{"v":"1","t":5,"fee":%s}' % text.encode() for text in texts])


@settings(max_examples=3)
@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-(10**17), 10**17), min_size=200, max_size=200))
def test_ticks_become_the_same_milliseconds(ticks: list[int]) -> None:
    for model in (Seconds, Nanos):
        assert_equal(model, _objects("v", [str(each) for each in ticks]))


@settings(max_examples=3)
@given(st.lists(st.dictionaries(st.text('ab"\\\n\u00e4\U0001f600', max_size=2), JSON), min_size=50, max_size=50))
def test_objects_become_the_same_text(objects: list[dict[str, Any]]) -> None:
    assert_equal(Numbers, _objects("d", [json.dumps(each, ensure_ascii=False) for each in objects]))
    assert_equal(Numbers, _objects("d", [json.dumps(each, indent=1) for each in objects]))


def test_wall_clocks_of_a_zone_are_read_alike_around_each_change_of_it() -> None:
    texts = [
        f'"{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:00"'
        for year in (1940, 1969, 1970, 1985, 2000, 2024, 2099, 2100, 2199, 2200, 2424, 2600, 9999)
        for month in (2, 3, 4, 10, 11)
        for day in (*range(1, 9), *range(14, 22), *range(24, 29))
        for hour, minute in ((0, 0), (1, 30), (2, 0), (2, 30), (3, 0), (23, 59))
    ]
    for model in (Forms, Millis, Late):
        assert_equal(model, _objects("v", texts))


def test_an_event_too_far_ahead_of_its_record_is_a_future_event() -> None:
    limit_ms = 300_000
    times = [0, 1, 5, limit_ms, limit_ms + 1, limit_ms + 5, limit_ms + 6, -9 * 10**15, 9 * 10**15]
    stamps = [None, 0, 5, -1, -(10**18), 10**18, 2**63 - 1, -(2**63) + 1]
    pairs = [(at_ms, stamp) for at_ms in times for stamp in stamps]
    records = [b'{"id":"x","at":%d}' % at_ms for at_ms, _ in pairs]
    table = field_table(schema_of(Small), max_future_ms=limit_ms)
    found = in_java(table, records, [stamp for _, stamp in pairs])
    expected = is_future(
        np.array([at_ms for at_ms, _ in pairs], np.int64),
        pa.array([stamp for _, stamp in pairs], pa.int64()),
        limit_ms,
    )
    assert [verdict[0] == "future_event" for verdict in found] == expected.tolist()
    assert [verdict for verdict in found if verdict[0]] == [["future_event", "at"]] * int(expected.sum())
    assert expected.any()
    assert not expected.all()
