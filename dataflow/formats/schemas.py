"""The seam to a schema registry: what a decoder asks it, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from dataflow.formats.frame import SchemaKey


@dataclass(frozen=True, slots=True)
class RegisteredSchema:
    """One answer: its kind ("AVRO", "PROTOBUF", "JSON"), its text, the texts of the schemas that it refers to, by name.

    References come in the order in which each is known before it is used.
    """

    kind: str
    text: str
    references: Mapping[str, str] = field(default_factory=dict)


class Schemas(Protocol):
    """A registry's schemas; what it answered once, it answers the same again."""

    def find(self, key: SchemaKey) -> RegisteredSchema | None:
        """The schema, None if the registry says that it has none.

        Asks at most once, for some seconds. Raises RegistryUnreachable where no answer came: ask again later.
        """
        ...
