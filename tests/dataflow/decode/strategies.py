"""Hypothesis strategies: JSON records for any event schema, valid, mutated and torn."""

import json
from dataclasses import replace
from decimal import Decimal
from functools import cache

import pyarrow as pa
from hypothesis import strategies as st
from pydantic import BaseModel

from bench.hostile import VALUES
from dataflow.decode.json.contract import judge_record
from dataflow.event.fields import FieldKind, TimeUnit
from dataflow.event.schema import EventField, EventObject, EventSchema
from dataflow.messages import Refusal

_WHITESPACE = st.sampled_from([b"", b"", b"", b" ", b"\n", b"\t", b"\r\n"])


_ODD_TIMES = ["2024-12-18 06:00:00Z", "2024-12-18t06:00:00z", "2024-02-30T00:00:00Z", "2024-01-01T24:00:00Z",
         "2024-01-01T23:59:60Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999-23:59",
         "1969-12-31T23:59:59.9999Z", "2024-01-01T00:00Z", "2024-01-01", "2024-01-01T00:00:00,5Z",
         "2024-01-01T00:00:00Z\n", "+2024-01-01T00:00:00Z", "", "0", "007", "-5", "9000000000000000",
         "9000000000000001", "9223372036854775808", "1" * 30, "\u0661"]  # fmt: skip
_ODD_DATES = [
    *("2024-02-30", "2024-2-3", "0000-01-01", "0001-01-01", "20240101", "2024-01-01T00:00:00"),
    *("2024-01-01 ", "", "2024-13-01", "+2024-01-01", "2024-01-01Z", "2024-W01-1", "2024-001", "10000-01-01"),
]
ODD_TEXTS = [json.dumps(text).encode() for text in [*_ODD_TIMES, *_ODD_DATES]]
"""Texts at and beyond the edges of times and dates, as JSON."""


@cache
def _number_texts() -> st.SearchStrategy[bytes]:
    micros = st.integers(-(10**9), 10**9).map(lambda n: str(Decimal(n).scaleb(-6)))
    digits = st.from_regex(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,10})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
    steps = st.integers(-20, 2_000).map(lambda n: str(Decimal(n) * Decimal("0.05")))
    return st.one_of(micros, digits, steps, st.floats(allow_nan=False, allow_infinity=False).map(repr)).map(str.encode)


@cache
def _texts() -> st.SearchStrategy[bytes]:
    text = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    return st.builds(lambda value, ascii_only: json.dumps(value, ensure_ascii=ascii_only).encode(), text, st.booleans())


@cache
def _times() -> st.SearchStrategy[bytes]:
    clock = st.datetimes().map(lambda at: at.isoformat(timespec="seconds"))
    fraction = st.sampled_from(["", ".0", ".5", ".123", ".9999", ".123456789", "."])
    zone = st.sampled_from(
        ["Z", "z", "+00:00", "-00:00", "+01:30", "-23:59", "+24:00", "+01:60", "", "+0100", "+01", " Z"]
    )
    odd = st.sampled_from(_ODD_TIMES)
    stamp = st.builds(lambda *parts: "".join(parts), clock, fraction, zone)
    digits = (st.integers(0, 2**63 + 2) | st.integers(9 * 10**15 - 2, 9 * 10**15 + 2)).map(str)
    return st.one_of(stamp, odd, digits).map(lambda text: json.dumps(text).encode())


@cache
def _dates() -> st.SearchStrategy[bytes]:
    texts = st.one_of(st.dates().map(str), st.sampled_from(_ODD_DATES))
    return texts.map(lambda text: json.dumps(text).encode())


_ODD_AMOUNTS = [
    *(b"", b"-", b"+0.10", b"-0", b"-0.00", b"007.5", b"0000000000000000012.5", b"1,5", b"1 000", b"1e3", b".5", b"5."),
    *(
        b"999999999999.999999",
        b"1000000000000",
        b"-999999999999.9999990",
        b"0.0000001",
        b" 1",
        b"12.50 EUR",
        b"NaN",
        b"--1",
    ),
]


@cache
def value_of(leaf: EventField) -> st.SearchStrategy[bytes]:
    """JSON text for a field: of the right kind, often valid, often at the edge."""
    if leaf.choices is not None:
        return st.sampled_from([json.dumps(choice).encode() for choice in leaf.choices])
    if leaf.unit is TimeUnit.TEXT:
        return _times()
    if leaf.is_amount_text:
        return st.one_of(_number_texts(), st.sampled_from(_ODD_AMOUNTS)).map(lambda text: b'"' + text + b'"')
    match leaf.kind:
        case FieldKind.BOOL:
            return st.sampled_from([b"true", b"false"])
        case FieldKind.FLOAT:
            return st.one_of(
                _number_texts(), st.floats(0, 1).map(lambda x: repr(x).encode()), st.sampled_from([b"-0", b"-0.0"])
            )
        case FieldKind.MONEY:
            return _number_texts()
        case FieldKind.DATE:
            return _dates()
        case FieldKind.STR:
            return _texts()
    edges = st.sampled_from([b"0", b"-0", b"5", b"99", b"100", b"9223372036854775", b"9223372036854776", *_LAST_TIMES])
    return st.one_of(st.integers(-200, 200), st.integers(-(2**63), 2**63)).map(lambda n: b"%d" % n) | edges


