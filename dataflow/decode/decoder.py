"""Which decoder reads a pipeline's records: the one place where formats are named."""

import base64
from functools import partial
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from dataflow.decode.json.framed import UnframingDecoder
from dataflow.decode.json.general import JsonDecoder
from dataflow.decode.json.plain import json_decoder
from dataflow.decode.record_parts import RecordPartsDecoder, parts_of, without_parts
from dataflow.errors import ConfigError
from dataflow.event.record_part import TIMESTAMP, header_column
from dataflow.event.schema import EventSchema
from dataflow.formats.declared import Format
from dataflow.formats.frame import HEADER, KEY_HEADER
from dataflow.formats.schemas import Schemas
from dataflow.messages import Decoded, TypedRows

if TYPE_CHECKING:
    from dataflow.decode.keys import KeyReader
    from dataflow.decode.typed.decoder import TypedDecoder


class Decoder(Protocol):
    """A value column in, event columns and refusals out. No order, no state, but for schemas once they are known."""

    def decode(self, values: pa.Array) -> Decoded:
        """Decode a binary (or binary_view) array; nulls are tombstones.

        Raises RegistryUnreachable where a record's schema is not known yet; the same call can be made again.
        """
        ...


class FileDecoder:
    """Decodes what files hold: JSON records, and rows of typed columns."""

    def __init__(self, json: Decoder, typed: "TypedDecoder") -> None:
        self._json = json
        self._typed = typed

    def decode(self, values: pa.Array) -> Decoded:
        """JSON records."""
        return self._json.decode(values)

    def decode_typed(self, rows: TypedRows) -> Decoded:
        """Rows of typed columns."""
        return self._typed.decode(rows)


class Readable(Protocol):
    """What a decoder needs to know of a plan."""

    @property
    def event(self) -> EventSchema:
        """What a valid record holds."""
        ...

    @property
    def max_record_bytes(self) -> int | None:
        """Longer records are dead letters; None = any length."""
        ...

    @property
    def format(self) -> Format:
        """In which form the records are."""
        ...

    @property
    def key_format(self) -> Format | None:
        """In which form their keys are; None for text."""
        ...

    @property
    def schemas(self) -> Schemas | None:
        """The registry that knows their schemas, where the format needs one."""
        ...


def decoder_for(plan: Readable, *, compiled: bool = True, of_kafka: bool = True) -> Decoder:
    """A decoder of the plan's records, for one source partition.

    What it accepts and what it says are the contract's either way. Without `compiled` it is slower and starts at
    once; what is proven with it does not rest on the compiled code that filled the lake. The plan's format is that of
    its topics (`of_kafka`): files hold JSON records or typed columns.
    """
    if parts_of(plan.event):
        inner = decoder_for(_Value(plan), compiled=compiled, of_kafka=of_kafka)
        typed = inner.decode_typed if isinstance(inner, FileDecoder) else None
        keys = _keys(plan) if of_kafka else None
        return RecordPartsDecoder(partial(decode_records, inner), plan.event, keys, typed=typed)
    if of_kafka and plan.format.name == "avro":
        return _avro(plan, compiled=compiled)
    if of_kafka and plan.format.name == "protobuf":
        return _protobuf(plan, compiled=compiled)
    json = _json(plan, compiled)
    if of_kafka:
        return json
    # each form of records has its own libraries, which runs of the others go without
    from dataflow.decode.typed.decoder import TypedDecoder

    return FileDecoder(json, TypedDecoder(plan.event, plan.max_record_bytes))


def _json(plan: Readable, compiled: bool) -> Decoder:
    if not compiled:
        return JsonDecoder(plan.event, plan.max_record_bytes)
    fast = json_decoder(plan.event, plan.max_record_bytes, at_once=True)
    return UnframingDecoder(fast, plan.max_record_bytes)


