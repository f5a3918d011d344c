"""Types for fields of an event that come from its Kafka record instead of its value."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

TIMESTAMP: Literal["timestamp"] = "timestamp"
KEY, TOPIC = "key", "topic"
_HEADER = "header:"


@dataclass(frozen=True, slots=True)
class RecordPart:
    """Marks a field that is read from the record: its timestamp, topic, last header of a name, key or part of that."""

    part: Literal["timestamp", "key", "topic", "header"]
    header: str | None = None
    field: str | None = None
    """Of a key that is a record, the name of its field."""

    @property
    def column(self) -> str:
        """The column of a poll that holds it."""
        return self.part if self.header is None else header_column(self.header)


def header_column(name: str) -> str:
    """The column of a poll that holds the last header of this name."""
    return _HEADER + name


def header_of(column: str) -> str | None:
    """The header that a column of a poll holds; None for other columns."""
    return column.removeprefix(_HEADER) if column.startswith(_HEADER) else None


KafkaTimestamp = Annotated[int, RecordPart("timestamp")]
"""The record's timestamp, int64 ms since 1970. It is the event time where no other field is."""

KafkaKey = Annotated[str, RecordPart("key")]
"""The record's key, as text where the pipeline has no `key_format`; null where it has none."""

KafkaTopic = Annotated[str, RecordPart("topic")]
"""The topic that the record came from."""

if TYPE_CHECKING:
    KafkaHeader = Annotated[str, RecordPart]
    KafkaKeyField = Annotated[str, RecordPart]
else:

    class KafkaHeader:
        """`KafkaHeader("name")`: the last header of that name as text; null where the record has none."""

        def __new__(cls, name: str) -> Any:
            """The type of the field."""
            return Annotated[str, RecordPart("header", name)]

    class KafkaKeyField:
        """`KafkaKeyField("name", int)`: a field of the record's key, which `key_format` reads; text without a type.

        `KafkaKeyField(None, int)` is the key itself where it is no record. Null where the record has no key.
        """

        def __new__(cls, name: str | None, type_: Any = str) -> Any:
            """The type of the field."""
            return Annotated[type_, RecordPart("key", field=name)]
