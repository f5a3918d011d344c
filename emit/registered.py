"""A form whose schema a registry knows: each value is in Confluent's frame, a zero byte and the schema's number."""

from collections.abc import Callable
from typing import Protocol

from dataflow.errors import RegistryUnreachable, SchemaRefused
from dataflow.formats.schemas import RegisteredSchema
from emit.record import Record, Values
from emit.trouble import DeliveryTrouble

Body = Callable[[Values], bytes]
"""What stands behind the frame, of the values of one record in the order of the columns."""


class Registers(Protocol):
    """A registry."""

    def latest(self, subject: str) -> RegisteredSchema | None:
        """The newest version under `subject`, None if there is none. Raises RegistryUnreachable."""
        ...

    def register(self, subject: str, schema: RegisteredSchema) -> int:
        """The number of the schema under `subject`. Raises RegistryUnreachable, SchemaRefused."""
        ...


Make = Callable[[RegisteredSchema | None], tuple[RegisteredSchema, Body]]
"""The schema and what writes by it, made to follow the newest version there is; None where there is none."""


class RegisteredForm:
    """See `Form`. The schema is registered at each `open`; a registry gives the same one the same number again."""

    def __init__(self, registry: Registers, subject: str, make: Make) -> None:
        """Asks nothing yet."""
        self._registry, self._subject, self._make = registry, subject, make
        self._frame = b""
        self._body: Body | None = None

    def open(self) -> None:
        """As `Form` says: also where the registry gives no answer, or does not take the schema."""
        try:
            schema, self._body = self._make(self._registry.latest(self._subject))
            number = self._registry.register(self._subject, schema)
        except (RegistryUnreachable, SchemaRefused) as error:
            raise DeliveryTrouble(str(error)) from error
        self._frame = b"\0" + number.to_bytes(4, "big")

    def written(self, record: Record) -> bytes | None:
        """As `Form` says; only after `open`."""
        assert self._body is not None
        return self._frame + self._body(record.values) if record.values else None
