"""The seam to how a record's value is written."""

from typing import Protocol

from emit.record import Record


class Form(Protocol):
    """Writes the values of one way out."""

    def open(self) -> None:
        """Get ready, again after each failure of the target. Raises DeliveryTrouble."""
        ...

    def written(self, record: Record) -> bytes | None:
        """The bytes of the record's value; None where it has none any more."""
        ...


class JsonForm:
    """JSON, as it is there already."""

    def open(self) -> None:
        """As `Form` says."""

    def written(self, record: Record) -> bytes | None:
        """As `Form` says."""
        return None if record.value is None else record.value.encode()