def decode_typed(decoder: Decoder, rows: TypedRows) -> Decoded:
    """What `decoder`, which is one for files, makes of rows of typed columns."""
    assert isinstance(decoder, FileDecoder | RecordPartsDecoder), "only files have typed columns"
    return decoder.decode_typed(rows)


def decode_records(decoder: Decoder, records: pa.RecordBatch) -> Decoded:
    """What `decoder` makes of a poll's records."""
    if isinstance(decoder, RecordPartsDecoder):
        return decoder.decode_records(records)
    headers = records.schema.get_field_index(header_column(HEADER))
    if headers >= 0:
        from dataflow.decode.binary.decoder import ColumnDecoder
        from dataflow.decode.rows import RowDecoder

        if isinstance(decoder, RowDecoder | ColumnDecoder):
            return decoder.decode(records.column("value"), records.column(headers))
    return decoder.decode(records.column("value"))


def beside_of(plan: Readable) -> tuple[str, ...]:
    """The columns of a poll beside offset, timestamp and value that a decoder of the plan's records looks at."""
    asked = {leaf.record.column for leaf in parts_of(plan.event) if leaf.record is not None} - {TIMESTAMP}
    if plan.format.name == "protobuf" or needs_registry(plan):
        asked.add(header_column(HEADER))
    if plan.key_format is not None:
        asked.add(header_column(KEY_HEADER))
    return tuple(sorted(asked))


class _Value:
    """Of a plan, what concerns records' values alone."""

    def __init__(self, plan: Readable) -> None:
        self.event = without_parts(plan.event)
        self.max_record_bytes = plan.max_record_bytes
        self.format = plan.format
        self.key_format = None
        self.schemas = plan.schemas


def needs_registry(plan: Readable) -> bool:
    """Whether the records' schemas are in a registry."""
    return any(
        declared.registry if declared.name == "protobuf" else declared.name == "avro" and declared.schema is None
        for declared in (plan.format, plan.key_format)
        if declared is not None
    )


def _keys(plan: Readable) -> "KeyReader | None":
    if plan.key_format is None:
        return None
    from dataflow.decode.keys import KeyReader

    return KeyReader(plan.key_format, plan.schemas, parts_of(plan.event))


def _avro(plan: Readable, *, compiled: bool) -> Decoder:
    from dataflow.decode.avro.columns import bare_avro_columns, framed_avro_columns
    from dataflow.decode.avro.decoder import bare_avro, framed_avro

    schema, limit, aliases = plan.event, plan.max_record_bytes, plan.format.aliases
    if isinstance(plan.format.schema, str):
        return (bare_avro_columns if compiled else bare_avro)(schema, limit, plan.format.schema, aliases)
    if plan.schemas is None:
        raise ConfigError("format", "avro()", NEEDS_REGISTRY)
    return (framed_avro_columns if compiled else framed_avro)(schema, limit, plan.schemas, aliases)


def _protobuf(plan: Readable, *, compiled: bool) -> Decoder:
    # not everyone who reads a lake has records in it
    from dataflow.decode.protobuf.columns import protobuf_columns
    from dataflow.decode.protobuf.decoder import protobuf_decoder
    from dataflow.formats.protobuf import read_descriptors

    declared = plan.format
    assert isinstance(declared.schema, str), "a plan has the descriptors themselves"
    if declared.registry and plan.schemas is None:
        raise ConfigError("format", "protobuf(..., registry=True)", NEEDS_REGISTRY)
    message = read_descriptors(base64.b64decode(declared.schema), str(declared.message))
    schemas = plan.schemas if declared.registry else None
    made = protobuf_columns if compiled else protobuf_decoder
    return made(plan.event, plan.max_record_bytes, message, declared.aliases, schemas)


NEEDS_REGISTRY = (
    'the schemas of these records are in a registry: set "schema.registry.url" in [kafka], or name the one schema of '
    'all records in the pipeline file, as in format=avro("event.avsc")'
)
