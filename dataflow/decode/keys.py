"""Kafka keys in a format of their own to values: whole ones, or records whose fields the model asks for."""

import base64
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Protocol

import msgspec

from dataflow.decode.avro.decoder import NO_FRAME, Writers
from dataflow.decode.avro.reader import Malformed, whole_reader
from dataflow.errors import ConfigError
from dataflow.event.schema import EventField, EventObject
from dataflow.formats.avro import read_schema
from dataflow.formats.declared import Format
from dataflow.formats.frame import framed_body, json_body
from dataflow.formats.schemas import Schemas
from dataflow.formats.typed import Other
from dataflow.messages import Refusal

NEEDS_REGISTRY = (
    'the schemas of these keys are in a registry: set "schema.registry.url" in [kafka], or name the one schema of all '
    'keys in the pipeline file, as in key_format=avro("key.avsc")'
)

_MOST_KNOWN = 50_000


class _Read(Protocol):
    """A key and the header of its newer frame to its value, a dict of a record's fields, or to a Refusal."""

    def __call__(self, key: bytes, header: bytes | None, /) -> object: ...


class KeyReader:
    """Reads keys of one format; those that come again are read once.

    Raises RegistryUnreachable where a key's schema is not known yet; the same call can be made again.
    """

    def __init__(self, declared: Format, schemas: Schemas | None, fields: tuple[EventField, ...]) -> None:
        """`fields`: those of the model that are fields of the key. Raises ConfigError without a registry it needs."""
        self._read = _reader(declared, schemas, _node(fields))
        self._known: dict[tuple[bytes, bytes | None], object] = {}

    def read(self, key: bytes, header: bytes | None) -> object:
        """The key's value, a dict of a record's, or the Refusal that says why it has none."""
        found = self._known.get((key, header), self)
        if found is self:
            found = self._read(key, header)
            if len(self._known) == _MOST_KNOWN:
                self._known.clear()
            self._known[key, header] = found
        return found


def _node(fields: tuple[EventField, ...]) -> EventObject:
    """The fields as those of one record, read by their names in the key."""
    named = [(leaf, leaf.record.field) for leaf in fields if leaf.record is not None and leaf.record.field is not None]
    by_name = {name: replace(leaf, path=(name,)) for leaf, name in named}
    return EventObject((), tuple(by_name.values()))


def _reader(declared: Format, schemas: Schemas | None, node: EventObject) -> _Read:
    if declared.name == "json":
        return _json
    needs = declared.registry if declared.name == "protobuf" else declared.schema is None
    if needs and schemas is None:
        raise ConfigError("key_format", f"{declared.name}()", NEEDS_REGISTRY)
    if declared.name == "protobuf":
        return _protobuf(declared, schemas if needs else None, node)
    if isinstance(declared.schema, str):
        whole = whole_reader(read_schema(declared.schema), node, declared.aliases)
        return lambda key, _: _avro(whole, key)
    assert schemas is not None, "looked at above"
    return _framed_avro(Writers(schemas, only_records=False), declared, node)


_loads = msgspec.json.Decoder(float_hook=Decimal).decode


def _json(key: bytes, _header: bytes | None) -> object:
    try:
        found: object = _loads(json_body(key))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Refusal("malformed", None, f"not one JSON value: {error}")
    return _plain(found)


def _plain(found: object) -> object:
    if isinstance(found, dict):
        return {name: Other("an object") if isinstance(each, dict) else _plain(each) for name, each in found.items()}
    return Other("a list") if isinstance(found, list) else found


def _avro(whole: Callable[[bytes], object], body: bytes) -> object:
    try:
        return whole(body)
    except Malformed as error:
        return Refusal("malformed", None, f"not one Avro value of its schema: {error}")


def _framed_avro(writers: Writers, declared: Format, node: EventObject) -> _Read:
    known: dict[object, Callable[[bytes], object] | Refusal] = {}

    def read(key: bytes, header: bytes | None) -> object:
        framed = framed_body(key, header)
        if framed is None:
            return Refusal("malformed", None, NO_FRAME)
        named, body = framed
        reader = known.get(named)
        if reader is None:
            writer = writers.find(named)
            reader = writer if isinstance(writer, Refusal) else whole_reader(writer, node, declared.aliases)
            known[named] = reader
        return reader if isinstance(reader, Refusal) else _avro(reader, body)

    return read


def _protobuf(declared: Format, schemas: Schemas | None, node: EventObject) -> _Read:
    # not everyone has keys in it
    from dataflow.decode.protobuf.decoder import Known, body_reader
    from dataflow.decode.protobuf.reader import values_reader
    from dataflow.formats.protobuf import read_descriptors

    message = read_descriptors(base64.b64decode(str(declared.schema)), str(declared.message))
    values = values_reader(message.make.DESCRIPTOR, node, declared.aliases)
    parsed = body_reader(message, None if schemas is None else Known(schemas))

    def read(key: bytes, header: bytes | None) -> object:
        found = parsed(key, header)
        return found if isinstance(found, Refusal) else values(found)

    return read
