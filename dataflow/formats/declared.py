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


def json() -> Format:
    """A JSON object a record, with or without the frame of a schema registry. What counts where nothing is said."""
    return Format("json")


def avro(schema: str | None = None, *, aliases: Mapping[str, Sequence[str]] | None = None) -> Format:
    """Avro. With `schema`, a file, every record is a bare body of that schema; without, a registry knows its schema.

    The event model says what is read. `aliases`: by column, former names of its field in the records' schemas.
    """
    return Format("avro", schema, dict(aliases or {}))
