"""The event contract: a pydantic model read into fields, Arrow types and decoding rules."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pyarrow as pa
from pydantic import BaseModel

from dataflow.errors import PipelineError
from dataflow.event.annotations import Choices
from dataflow.event.event_field import EventField, EventObject
from dataflow.event.fields import (
    FieldKind,
    TimeUnit,
)
from dataflow.event.model_reader import ARROW, ModelReader
from dataflow.event.record_part import TIMESTAMP, RecordPart
from dataflow.event.renaming import renamed_line
from dataflow.own_columns import OF_EVENTS

__all__ = ["EventField", "EventObject", "EventSchema", "FieldKind", "schema_of"]


@dataclass(frozen=True, slots=True)
class EventSchema:
    """The model's leaf fields in its order. `arrow` has one column per field, by its name; `root` holds the nesting."""

    model: type[BaseModel]
    fields: tuple[EventField, ...]
    arrow: pa.Schema
    event_time: EventField
    root: EventObject

    @property
    def values(self) -> dict[str, Choices]:
        """By column, all that it can hold beside null: those of a Literal or an Enum."""
        return values_of(self.fields)


@dataclass(frozen=True, slots=True)
class ReadModel:
    """What could be read of a model: all of it, as `schema`, where there are no `mistakes`.

    `fields` are those that are of a known type, `unread` the columns (or the objects) that are not; of a model that is
    none, nothing is known (`is_open`).
    """

    fields: tuple[EventField, ...]
    unread: frozenset[str]
    mistakes: list[str]
    schema: EventSchema | None = None
    is_open: bool = False


def schema_of(model: type[BaseModel]) -> EventSchema:
    """Read `model` into fields and Arrow types.

    Raises PipelineError with every mistake in it: unsupported types, validators, reserved or repeated names,
    unusable defaults, not exactly one event time.
    """
    found = read_model(model)
    if found.schema is None:
        raise PipelineError("event" if found.is_open else f"event {model.__name__}", found.mistakes)
    return found.schema


def read_model(model: object) -> ReadModel:
    """The same for whoever goes on with what could be read. Raises nothing."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        mistake = f"event={model!r} is not a pydantic model; give a class that extends BaseModel"
        return ReadModel((), frozenset(), [mistake], is_open=True)
    reader = ModelReader()
    root = EventObject((), reader.children(model, (), (), False, (model,)))
    leaves = tuple(root.leaves())
    if not any(leaf.kind is FieldKind.EVENT_TIME for leaf in leaves) and not reader.unread_event_time:
        root, leaves = _timed_by_record(root)
    times = [leaf for leaf in leaves if leaf.kind is FieldKind.EVENT_TIME]
    if not times and not reader.unread_event_time:
        reader.mistakes.append("no event time; give exactly one field the type EventTime (dataflow.EventTime)")
    elif len(times) > 1:
        names = ", ".join(leaf.name for leaf in times)
        reader.mistakes.append(f"{len(times)} event times ({names}); keep EventTime on one and make the others int")
    reader.mistakes.extend(_name_mistakes(model, leaves))
    unread = frozenset(reader.unread)
    if reader.mistakes:
        return ReadModel(leaves, unread, reader.mistakes)
    arrow = pa.schema([(leaf.name, leaf.type) for leaf in leaves])
    return ReadModel(leaves, unread, [], EventSchema(model, leaves, arrow, times[0], root))


def _timed_by_record(root: EventObject) -> tuple[EventObject, tuple[EventField, ...]]:
    """The event whose time is its record's timestamp, where one field alone is that and is never null."""
    found = [each for each in root.children if isinstance(each, EventField) and each.record == RecordPart(TIMESTAMP)]
    if len(found) != 1 or found[0].null_ok or not found[0].required:
        return root, tuple(root.leaves())
    time = replace(found[0], kind=FieldKind.EVENT_TIME, type=ARROW[FieldKind.EVENT_TIME], unit=TimeUnit.MILLIS)
    root = replace(root, children=tuple(time if each is found[0] else each for each in root.children))
    return root, tuple(root.leaves())


def values_of(fields: Iterable[EventField]) -> dict[str, Choices]:
    """The values of the columns that are of a Literal or an Enum."""
    return {leaf.name: leaf.choices for leaf in fields if leaf.choices is not None}


def _name_mistakes(model: type[BaseModel], leaves: tuple[EventField, ...]) -> Iterator[str]:
    seen: dict[str, str] = {}
    for leaf in leaves:
        folded = leaf.name.lower()
        if folded in OF_EVENTS:
            line = renamed_line(model, leaf.name, leaf.path[-1])
            yield f"{leaf.name}: table events has a column {folded} of its own; write `{line}`"
        if folded in seen:
            yield f"{leaf.name}: same column as {seen[folded]} (case does not count); rename one"
        seen.setdefault(folded, leaf.name)
