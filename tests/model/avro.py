"""Avro bodies and what they are worth as events, one record at a time (semantics rule 2, docs/inputs.md)."""

import json
import re
import struct
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from tests.model import many
from tests.model.contract import (
    FURTHEST_MS,
    INT64_MAX,
    INT64_MIN,
    MAX_DEPTH,
    Dead,
    at_place,
    check_limits,
    read_day,
    read_form,
    time_text_ms,
)
from tests.model.spec import FieldSpec, PipelineSpec

PER_SECOND = {"millis": 10**3, "micros": 10**6, "nanos": 10**9}


class Broken(Exception):
    """The body is not one record of its schema."""


@dataclass(frozen=True)
class Typed:
    """A value with what its type says of it: a kind of `TAKES`, or one that no field takes.

    `set`: of a message, the same with what is set in it alone, as an object that is kept as text has it.
    """

    kind: str
    value: Any = None
    set: "Typed | None" = None


class Schema:
    """A schema's JSON with its names looked up as they are met."""

    def __init__(self, text: str) -> None:
        self.names: dict[str, Any] = {}
        self.root = json.loads(text)
        self._collect(self.root, "")

    def _collect(self, said: Any, space: str) -> None:
        if isinstance(said, list):
            for each in said:
                self._collect(each, space)
        elif isinstance(said, dict):
            inner = space
            if said.get("type") in ("record", "enum", "fixed"):
                name = said["name"]
                if "." not in name and said.get("namespace", space):
                    name = said.get("namespace", space) + "." + name
                self.names[name] = said
                said["full"] = name
                inner = name.rpartition(".")[0]
            said["space"] = inner
            for each in said.get("fields", ()):
                self._collect(each["type"], inner)
                each["space"] = inner
            for part in ("items", "values"):
                if part in said:
                    self._collect(said[part], inner)
            if isinstance(said.get("type"), dict | list):
                self._collect(said["type"], inner)

    def named(self, name: str, space: str) -> Any:
        return self.names.get(f"{space}.{name}" if space and "." not in name else name) or self.names[name]


PRIMITIVE = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}


