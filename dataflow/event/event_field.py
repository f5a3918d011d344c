"""One field of an event, and an object that holds several: how each is read, and what its column holds."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
from pydantic import TypeAdapter

from dataflow.event.annotations import Choices, Constraints
from dataflow.event.fields import FieldKind, TimeUnit, Value, text_to_ms
from dataflow.event.record_part import RecordPart
from dataflow.event.text_time import TextTime

NO_CONSTRAINTS = Constraints()


@dataclass(frozen=True, slots=True)
class EventField:
    """One leaf field: column `name` ("a.b" for nested), JSON `path`, kind, whether null or absence is allowed.

    `nullable`: the column may hold null. `null_ok`: the JSON value itself may be null (a field of an optional
    nested model is nullable even where it may not be null in a given object). `default` is the column's value
    when the field is absent and not `required`. `choices`: the JSON values of a Literal or Enum. `unit`: how an
    event time is written; `text` how, where as text of other forms than the strict one. `is_amount_text`: money comes
    as text. `adapter` judges a JSON value's constraints; None where there are none.
    `record`: what of the Kafka record it is, where it is none of its value's. `element`: of a list or an object as
    JSON, how each value in it is judged; None where it may be anything.
    """

    name: str
    path: tuple[str, ...]
    kind: FieldKind
    type: pa.DataType
    nullable: bool
    required: bool
    default: Value = field(hash=False)
    null_ok: bool = False
    constraints: Constraints = NO_CONSTRAINTS
    choices: Choices | None = None
    unit: TimeUnit | None = None
    adapter: TypeAdapter[object] | None = field(default=None, repr=False, compare=False)
    record: RecordPart | None = None
    text: TextTime | None = None
    is_amount_text: bool = False
    element: "EventField | None" = None

    def text_ms(self, written: str) -> int:
        """The event time that is written so, in ms since 1970. Raises ValueError."""
        return text_to_ms(written) if self.text is None else self.text.to_ms(written)


@dataclass(frozen=True, slots=True)
class EventObject:
    """One JSON object of the event: the event itself (empty path) or a nested model.

    `default` holds the columns' values when the object is absent and not `required`; all null if it is None.
    """

    path: tuple[str, ...]
    children: tuple["EventField | EventObject", ...]
    null_ok: bool = False
    required: bool = True
    default: dict[str, Value] | None = field(default=None, hash=False)

    def leaves(self) -> Iterator[EventField]:
        """The leaf fields below, in the model's order."""
        for child in self.children:
            if isinstance(child, EventField):
                yield child
            else:
                yield from child.leaves()
