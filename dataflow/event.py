"""The event contract: a pydantic model read into fields, Arrow types and decoding rules."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

import pyarrow as pa
from pydantic import BaseModel


class FieldKind(Enum):
    """What a field holds, which decides its JSON form and its Arrow type."""

    STR = "str"
    INT = "int"
    BOOL = "bool"
    FLOAT = "float"
    MONEY = "money"
    DATE = "date"
    EVENT_TIME = "event_time"


@dataclass(frozen=True, slots=True)
class EventField:
    """One leaf field: column `name` ("a.b" for nested), JSON `path`, kind, whether null or absence is allowed."""

    name: str
    path: tuple[str, ...]
    kind: FieldKind
    type: pa.DataType
    nullable: bool
    required: bool
    default: Any


@dataclass(frozen=True, slots=True)
class EventSchema:
    """The model's leaf fields in the model's order. `arrow` has one column per field, by its name."""

    model: type[BaseModel]
    fields: tuple[EventField, ...]
    arrow: pa.Schema
    event_time: EventField
