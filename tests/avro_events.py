"""An event model, Avro schemas that were written for it over the years, and hostile bytes of them."""

import io
import json
import random
import struct
from decimal import Decimal
from typing import Annotated, Any, Literal

import fastavro
from annotated_types import Ge, Len
from pydantic import BaseModel

from dataflow import EventTime, Money, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.event.schema import schema_of
from dataflow.windows import tumble


class Place(BaseModel):
    city: str
    floor: int | None = None


class Order(BaseModel):
    order_id: Annotated[str, Len(1, 12)]
    at: EventTime
    amount: Money = Decimal(0)
    kind: Literal["new", "paid"] = "new"
    weight: float | None = None
    pieces: Annotated[int, Ge(0)] = 1
    gift: bool = False
    place: Place | None = None


ORDER = schema_of(Order)

PIPELINE = Pipeline(
    name="orders",
    event=Order,
    rollups=[
        Rollup("hourly", keys=["kind"], window=tumble("1h"), aggregates={"n": agg.count(), "sum": agg.sum("amount")})
    ],
)

MONEY = {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 2}
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
PLACE = {
    "type": "record",
    "name": "Place",
    "fields": [{"name": "city", "type": "string"}, {"name": "floor", "type": ["null", "int"], "default": None}],
}
FIELDS: dict[str, Any] = {
    "order_id": "string",
    "at": MILLIS,
    "amount": MONEY,
    "kind": {"type": "enum", "name": "Kind", "symbols": ["new", "paid", "lost"]},
    "weight": ["null", "double"],
    "pieces": "int",
    "gift": "boolean",
    "place": ["null", PLACE],
}


def record(fields: dict[str, Any], name: str = "shop.Order") -> str:
    """A schema's text."""
    return json.dumps({"type": "record", "name": name, "fields": [{"name": n, "type": t} for n, t in fields.items()]})


FIRST = record(FIELDS)
TREE = {"type": "record", "name": "Tree", "fields": [{"name": "below", "type": {"type": "array", "items": "Tree"}}]}
SECOND = record(
    {
        "tags": {"type": "map", "values": ["null", "string"]},
        "order_id": "string",
        "tree": TREE,
        "at": {"type": "long", "logicalType": "timestamp-micros"},
        "amount": {"type": "fixed", "name": "Cents", "size": 8, "logicalType": "decimal", "precision": 18, "scale": 4},
        "pieces": "long",
        "seen": {"type": "array", "items": "float"},
        "place": PLACE,
    }
)
"""Another order, other types, and much that nobody asks for."""
THIRD = record(
    {
        "lines": {"type": "array", "items": {"type": "map", "values": ["null", "string", "double"]}},
        "at": {"type": "long", "logicalType": "timestamp-nanos"},
        "amount": "double",
        "kind": ["null", "string"],
        "order_id": ["null", "string"],
        "place": ["null", {**PLACE, "name": "Spot"}],
    }
)
"""A third one, of lists of maps, without a type that holds itself."""

GOOD = {
    "order_id": "a1",
    "at": 1_700_000_000_123,
    "amount": Decimal("12.34"),
    "kind": "paid",
    "weight": 1.5,
    "pieces": 2,
    "gift": True,
    "place": {"city": "Delft", "floor": None},
}
GOOD_SECOND = {
    "tags": {"a": "b", "c": None},
    "order_id": "b2",
    "tree": {"below": [{"below": []}, {"below": [{"below": []}]}]},
    "at": 1_700_000_000_123_456,
    "amount": Decimal("0.5"),
    "pieces": 7,
    "seen": [1.0, 2.5],
    "place": {"city": "Ærø", "floor": 3},
}

GOOD_THIRD = {
    "lines": [{"a": "x", "b": None}, {}, {"ä": 1.5}],
    "at": 1_700_000_000_123_456_789,
    "amount": 99.95,
    "kind": "new",
    "order_id": "ç3",
    "place": {"city": "Århus", "floor": None},
}


def body(schema: str, values: dict[str, Any]) -> bytes:
    """What fastavro writes."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(schema)), values)
    return out.getvalue()


def framed(number: int, written: bytes) -> bytes:
    """`written` in a registry's frame."""
    return struct.pack(">bI", 0, number) + written


def mutated(chance: random.Random, good: bytes) -> bytes:
    """`good` with some bytes changed, cut, doubled or set to what numbers are afraid of."""
    made = bytearray(good)
    for _ in range(chance.choice((0, 1, 1, 2, 4))):
        at = chance.randrange(len(made) + 1)
        match chance.randrange(6):
            case 0 if made:
                made[at % len(made)] = chance.randrange(256)
            case 1 if made:
                made[at % len(made)] ^= 1 << chance.randrange(8)
            case 2:
                del made[at:]
            case 3:
                made[at:at] = bytes(chance.choices(range(256), k=chance.randrange(1, 5)))
            case 4:
                made[at:at] = chance.choice(
                    (b"\xff" * 9 + b"\x01", b"\xfe" * 9 + b"\x01", b"\x80" * 12, b"\xff\xff\xff\xff\x0f")
                )
            case _:
                del made[at : at + chance.randrange(1, 4)]
    return bytes(made)
