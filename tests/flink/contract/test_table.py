"""The field table of a model, word for word, and what no table can be written of."""

from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Le, Len, Lt, MultipleOf
from pydantic import BaseModel, Field

from dataflow import (
    EventTime,
    EventTimeMicros,
    EventTimeText,
    KafkaHeader,
    KafkaKey,
    KafkaTimestamp,
    KafkaTopic,
    Money,
    MoneyText,
)
from dataflow.errors import PipelineError
from dataflow.event.schema import schema_of
from flink.contract.table import field_table, unsupported
from pipelines.ads import AdEvent


def lines(model: type[BaseModel], **limits: Any) -> list[str]:
    """The table with a line for each field of the event itself."""
    return field_table(schema_of(model), **limits).replace(', "', ',\n"').splitlines()


def test_the_table_of_the_ad_events() -> None:
    assert lines(AdEvent) == [
        '"event_id" str length 1 64,',
        '"event_time" time_ms,',
        '"event_type" str in ("impression" "click" "conversion"),',
        '"ad_id" str length 1 64,',
        '"user_id" str null absent null,',
        '"cost" money absent 0,',
        '"revenue" money null absent null',
    ]


def test_limits_of_the_pipeline_stand_first() -> None:
    class Event(BaseModel):
        at: EventTime

    assert lines(Event, max_bytes=1_000, max_future_ms=0) == ["max_bytes 1000, max_future 0,", '"at" time_ms']
    assert lines(Event, max_future_ms=2**70) == [f"max_future {2**63 - 1},", '"at" time_ms']


class Colour(Enum):
    RED = "red"
    ODD = "it's; \u00e4"


def test_each_kind_with_its_limits() -> None:
    class Event(BaseModel):
        at: Annotated[EventTimeMicros, Ge(-5)]
        name: Annotated[str, Len(2)] = "x'y"
        colour: Colour | None = Colour.ODD
        number: Annotated[int, Gt(-1), Lt(10), MultipleOf(3)] = 3
        huge: Annotated[int, Ge(2**70)] | None = None
        code: Literal[7, -1] = 7
        flag: bool = False
        rate: Annotated[float, Gt(-1), Le(1e300)] = 0.1
        price: Annotated[Money, Ge(Decimal("0.0000015")), Lt(10)] = Decimal("1.5")
        fee: MoneyText | None = None
        day: Annotated[date, Ge(date(1970, 1, 2))] = date(2000, 1, 1)

    assert lines(Event)[0:] == [
        '"at" time_us range -5 9223372036854775807,',
        '"name" str absent "x\\u0027y" length 2 *,',
        '"colour" str null absent "it\\u0027s\\u003b \\u00e4" in ("red" "it\\u0027s\\u003b \\u00e4"),',
        '"number" int absent 3 range 0 9 multiple 3,',
        '"huge" int null absent null range 1 0,',
        '"code" int absent 7 in (7 -1),',
        '"flag" bool absent false,',
        '"rate" float absent #0.1 gt -1.0 le 1e+300,',
        '"price" money absent 1500000 range 2 9999999,',
        '"fee" money_text null absent null,',
        '"day" date absent 10957 range 1 9223372036854775807',
    ]


def test_objects_lists_and_json() -> None:
    class Inner(BaseModel):
        a: int
        b: str | None = Field(None, alias="B.1")

    class Event(BaseModel):
        at: EventTime
        must: Inner
        may: Inner | None = None
        preset: Inner = Inner(a=5)  # type: ignore[call-arg]  # of its fields by their aliases
        tags: Annotated[list[Annotated[str, Len(1, 3)]], Len(0, 2)]
        sizes: list[Literal[1, 2]] = []
        anything: dict | None = None
        counts: dict[str, Annotated[int, Ge(0)]] = {}
        some: Annotated[dict[str, Any], Len(1)]

    inner = '{"a" int, "b" str key "B.1" null absent null}'
    assert field_table(schema_of(Event)) == ", ".join(
        [
            '"at" time_ms',
            f'"must" object {inner}',
            f'"may" object null absent null {inner}',
            f'"preset" object absent (5 null) {inner}',
            '"tags" list length 0 2 of str length 1 3',
            '"sizes" list absent [] of int in (1 2)',
            '"anything" json null absent null',
            '"counts" json absent "{}" of int range 0 9223372036854775807',
            '"some" json length 1 *',
        ]
    )


def test_event_times_as_text() -> None:
    class Plain(BaseModel):
        at: EventTimeText

    class Micros(BaseModel):
        at: Annotated[str, EventTimeText(unit="us", start="1970-01-01", end=None)]

    class Zoned(BaseModel):
        at: Annotated[str, EventTimeText(zone="Europe/Amsterdam", start="2024-03-01", end="2025-01-01")]

    assert lines(Plain) == ['"at" time_text']
    assert lines(Micros) == ['"at" time_form us range 0 9000000000000000']
    # winter, summer from 31 March 01:00 UTC, winter from 27 October 01:00 UTC
    zone = "(1698541200 3600 1711846800 7200 1729990800 3600)"
    assert lines(Zoned) == [f'"at" time_form ms zone {zone} range 1709251200000 1735689599999']


def test_what_is_no_part_of_the_value_or_means_another_thing_in_java_is_refused_by_name() -> None:
    class Event(BaseModel):
        at: EventTime
        reason: str = Field(alias="why")
        written: KafkaTimestamp
        key: KafkaKey | None = None
        subject: KafkaTopic
        trace: KafkaHeader("trace") | None = None  # type: ignore[valid-type]
        code: Annotated[str, Field(pattern="^[A-Z]{3}$")]
        n: Annotated[int, Ge(5), Ge(1)]
        m: Annotated[int, MultipleOf(2), MultipleOf(3)]
        text: Annotated[str, Len(3, 9), Len(1, 5)]
        many: list[Annotated[str, Field(pattern="a")]] = []

    schema = schema_of(Event)
    told = list(unsupported(schema))
    assert [each.partition(":")[0] for each in told] == [
        "reason", "written", "key", "subject", "trace", "code", "n", "m", "text", "many[]",
    ]  # fmt: skip
    assert told[0].endswith('like event_reason: ... = Field(alias="why")')
    assert "header" in told[4]
    with pytest.raises(PipelineError, match=r"event Event: 10 mistakes(.|\n)*code: pattern '\^\[A-Z\]\{3\}\$'"):
        field_table(schema)


def test_a_table_can_stand_in_a_literal_of_sql_as_it_is() -> None:
    class Event(BaseModel):
        at: EventTime = Field(alias="it's;")
        kind: Literal["a'b;c", "\u2028\U0001f600", '"'] = '"'

    table = field_table(schema_of(Event))
    assert table.isascii()
    assert table.isprintable()
    assert "'" not in table
    assert ";" not in table
