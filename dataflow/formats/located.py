"""Where in a table of typed columns an event's fields are: by name, nested ones in structs or in columns "a.b"."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pyarrow as pa

from dataflow.event.schema import EventField, EventObject


class Held(Enum):
    """How a table holds an object of the event."""

    STRUCT = "struct"
    COLUMNS = "columns"
    """Its fields are columns of their own; so are those of the event itself."""
    OTHER = "other"
    """There is a column of its name, of a type that is no struct."""
    LACKING = "lacking"


@dataclass(frozen=True, slots=True)
class LocatedField:
    """A field and the names that lead to its column; no names where the table lacks it."""

    field: EventField
    path: tuple[str, ...]

    @property
    def key(self) -> str:
        """What the field is called in its object."""
        return self.field.path[-1]


@dataclass(frozen=True, slots=True)
class LocatedObject:
    """An object of the event, how it is held, the names that lead to its column, and where its parts are."""

    node: EventObject
    held: Held
    path: tuple[str, ...]
    children: "tuple[LocatedField | LocatedObject, ...]"

    @property
    def key(self) -> str:
        """What the object is called in the one around it."""
        return self.node.path[-1]

    def fields(self) -> Iterator[LocatedField]:
        """All fields below, in the model's order."""
        for child in self.children:
            if isinstance(child, LocatedField):
                yield child
            else:
                yield from child.fields()

    def columns(self) -> list[str]:
        """What to read of the table: names, with a dot before that of a struct's field."""
        found = []
        for child in self.children:
            below = [] if isinstance(child, LocatedField) else child.columns()
            found += below or ([".".join(child.path)] if child.path else [])
        return found


def locate(root: EventObject, schema: pa.Schema) -> LocatedObject:
    """Where the fields of an event are in a table of `schema`.

    A field is read from the column of its own name, else from that of its alias; the other way round where its name is
    the alias of a field beside it. Of columns that have one name the last counts, as of keys in JSON.
    """
    there = {schema.names[at]: schema.types[at] for at in range(len(schema.names))}
    return LocatedObject(root, Held.COLUMNS, (), tuple(_children(root, there, (), there)))


def _children(
    node: EventObject, there: Mapping[str, pa.DataType], at: tuple[str, ...], top: Mapping[str, pa.DataType]
) -> Iterator[LocatedField | LocatedObject]:
    for child in node.children:
        others = {each.path[-1] for each in node.children if each is not child}
        name = _name(_name_of(child), child.path[-1], others, there)
        path = () if name is None else (*at, name)
        if isinstance(child, EventField):
            yield LocatedField(child, path)
        elif any(dotted in top for leaf in child.leaves() for dotted in _dotted(leaf)):
            yield LocatedObject(child, Held.COLUMNS, (), tuple(_apart(child, top)))
        elif name is None:
            yield LocatedObject(child, Held.LACKING, (), ())
        elif not pa.types.is_struct(there[name]):
            yield LocatedObject(child, Held.OTHER, path, ())
        else:
            struct: Any = there[name]
            inner = {each.name: each.type for each in struct}
            yield LocatedObject(child, Held.STRUCT, path, tuple(_children(child, inner, path, {})))


def _apart(node: EventObject, top: Mapping[str, pa.DataType]) -> Iterator[LocatedField | LocatedObject]:
    """The parts of an object whose fields are columns "a.b"."""
    for child in node.children:
        if isinstance(child, EventField):
            name = next((dotted for dotted in _dotted(child) if dotted in top), None)
            yield LocatedField(child, () if name is None else (name,))
        else:
            held = any(dotted in top for leaf in child.leaves() for dotted in _dotted(leaf))
            parts = tuple(_apart(child, top)) if held else ()
            yield LocatedObject(child, Held.COLUMNS if held else Held.LACKING, (), parts)


def _dotted(leaf: EventField) -> tuple[str, str]:
    return leaf.name, ".".join(leaf.path)


def _name_of(child: EventField | EventObject) -> str:
    """The name in the model, which an alias may stand beside."""
    leaf = child if isinstance(child, EventField) else next(child.leaves())
    return leaf.name.split(".")[len(child.path) - 1]


def _name(name: str, key: str, others: Iterable[str], there: Mapping[str, object]) -> str | None:
    if name in there and name not in others:
        return name
    return key if key in there else None
