"""In a field table, what records are that are no JSON: the schema that they are read by, or who knows it.

records  = "avro" TEXT                             bare bodies of this schema
         | "registry" TEXT "," "avro"              framed ones; the address of the registry's Confluent interface
         | [ "registry" TEXT "," ] "protobuf" messages
"""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from dataflow.formats.declared import Format
from flink.contract.words import quoted

if TYPE_CHECKING:
    from dataflow.formats.protobuf import ProtobufMessage

Aliases = Mapping[str, Sequence[str]]
"""By column, former names of its field in the records' schemas."""

MOST_CHARACTERS = 50_000
"""A Java class holds no literal of more than 65,535 bytes, and the fields need some of them."""


def in_registry(declared: Format) -> bool:
    """Whether the schemas that records name are a registry's."""
    return declared.registry if declared.name == "protobuf" else declared.name == "avro" and declared.schema is None


def records_text(declared: Format, registry: str | None) -> str:
    """The settings of a field table. `declared` as a plan has it: with the schema itself in the place of a path."""
    if declared.name == "protobuf":
        from flink.contract.messages import messages_text

        said = f"protobuf {messages_text(message_of(declared))}"
        return f"{_registry(registry)}, {said}" if in_registry(declared) else said
    if in_registry(declared):
        return f"{_registry(registry)}, avro"
    return f"avro {quoted(compact(str(declared.schema)))}"


def _registry(address: str | None) -> str:
    assert address is not None, "records whose schemas are elsewhere have a registry"
    return f"registry {quoted(address)}"


def message_of(declared: Format) -> "ProtobufMessage":
    """The message of a plan's format."""
    from dataflow.formats.protobuf import read_descriptors

    assert isinstance(declared.schema, str), "a plan has the descriptors themselves"
    return read_descriptors(base64.b64decode(declared.schema), str(declared.message))


def unread(declared: Format) -> Iterator[str]:
    """What of the records' schema the function cannot read, in words."""
    if declared.name == "protobuf":
        from flink.contract.messages import extendable

        for name in sorted(set(extendable(message_of(declared)))):
            fix = "which the function does not read; leave the pipeline to Tidemill"
            yield f"format = protobuf(...): {name} may have extensions, {fix}"


def too_long(declared: Format) -> Iterator[str]:
    """What is said where the records' schema is longer than a field table can be."""
    if declared.name == "json" or declared.schema is None:
        return
    size = len(records_text(declared, ""))
    if size > MOST_CHARACTERS:
        yield (
            f"format = {declared.name}(...): its schema has {size:,} characters, and Flink takes {MOST_CHARACTERS:,}; "
            "leave out documentation and what no event needs"
        )


def compact(text: str) -> str:
    """A schema's JSON without blanks."""
    return json.dumps(json.loads(text), separators=(",", ":"))