class Body:
    """Reads a body from its beginning to its end."""

    def __init__(self, body: bytes, schema: Schema) -> None:
        self.rest = body
        self.schema = schema

    def record(self) -> dict[str, Any]:
        found = self.value(self.schema.root, "", 1)
        if self.rest:
            raise Broken
        return found.value

    def take(self, count: int) -> bytes:
        if count < 0 or count > len(self.rest):
            raise Broken
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def number(self, bits: int = 64) -> int:
        groups = []
        while True:
            byte = self.take(1)[0]
            groups.append(byte % 128)
            if byte < 128:
                break
            if len(groups) == 10:
                raise Broken
        zigzag = sum(group * 128**at for at, group in enumerate(groups))
        if zigzag >= 2**64:
            raise Broken
        number = zigzag // 2 if zigzag % 2 == 0 else -(zigzag + 1) // 2
        if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
            raise Broken
        return number

    def text(self) -> str:
        try:
            return self.take(self.number()).decode()
        except UnicodeDecodeError:
            raise Broken from None

    def value(self, said: Any, space: str, depth: int) -> Typed:
        if isinstance(said, list):
            branch = self.number()
            if not 0 <= branch < len(said):
                raise Broken
            return self.value(said[branch], space, depth)
        if isinstance(said, str):
            return self.primitive(said) if said in PRIMITIVE else self.named(self.schema.named(said, space), depth)
        return self.named(said, depth)

    def named(self, said: Any, depth: int) -> Typed:
        kind = said["type"]
        if isinstance(kind, dict | list):
            return self.value(kind, said["space"], depth)
        if kind in ("record", "array", "map") and depth > MAX_DEPTH:
            raise Broken
        if kind == "record":
            found: dict[str, Any] = {}
            for each in said["fields"]:
                found[each["name"]] = (self.value(each["type"], each["space"], depth + 1), each.get("aliases", []))
            return Typed("record", found)
        if kind == "enum":
            at = self.number(32)
            if not 0 <= at < len(said["symbols"]):
                raise Broken
            return Typed("text", said["symbols"][at])
        if kind in ("array", "map"):
            parts = self.blocks(said, kind, depth)
            return Typed(kind, dict(parts) if kind == "map" else [inner for _, inner in parts])
        if kind not in PRIMITIVE and kind != "fixed":
            return self.value(kind, said["space"], depth)
        return self.logical(said, kind)

    def blocks(self, said: Any, kind: str, depth: int) -> list[tuple[str, Typed]]:
        parts = []
        while count := self.number():
            if count < 0:
                count = -count
                self.number()
            if count > len(self.rest):
                raise Broken
            for _ in range(count):
                name = self.text() if kind == "map" else ""
                inner = self.value(said["items" if kind == "array" else "values"], said["space"], depth + 1)
                parts.append((name, inner))
        return parts

    def logical(self, said: Any, kind: str) -> Typed:
        logical = said.get("logicalType", "")
        family, _, unit = logical.rpartition("-")
        if kind == "long" and unit in PER_SECOND and family in ("timestamp", "local-timestamp"):
            ticks = self.number()
            return Typed("instant", Fraction(ticks, PER_SECOND[unit])) if family == "timestamp" else Typed("local")
        if kind == "int" and logical == "date":
            return Typed("day", self.number(32))
        if kind in ("bytes", "fixed"):
            raw = self.take(said["size"] if kind == "fixed" else self.number())
            scale, precision = said.get("scale", 0), said.get("precision")
            if logical == "decimal" and isinstance(precision, int) and 0 <= scale <= precision:
                return Typed("exact", Fraction(int.from_bytes(raw, "big", signed=True), 10**scale))
            return Typed("bytes")
        return self.primitive(kind)

    def primitive(self, kind: str) -> Typed:
        if kind == "null":
            return Typed("null")
        if kind == "boolean":
            byte = self.take(1)[0]
            if byte > 1:
                raise Broken
            return Typed("bool", byte == 1)
        if kind in ("int", "long"):
            return Typed("int", self.number(32 if kind == "int" else 64))
        if kind in ("float", "double"):
            size, form = (4, "<f") if kind == "float" else (8, "<d")
            return Typed("double", struct.unpack(form, self.take(size))[0])
        if kind == "bytes":
            self.take(self.number())
            return Typed("bytes")
        return Typed("text", self.text())


def read_bare(value: bytes | None, spec: PipelineSpec, schema: Schema, aliases: Any = None) -> dict[str, Any] | Dead:
    """A record that is a body of `schema`."""
    return before(value, spec) or body_of(value or b"", spec, schema, aliases or {})


def read_framed(
    value: bytes | None, spec: PipelineSpec, schemas: dict[int, tuple[str, Schema]], aliases: Any = None
) -> dict[str, Any] | Dead:
    """A record in a registry's frame; `schemas`: kind and schema by number."""
    dead = before(value, spec)
    if dead is not None:
        return dead
    assert value is not None
    if value[0] != 0 or len(value) < 5:
        return Dead("malformed") if value[0] != 1 or len(value) < 17 else Dead("unknown_schema")
    kind, schema = schemas.get(int.from_bytes(value[1:5], "big"), ("none", None))
    if kind != "AVRO" or schema is None:
        return Dead("unknown_schema")
    return body_of(value[5:], spec, schema, aliases or {})


def before(value: bytes | None, spec: PipelineSpec) -> Dead | None:
    """What is against a record before anyone looks into it."""
    if value is None:
        return Dead("tombstone")
    if value == b"":
        return Dead("empty")
    if spec.max_record_bytes is not None and len(value) > spec.max_record_bytes:
        return Dead("too_large")
    return None


def body_of(body: bytes, spec: PipelineSpec, schema: Schema, aliases: Any) -> dict[str, Any] | Dead:
    try:
        found = Body(body, schema).record()
    except Broken:
        return Dead("malformed")
    columns: dict[str, Any] = {}
    return read_fields(found, spec.fields, ((), ""), columns, aliases) or columns


