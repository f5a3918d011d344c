"""Records of a registered Avro schema as JSON to be looked at, and what the schema says of their fields."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Protocol

import pyarrow as pa

from dataflow.decode.avro.decoder import Writers
from dataflow.decode.avro.reader import Fields, Malformed, fields_reader
from dataflow.errors import SourceError
from dataflow.event.fields import FieldKind
from dataflow.event.schema import EventField, EventObject
from dataflow.formats.avro import AvroType, SchemaError, read_schema
from dataflow.formats.frame import SchemaKey, framed_body
from dataflow.formats.schemas import RegisteredSchema
from dataflow.formats.typed import Days, Other, Stamp
from dataflow.messages import Refusal
from starter.field_type import FieldType
from starter.model import Leaf, Nested
from starter.python_text import literal
from starter.sample import Sample, Stretch, Taken

MOST_DEPTH = 6
_MOST_SYMBOLS, _MOST_CHARS = 12, 72
_EPOCH = date(1970, 1, 1)
_TIMESTAMPS = ("timestamp-millis", "timestamp-micros", "timestamp-nanos")


class Registry(Protocol):
    """A schema registry."""

    def find(self, key: SchemaKey) -> RegisteredSchema | None:
        """The schema, None if there is none. Raises RegistryUnreachable."""
        ...

    def latest(self, subject: str) -> RegisteredSchema | None:
        """The newest version under `subject`, None if there is none. Raises RegistryUnreachable."""
        ...


@dataclass(frozen=True, slots=True)
class Said:
    """What the newest schema says of one field: its type, and whether it may be null."""

    type: AvroType
    null_ok: bool


@dataclass(frozen=True, slots=True)
class Registered:
    """The newest schema of a topic's records. `format`: as a pipeline file writes it; None for JSON.

    `fields`: what it says, by path; nothing is known of records in JSON.
    """

    subject: str
    format: str | None
    fields: Mapping[tuple[str, ...], Said] = field(default_factory=dict)


def registered(registry: Registry, topic: str) -> Registered:
    """The newest schema of the topic's values. Raises SourceError, RegistryUnreachable."""
    subject = f"{topic}-value"
    found = registry.latest(subject)
    if found is None:
        raise SourceError(
            f"the registry has no subject {subject}, under which serializers put the schema of topic {topic}; "
            "name the topic as the producer does, or leave out --registry for records in JSON without a schema"
        )
    if found.kind == "JSON":
        return Registered(subject, None)
    if found.kind != "AVRO":
        raise SourceError(
            f"subject {subject} holds a schema of {found.kind}, which has to be compiled first: run protoc "
            "--include_imports --descriptor_set_out=FILE on it, and write the model with "
            "format=protobuf(FILE, MESSAGE) as docs/inputs.md shows"
        )
    try:
        schema = read_schema(found.text, found.references)
    except SchemaError as error:
        raise SourceError(f"the schema of subject {subject} cannot be read: {error}; register a valid one") from None
    if schema.kind != "record":
        raise SourceError(f"subject {subject} holds a schema of {schema.shown}, and events are records")
    return Registered(subject, "avro()", dict(_fields(schema, ())))


def _fields(schema: AvroType, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Said]]:
    for each in schema.fields:
        path = (*above, each.name)
        bare, null_ok = _bare(each.type)
        yield path, Said(bare, null_ok)
        if bare.kind == "record" and len(path) < MOST_DEPTH:
            yield from _fields(bare, path)


def _bare(type_: AvroType) -> tuple[AvroType, bool]:
    """A union's one branch beside null; others as they are."""
    others = [each for each in type_.branches if each.kind != "null"]
    null_ok = len(others) < len(type_.branches)
    return (others[0], null_ok) if type_.kind == "union" and len(others) == 1 else (type_, null_ok)


def as_json(sample: Sample, registry: Registry) -> Sample:
    """The sample with each record that its schema reads as JSON; bytes, local times and lists of them are left out.

    Raises RegistryUnreachable.
    """
    writers = Writers(registry)
    known: dict[SchemaKey, Fields | None] = {}

    def told(taken: Taken) -> Taken:
        framed = None if not taken.value else framed_body(taken.value, None)
        if framed is None:
            return taken
        key, body = framed
        if key not in known:
            writer = writers.find(key)
            known[key] = None if isinstance(writer, Refusal) else fields_reader(writer, _all_of(writer, ()), {})
        read = known[key]
        if read is None:
            return taken
        try:
            return replace(taken, value=_text(read(body)).encode())
        except Malformed:
            return taken

    return Sample(
        tuple(Stretch(each.partition, tuple(told(taken) for taken in each.records)) for each in sample.stretches)
    )


