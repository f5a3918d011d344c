"""What a pipeline file says of its records' form: `json()`, `avro(...)` or `protobuf(...)`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

FormatName = Literal["json", "avro", "protobuf"]


@dataclass(frozen=True, slots=True)
class Format:
    """One form of records. `schema`: the path of a file, relative to the pipeline file, or what stands for one.

    `aliases`: by column, what the records' own schema may call the field beside its name in the model.
    """

    name: FormatName
    schema: object = None
    aliases: Mapping[str, Sequence[str]] = field(default_factory=dict)
    message: str | None = None
    """Of Protobuf, the message's full name."""
    registry: bool = False
    """Of Protobuf, whether every record names a schema that a registry must know."""


def protobuf(
    schema: object = None,
    message: str | None = None,
    *,
    registry: bool = False,
    aliases: Mapping[str, Sequence[str]] | None = None,
) -> Format:
    """Protobuf: `schema` is a generated class, or a file of descriptors of which `message` is one by its full name.

    With `registry`, every record is in its frame; without, those are that begin as one. `aliases` as for Avro. What
    leaves the lake has a message made of its columns, and takes nothing here.
    """
    return Format("protobuf", schema, dict(aliases or {}), message, registry)


def json() -> Format:
    """A JSON object a record, with or without the frame of a schema registry. What counts where nothing is said."""
    return Format("json")


def avro(schema: str | None = None, *, aliases: Mapping[str, Sequence[str]] | None = None) -> Format:
    """Avro. With `schema`, a file, every record is a bare body of that schema; without, a registry knows its schema.

    The event model says what is read. `aliases`: by column, former names of its field in the records' schemas.
    """
    return Format("avro", schema, dict(aliases or {}))