def read_fields(
    found: dict[str, Any], fields: tuple[FieldSpec, ...], place: tuple[tuple[str, ...], str], columns: Any, aliases: Any
) -> Dead | None:
    """Puts the fields into `columns`, or says why not. `found`: name to (value, aliases of the writer's field)."""
    path, prefix = place
    for each in fields:
        key = each.key or each.name
        former = aliases.get(".".join((*path, key)), ())
        hits = [value for name, (value, _) in found.items() if name == key]
        hits += [value for value, others in found.values() if key in others]
        hits += [value for name, (value, _) in found.items() if name in former]
        name = prefix + each.name
        if not hits or hits[0].kind == "null":
            if not (each.optional if hits else each.has_default):
                return Dead("missing_field", name)
            empty(each, name, None if hits else each.default, columns)
        elif each.kind == "object":
            if hits[0].kind != "record":
                return Dead("wrong_type", name)
            dead = read_fields(hits[0].value, each.children, ((*path, key), name + "."), columns, aliases)
            if dead is not None:
                return dead
        elif each.kind in ("list", "json"):
            columns[name] = many.of_typed(hits[0], each, field_of)
            if isinstance(columns[name], many.No):
                return at_place(columns[name], name)
        else:
            result = field_of(hits[0], each)
            if isinstance(result, Dead):
                return Dead(result.reason, name)
            columns[name] = result
    return None


def empty(each: FieldSpec, name: str, value: Any, columns: dict[str, Any]) -> None:
    if each.kind != "object":
        columns[name] = value
    for child in each.children:
        empty(child, f"{name}.{child.name}", None if value is None else value[child.name], columns)


TAKES = {
    "str": {"text"},
    "int": {"int"},
    "bool": {"bool"},
    "float": {"int", "double"},
    "money": {"int", "double", "exact"},
    "money_text": {"text", "exact"},
    "date": {"text", "day"},
    "event_time_text": {"text", "instant"},
    **{f"event_time_{unit}": {"int", "instant"} for unit in ("s", "ms", "us", "ns")},
}
TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def field_of(found: Typed, each: FieldSpec) -> Any:
    """The column's value, or a Dead without its field."""
    if found.kind not in TAKES[each.kind]:
        return Dead("wrong_type")
    value = found.value
    try:
        if each.kind.startswith("event_time"):
            return event_time(found, each)
        if each.kind == "int" and not INT64_MIN <= value <= INT64_MAX:
            return Dead("constraint")
        if each.kind == "float":
            value = float(value)
            if value != value or abs(value) == float("inf"):
                return Dead("constraint")
            value = 0.0 if value == 0 else value
        elif each.kind == "money_text" and found.kind == "text":
            value = read_amount(value)
        elif each.kind in ("money", "money_text"):
            value = money(value)
        elif each.kind == "date":
            value = read_day(value) if found.kind == "text" else day(value)
        check_limits(value, each.limits)
    except (ValueError, OverflowError):
        return Dead("constraint")
    return value


def read_amount(text: str) -> Any:
    if re.fullmatch(r"[-+]?[0-9]+(\.[0-9]+)?", text) is None:
        raise ValueError
    return money(Fraction(text)) if len(text) < 4_000 else money(10**12)


def money(value: Any) -> Any:
    from decimal import Decimal

    exact = Fraction(repr(value)) if isinstance(value, float) else Fraction(value)
    micros = exact * 10**6
    if micros.denominator != 1 or abs(exact) >= 10**12:
        raise ValueError
    return Decimal(int(micros)).scaleb(-6)


def day(days: int) -> date:
    return date(1970, 1, 1) + timedelta(days=days)


def event_time(found: Typed, each: FieldSpec) -> int:
    unit = each.kind.removeprefix("event_time_")
    if found.kind == "text":
        at_ms = time_text_ms(found.value) if each.form is None else read_form(found.value, each.form)
    elif found.kind == "instant":
        if unit in TICKS:
            check_limits(found.value * TICKS[unit] // 1, each.limits)
        at_ms = found.value * 1000 // 1
        form = each.form
        if form is not None and not (form.start or -FURTHEST_MS) <= at_ms < (form.end or FURTHEST_MS + 1):
            raise ValueError
    else:
        if not INT64_MIN <= found.value <= INT64_MAX:
            raise ValueError
        check_limits(found.value, each.limits)
        at_ms = Fraction(found.value * 1000, TICKS[unit]) // 1
    if abs(at_ms) > FURTHEST_MS:
        raise ValueError
    return at_ms