_LAST_TIMES = [
    b"%d" % (sign * (9 * 10**ticks + over)) for sign in (1, -1) for ticks in (12, 15, 18) for over in (0, 1, 999, 1000)
]
"""Around the first and the last event time, in s, ms and us."""

_SAFE = [b"5", b"10", b"0.5", b"1", b'"ab"', b'"2025-01-01"', b"true", b"0.25", b'"2024-12-18T06:00:00Z"', b"-3.5e0",
         b'"12.5"']  # fmt: skip


def _is_valid(leaf: EventField, text: bytes) -> bool:
    found = judge_record(_schema_of_one(leaf), b'{"v":' + text + b"}", None)
    return not isinstance(found, Refusal)


@cache
def _schema_of_one(leaf: EventField) -> EventSchema:
    alone = replace(leaf, path=("v",))
    return EventSchema(BaseModel, (alone,), pa.schema([(leaf.name, leaf.type)]), alone, EventObject((), (alone,)))


@st.composite
def _object_texts(draw: st.DrawFn, node: EventObject, odd: str | None = None) -> bytes:
    """One object. All its values are good, except that of the leaf column `odd`, which may be anything or absent."""
    members: list[tuple[str, bytes]] = []
    for child in node.children:
        key = child.path[-1]
        if isinstance(child, EventField) and child.name == odd:
            text = draw(
                st.one_of(value_of(child), value_of(child), st.sampled_from(VALUES), st.just(b"null"), st.none())
            )
            if text is not None:
                members.append((key, text))
            continue
        is_odd = isinstance(child, EventObject) and odd in [leaf.name for leaf in child.leaves()]
        chance = draw(st.integers(0, 9))
        if chance < 3 and not child.required and not is_odd:
            continue
        if chance == 3 and child.null_ok and not is_odd:
            members.append((key, b"null"))
        elif isinstance(child, EventField):
            text = draw(value_of(child))
            members.append(
                (key, text if _is_valid(child, text) else next((s for s in _SAFE if _is_valid(child, s)), b"null"))
            )
        else:
            members.append((key, draw(_object_texts(child, odd))))
    if draw(st.integers(0, 5)) == 0:
        name = draw(st.sampled_from(["extra", "f0", "EVENT_TIME", ""]))
        members.insert(draw(st.integers(0, len(members))), (name, draw(st.sampled_from(VALUES) | _texts())))
    if odd is not None and members and draw(st.integers(0, 4)) == 0:
        members.insert(0, (draw(st.sampled_from(members))[0], draw(st.sampled_from(VALUES))))
    if draw(st.booleans()):
        members = draw(st.permutations(members))
    gap = draw(_WHITESPACE)
    pairs = (json.dumps(key).encode() + gap + b":" + text for key, text in members)
    return b"{" + gap + (b"," + gap).join(pairs) + gap + b"}"


@st.composite
def _odd_objects(draw: st.DrawFn, schema: EventSchema) -> bytes:
    odd = draw(st.sampled_from([leaf.name for leaf in schema.fields]))
    return draw(_WHITESPACE) + draw(_object_texts(schema.root, odd)) + draw(_WHITESPACE)


@st.composite
def _mutated(draw: st.DrawFn, schema: EventSchema) -> bytes:
    record = bytearray(draw(_object_texts(schema.root)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(record)))
        kind = draw(st.sampled_from(["flip", "delete", "insert", "cut", "repeat"]))
        if kind == "flip" and at < len(record):
            record[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "delete":
            del record[at : at + draw(st.integers(1, 6))]
        elif kind == "insert":
            record[at:at] = draw(
                st.sampled_from([b"\n", b'"', b"\\", b"{", b"}", b",", b"\x00", b"\xff", b"9", b"-", b"\\ud800", b"."])
            )
        elif kind == "cut":
            del record[at:]
        else:
            record[at:at] = record[at : at + draw(st.integers(1, 9))]
    return bytes(record)


_RECORDS = ["good", "good", "good", "odd", "odd", "odd", "odd", "mutated", "torn", "glued", "none", "empty"]


@st.composite
def polls(draw: st.DrawFn, schema: EventSchema) -> list[bytes | None]:
    """The values of one poll: good, odd and broken records; values torn over two records; two values in one."""
    values: list[bytes | None] = []
    for kind in draw(st.lists(st.sampled_from(_RECORDS), max_size=9)):
        match kind:
            case "good":
                values.append(draw(_object_texts(schema.root)))
            case "odd":
                values.append(draw(_odd_objects(schema)))
            case "mutated":
                values.append(draw(_mutated(schema)))
            case "torn":
                whole = draw(_object_texts(schema.root))
                cut = draw(st.integers(0, len(whole)))
                values += [whole[:cut], whole[cut:]]
            case "glued":
                parts = [draw(_object_texts(schema.root)) for _ in range(2)]
                values.append(draw(st.sampled_from([b"", b"\n", b",", b" "])).join(parts))
            case _:
                values.append(None if kind == "none" else b"")
    return values
