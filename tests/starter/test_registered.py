"""A pipeline drafted by a registered schema: its types count, what it reads is looked at, and the file is tried."""

import json
from decimal import Decimal
from typing import Any

import pytest

from dataflow.errors import SourceError
from dataflow.formats.schemas import RegisteredSchema
from starter.draft import draft_pipeline
from starter.pipeline_file import pipeline_text
from starter.registered import Registered, as_json, registered
from starter.sample import Sample, Stretch, Taken
from starter.trial import try_file
from tests.avro_events import MILLIS, MONEY, body, framed, record
from tests.dataflow.decode.avro.test_decoder import Registry as KnownSchemas

SCHEMA = record(
    {
        "order_id": "string",
        "at": MILLIS,
        "shipped": ["null", {"type": "long", "logicalType": "timestamp-micros"}],
        "day": {"type": "int", "logicalType": "date"},
        "total": MONEY,
        "fee": ["null", MONEY],
        "state": {"type": "enum", "name": "State", "symbols": ["new", "paid", "lost"]},
        "pieces": "long",
        "weight": "double",
        "gift": "boolean",
        "note": ["null", "string"],
        "place": {"type": "record", "name": "Place", "fields": [{"name": "city", "type": "string"}]},
        "raw": "bytes",
        "tags": {"type": "array", "items": "string"},
        "local": {"type": "long", "logicalType": "local-timestamp-millis"},
        "labels": {"type": "map", "values": "string"},
    }
)
OLDER = record({"order_id": "string", "at": MILLIS, "total": MONEY})


class Registry(KnownSchemas):
    """With subjects, too."""

    def __init__(self, **subjects: RegisteredSchema) -> None:
        super().__init__()
        self.subjects = {name.replace("_", "-"): found for name, found in subjects.items()}

    def latest(self, subject: str) -> RegisteredSchema | None:
        return self.subjects.get(subject)


def order(number: int) -> dict[str, Any]:
    return {
        "order_id": f"o{number}",
        "at": 1_700_000_000_000 + number * 1_000,
        "shipped": None if number % 2 else 1_700_000_000_000_000,
        "day": 19_000 + number % 3,
        "total": Decimal(number).scaleb(-2),
        "fee": None,
        "state": ["new", "paid"][number % 2],
        "pieces": number,
        "weight": float(number),
        "gift": number % 3 == 0,
        "note": "a text",
        "place": {"city": "Delft"},
        "raw": b"\xff",
        "tags": ["a"],
        "local": 5,
        "labels": {"a": "b"},
    }


def registry() -> Registry:
    made = Registry(orders_value=RegisteredSchema("AVRO", SCHEMA))
    made.known |= {1: RegisteredSchema("AVRO", SCHEMA), 2: RegisteredSchema("AVRO", OLDER)}
    return made


def sample(*more: bytes | None) -> Sample:
    values = [framed(1, body(SCHEMA, order(number))) for number in range(60)]
    old = {"order_id": "old", "at": 1_700_000_000_000, "total": Decimal(5)}
    everything = [*values, framed(2, body(OLDER, old)), *more]
    return Sample((Stretch("orders/0", tuple(Taken(1_700_000_000_000, value) for value in everything)),))


def drafted(taken: Sample, asked: Registry) -> tuple[str, Any]:
    found = registered(asked, "orders")
    draft = draft_pipeline(as_json(taken, asked), "orders", "topic orders", None, found)
    return pipeline_text(draft), try_file(pipeline_text(draft), taken, asked)


def test_the_types_of_the_schema_count_and_the_file_reads_the_sample() -> None:
    text, trial = drafted(sample(), registry())
    for line in (
        "from tidemill import EventTime, Money, Pipeline, Rollup, avro",
        "    format=avro(),",
        "    at: EventTime",
        "    day: date | None = None",
        "    total: Money",
        '    state: Literal["new", "paid", "lost"] | None = None',
        "    weight: float | None = None",
        "    gift: bool | None = None",
        "    place: Place | None = None",
    ):
        assert f"{line}\n" in text, (line, text)
    assert "    # - shipped is a timestamp by the schema, and an event has one event time\n" in text
    for name, kind in (("raw", "bytes"), ("local", "a local time"), ("labels", "a map")):
        assert f"    # - {name} is {kind} by the schema: no column holds it\n" in text
    assert "    # - tags is a list" in text
    assert (trial.events, trial.dead) == (61, ())


def test_what_may_be_null_by_the_schema_is_optional_though_no_null_was_seen() -> None:
    taken = Sample((Stretch("orders/0", tuple(sample().records[:60])),))
    text, trial = drafted(taken, registry())
    assert "    # may be null by the schema\n    note: Annotated[str, Len(1, 64)] | None = None\n" in text
    assert "    pieces: int" in text or "    pieces: Annotated[int, Ge(0)]" in text
    assert trial.dead == ()


def test_broken_records_are_told_and_decide_nothing() -> None:
    good = framed(1, body(SCHEMA, order(1)))
    _, trial = drafted(sample(good + b"x", framed(9, b"x"), None, b"{}"), registry())
    assert trial.events == 61
    assert {reason: count for reason, _, count in trial.dead} == {
        "malformed": 2,
        "tombstone": 1,
        "unknown_schema": 1,
    }


def test_numbers_that_only_json_writes_otherwise_come_as_they_are() -> None:
    schema = record({"at": MILLIS, "x": "double", "y": "float", "d": {"type": "int", "logicalType": "date"}})
    asked = Registry()
    asked.known[1] = RegisteredSchema("AVRO", schema)
    values = [{"at": 5, "x": float("nan"), "y": float("-inf"), "d": 2**31 - 1}, {"at": 6, "x": 1e300, "y": 0.5, "d": 0}]
    taken = Sample((Stretch("t/0", tuple(Taken(None, framed(1, body(schema, each))) for each in values)),))
    found = [json.loads(each.value or b"") for each in as_json(taken, asked).records]
    assert found == [
        {"at": 5, "x": None, "y": None, "d": None},
        {"at": 6, "x": 1e300, "y": 0.5, "d": "1970-01-01"},
    ]


def test_records_in_json_are_what_they_are_without_a_schema() -> None:
    asked = Registry(orders_value=RegisteredSchema("JSON", '{"type": "object"}'))
    assert registered(asked, "orders") == Registered("orders-value", None)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "the registry has no subject orders-value"),
        (RegisteredSchema("PROTOBUF", "message A {}"), "run protoc --include_imports"),
        (RegisteredSchema("AVRO", "{"), "cannot be read"),
        (RegisteredSchema("AVRO", '"long"'), "a schema of long, and events are records"),
    ],
)
def test_what_no_pipeline_can_be_told_by_is_said(found: RegisteredSchema | None, said: str) -> None:
    asked = Registry() if found is None else Registry(orders_value=found)
    with pytest.raises(SourceError, match=said):
        registered(asked, "orders")