def _all_of(schema: AvroType, above: tuple[str, ...]) -> EventObject:
    """Every field of a record, to be asked for."""
    children: list[EventField | EventObject] = []
    for each in schema.fields:
        path = (*above, each.name)
        record = next((one for one in (each.type, *each.type.branches) if one.kind == "record"), None)
        if record is not None and len(path) < MOST_DEPTH:
            children.append(_all_of(record, path))
        else:
            children.append(EventField(each.name, path, FieldKind.STR, pa.string(), True, False, None))
    return EventObject(above, tuple(children))


def _text(value: object) -> str:
    """JSON of what an Avro reader gave: an instant as ms, a day as its date, a decimal as all of its digits."""
    match value:
        case dict():
            members = [(name, each) for name, each in value.items() if not isinstance(each, Other)]
            lists = [
                (name, "[]") for name, each in value.items() if isinstance(each, Other) and each.what == "an array"
            ]
            texts = [*[(name, _text(each)) for name, each in members], *lists]
            return "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in texts) + "}"
        case Stamp():
            return str(value.ticks * 1_000 // value.per_second)
        case Days():
            return json.dumps(_day(value.days))
        case Decimal():
            return f"{value:f}"
        case float() if not math.isfinite(value):
            return "null"
    return json.dumps(value)


def _day(days: int) -> str | None:
    try:
        return (_EPOCH + timedelta(days=days)).isoformat()
    except OverflowError:
        return None


def by_schema(model: Nested, time: tuple[str, ...], found: Registered) -> None:
    """Give the fields of `model` the types that the schema says, and tell what it has no column for."""
    _typed(model, time, found)
    for path, said in found.fields.items():
        if len(path) == 1 and _kind_without_column(said.type) is not None:
            why = f"is {_kind_without_column(said.type)} by the schema: no column holds it"
            if path[0] not in [key for key, _ in model.left_out]:
                model.left_out.append((path[0], why))


def _typed(node: Nested, time: tuple[str, ...], found: Registered) -> None:
    kept: list[Leaf | Nested] = []
    for child in node.children:
        said = found.fields.get(child.seen.path)
        if said is None or child.seen.path == time:
            kept.append(child)
            if isinstance(child, Nested):
                _typed(child, time, found)
            continue
        if said.null_ok and not child.optional and time[: len(child.seen.path)] != child.seen.path:
            child.optional = True
            child.notes.append("may be null by the schema")
        if isinstance(child, Nested):
            _typed(child, time, found)
        elif said.type.logical in _TIMESTAMPS:
            node.left_out.append((child.seen.key, "is a timestamp by the schema, and an event has one event time"))
            continue
        else:
            type_ = _type_of(said.type, child.type)
            if type_ is not child.type:
                child.type, child.notes = type_, [note for note in child.notes if note not in child.type.notes]
        kept.append(child)
    node.children = kept


def _type_of(type_: AvroType, seen: FieldType) -> FieldType:
    """The type of a field, by what its schema says where that says more than the values that were seen."""
    if type_.logical == "decimal":
        return FieldType(FieldKind.MONEY, "Money", "Money")
    if type_.logical == "date":
        return FieldType(FieldKind.DATE, "date", "date")
    if type_.kind == "enum":
        return _enum(type_.symbols)
    if type_.kind in ("int", "long") and seen.kind not in (FieldKind.INT, FieldKind.MONEY):
        return FieldType(FieldKind.INT, "int", "int")
    if type_.kind in ("float", "double") and seen.kind is FieldKind.INT:
        return FieldType(FieldKind.FLOAT, "float", "float")
    return seen


def _enum(symbols: tuple[str, ...]) -> FieldType:
    if len(symbols) > _MOST_SYMBOLS or sum(map(len, symbols)) > _MOST_CHARS:
        return FieldType(FieldKind.STR, "str", "str", ("an enum of many symbols by the schema",))
    text = f"Literal[{', '.join(map(literal, symbols))}]"
    note = "an enum by the schema: a symbol that is added to it is a dead letter; str takes all"
    return FieldType(FieldKind.STR, text, "str", (note,), symbols)


def _kind_without_column(type_: AvroType) -> str | None:
    if type_.logical is not None:
        return "a local time" if type_.logical.startswith("local") else None
    return {"bytes": "bytes", "fixed": "bytes", "map": "a map", "array": "a list"}.get(type_.kind)
