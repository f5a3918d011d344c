"""The adversary's records in binary formats: events by the schemas of several years, broken ones broken anew."""

import io
import json
import random
import struct
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import fastavro

from dataflow.decode.json.contract import judge_record
from dataflow.formats.declared import json as plain_json
from dataflow.formats.frame import HEADER
from dataflow.messages import Refusal
from dataflow.pipeline.plan import Plan
from flink.contract.records import message_of
from proof.parity.adversary import Written, adversary
from tests.avro_events import mutated
from tests.flink.contract.served import Served

GUID = "0f0e0d0c-0b0a-0908-0706-050403020100"
PROTO_GUID = GUID.replace("0f", "ff")
_GUID_FRAME, _PROTO_FRAME = (b"\x01" + bytes.fromhex(each.replace("-", "")) for each in (GUID, PROTO_GUID))
_PAID = {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 6}
_WIDE = {"type": "fixed", "name": "Wide", "size": 12, "logicalType": "decimal", "precision": 24, "scale": 9}

_BROKEN = 0.02
"""Of the adversary's sound records, too."""

Row = Mapping[str, Any]
Encode = Callable[[random.Random, Row], tuple[bytes, bytes | None]]
"""An event's columns to a value and the header of a registry's newer frame."""


def encoded(plan: Plan, seed: int, records: int) -> list[list[Written]]:
    """The adversary's stream for a pipeline of Avro or Protobuf."""
    chance = random.Random(seed)
    encode = avro_value if plan.format.name == "avro" else Messages(plan)
    made = adversary(replace(plan, format=plain_json()), seed, records)
    return [[_written(chance, plan, each, encode) for each in part] for part in made]


def _written(chance: random.Random, plan: Plan, each: Written, encode: Encode) -> Written:
    found = judge_record(plan.event, each.value, None)
    if isinstance(found, Refusal) or chance.random() < _BROKEN:
        if not each.value or chance.randrange(8) == 0:
            return each
        row: Row = {
            "id": "a",
            "at": each.timestamp_ms,
            "kind": "see",
            "shop": "s",
            "items": 1,
            "paid": None,
            "score": None,
        }
        value, header = encode(chance, {**row, **chance.choice(_WRONG)})
        other = 4 if plan.format.name == "avro" else 1
        return replace(each, value=_broken(chance, value, other), headers=_headers(header))
    value, header = encode(chance, found)
    return replace(each, value=value, headers=_headers(header))


_WRONG: tuple[Row, ...] = ({}, {}, {}, {"id": ""}, {"at": -1}, {"kind": "rob"}, {"shop": None}, {"score": float("nan")})


def _headers(header: bytes | None) -> tuple[tuple[str, bytes], ...]:
    return () if header is None else ((HEADER, header),)


def _broken(chance: random.Random, value: bytes, other: int) -> bytes:
    """Cut off, with bytes left over, of a schema that nobody knows or of another kind, changed, or as it was."""
    body = value[5:]
    made = (
        value[:-1],
        value + b"x",
        struct.pack(">bI", 0, 9_999) + body,
        struct.pack(">bI", 0, other) + body,
        body,
        value[:5],
        mutated(chance, value),
        value,
    )
    return chance.choice(made)


def _record(fields: Mapping[str, Mapping[str, Any]]) -> str:
    told = [{"name": name, **field} for name, field in fields.items()]
    return json.dumps({"type": "record", "name": "Visit", "namespace": "shops", "fields": told})


FIRST = _record(
    {
        "id": {"type": "string"},
        "at": {"type": {"type": "long", "logicalType": "timestamp-micros"}},
        "kind": {"type": {"type": "enum", "name": "Kind", "symbols": ["see", "rob", "buy"]}},
        "shop": {"type": ["null", "string"]},
        "items": {"type": "long"},
        "paid": {"type": ["null", _PAID]},
        "score": {"type": ["null", "double"]},
    }
)
SECOND = _record(
    {
        "notes": {"type": {"type": "map", "values": {"type": "array", "items": "string"}}},
        "store": {"type": ["string", "null"], "aliases": ["shop"]},
        "paid": {"type": [_WIDE, "null"]},
        "pieces": {"type": "long"},
        "at": {"type": "long"},
        "kind": {"type": "string"},
        "id": {"type": "string"},
        "score": {"type": ["null", "double"]},
    }
)
_PARSED = [fastavro.parse_schema(json.loads(text)) for text in (FIRST, SECOND)]


def knows_schemas(registry: Served) -> None:
    """Have a registry know what is written here."""
    registry.add(1, FIRST)
    registry.add(2, SECOND)
    registry.add(4, "message Visit {}", "PROTOBUF")
    registry.add(GUID, SECOND)
    registry.add(PROTO_GUID, "message Visit {}", "PROTOBUF")


def avro_value(chance: random.Random, row: Row) -> tuple[bytes, bytes | None]:
    """By one of two schemas, named in front or in the header, by number or GUID."""
    which = chance.randrange(2)
    values = dict(row)
    if which == 0:
        values["at"] = row["at"] * 1_000 + chance.randrange(1_000)
    else:
        values |= {"store": row["shop"], "pieces": row["items"], "notes": {"\u00e4": ["x", "y"]}}
        if row["paid"] is not None:
            values["paid"] = row["paid"].quantize(Decimal("1e-9"))
    out = io.BytesIO()
    fastavro.schemaless_writer(out, _PARSED[which], values)
    frame = struct.pack(">bI", 0, which + 1)
    if which == 1 and chance.randrange(3) == 0:
        frame = _GUID_FRAME
    return (out.getvalue(), frame) if chance.randrange(4) == 0 else (frame + out.getvalue(), None)


class Messages:
    """An event as a message of the pipeline's own, with its place in its file behind the frame."""

    def __init__(self, plan: Plan) -> None:
        self._message = message_of(plan.format)

    def __call__(self, chance: random.Random, row: Row) -> tuple[bytes, bytes | None]:
        """By number or GUID, in front or in the header."""
        made: Any = self._message.make(id=row["id"], pieces=row["items"], score=row["score"], shop=row["shop"])
        made.at.FromMilliseconds(row["at"])
        made.at.nanos += chance.randrange(1_000_000)
        made.kind = ("see", "rob", "buy").index(row["kind"])
        if row["paid"] is not None:
            made.paid = float(row["paid"])
        if chance.randrange(3) == 0:
            made.notes["k"].shop = "x"
        frame = _PROTO_FRAME if chance.randrange(3) == 0 else struct.pack(">bI", 0, 4)
        body = b"\x02\x02" + bytes(made.SerializeToString())
        return (body, frame) if chance.randrange(4) == 0 else (frame + body, None)
