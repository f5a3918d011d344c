"""A message's descriptors and an event model to the tables that the compiled reader goes by."""

from typing import Any

import numpy as np

from dataflow.columnar.types import Int64s
from dataflow.decode.binary.slots import Leaf, Source, Unfit, fits
from dataflow.decode.fields import judge_field
from dataflow.decode.protobuf import kernel
from dataflow.decode.protobuf.reader import Aliases, field_of
from dataflow.event.fields import INT64_MAX, FieldKind, Value
from dataflow.event.schema import EventField, EventObject, EventSchema
from dataflow.formats import protobuf as of
from dataflow.messages import Refusal

MOST_FIELDS = 60
"""A message of which the model reads has no more, as each has a bit."""
MOST_TABLES = 1_000

_VARINT, _EIGHT, _SIZED, _GROUP, _FOUR = 0, 1, 2, 3, 5
_NANOS = 1_000_000_000
_KINDS = {
    of.DOUBLE: (_EIGHT, kernel.FIXED64, Source("double")),
    of.FLOAT: (_FOUR, kernel.FIXED32, Source("float")),
    of.INT64: (_VARINT, kernel.INT64, Source("whole")),
    of.UINT64: (_VARINT, kernel.UINT64, Source("whole")),
    of.INT32: (_VARINT, kernel.INT32, Source("whole")),
    of.FIXED64: (_EIGHT, kernel.FIXED64, Source("whole")),
    of.FIXED32: (_FOUR, kernel.FIXED32, Source("whole")),
    of.BOOL: (_VARINT, kernel.BOOL, Source("bool")),
    of.STRING: (_SIZED, kernel.TEXT, Source("text")),
    of.GROUP: (_GROUP, kernel.ODD, None),
    of.MESSAGE: (_SIZED, kernel.MESSAGE, None),
    of.BYTES: (_SIZED, kernel.BYTES, None),
    of.UINT32: (_VARINT, kernel.UINT32, Source("whole")),
    of.ENUM: (_VARINT, kernel.ENUM, Source("text")),
    of.SFIXED32: (_FOUR, kernel.SFIXED32, Source("whole")),
    of.SFIXED64: (_EIGHT, kernel.FIXED64, Source("whole")),
    of.SINT32: (_VARINT, kernel.SINT32, Source("whole")),
    of.SINT64: (_VARINT, kernel.SINT64, Source("whole")),
}
"""By type: how it is written, the kernel's kind, what a slot of it holds."""
_ITEM_BYTES = {_VARINT: 0, _EIGHT: 8, _FOUR: 4}
_READ_OVER = -1

Line = list[int]


class Program:
    """The `tables`, `fields`, `sets` and `choices` as the kernel reads them, the `pool` of texts, the event's leaves.

    Raises Unfit for a message that is read row by row: one that may have extensions or has required fields anywhere in
    it, one of which the model reads and that has more than 60 fields, one with a field that two of the model's read, or
    of more than 1,000 messages.
    """

    def __init__(self, descriptor: Any, schema: EventSchema, aliases: Aliases) -> None:
        self.leaves = [Leaf(leaf) for leaf in schema.fields]
        self.pool = bytearray()
        self._aliases = aliases
        self._slots = {leaf.name: at for at, leaf in enumerate(schema.fields)}
        self._tables: list[tuple[list[Line], list[tuple[int, int]], int]] = []
        self._read_over: dict[str, int] = {}
        self._choices: list[tuple[int, int, int]] = []
        self._asked(descriptor, schema.root)
        self.tables, self.fields, self.sets = self._laid_out()
        self.choices: Int64s = np.array(self._choices, np.int64).reshape(-1, 3)

    def _laid_out(self) -> tuple[Int64s, Int64s, Int64s]:
        tables: list[Line] = []
        fields: list[Line] = []
        sets: list[tuple[int, int]] = []
        for own_fields, own_sets, required in self._tables:
            ends = len(fields) + len(own_fields), len(sets) + len(own_sets)
            tables.append([len(fields), ends[0], required, len(sets), ends[1]])
            fields += own_fields
            sets += own_sets
        return (
            np.array(tables, np.int64),
            np.array(fields, np.int64).reshape(-1, kernel.LAST_CHOICE + 1),
            np.array(sets, np.int64).reshape(-1, 2),
        )

    def _new(self, descriptor: Any) -> int:
        if len(self._tables) == MOST_TABLES:
            raise Unfit(f"it holds more than {MOST_TABLES:,} messages")
        if descriptor.is_extendable or any(field.is_required for field in descriptor.fields):
            raise Unfit(f"{descriptor.full_name} may have extensions, or has required fields")
        self._tables.append(([], [], 0))
        return len(self._tables) - 1

    def _asked(self, descriptor: Any, node: EventObject) -> int:
        """The table of a message of which the model reads `node`."""
        table = self._new(descriptor)
        if len(descriptor.fields) > MOST_FIELDS:
            raise Unfit(f"{descriptor.full_name} has more than {MOST_FIELDS} fields")
        askers: dict[str, EventField | EventObject] = {}
        sets: list[tuple[int, int]] = []
        required = 0
        bits = {field.name: 1 << at for at, field in enumerate(descriptor.fields)}
        for child in node.children:
            field = field_of(descriptor, child, self._aliases)
            if field is not None and field.name in askers:
                raise Unfit(f"{field.name} is read by several fields of the model")
            if field is not None:
                askers[field.name] = child
            absent = self._absent(field, child)
            if absent is None:
                # where no field is, nothing can be seen, so no record is taken
                required |= bits[field.name] if field is not None else 1 << MOST_FIELDS
            else:
                sets += absent
        lines: list[Line] = []
        for field in sorted(descriptor.fields, key=lambda each: each.number):
            asker = askers.get(field.name)
            own = self._lines(field) if asker is None else [self._line(field, asker)]
            for line in own:
                line[kernel.BIT], line[kernel.CONFLICTS] = bits[field.name], _conflicts(field, asker, bits)
            lines += own
        self._tables[table] = lines, sets, required
        return table

    def _absent(self, field: Any, child: EventField | EventObject) -> list[tuple[int, int]] | None:
        """What the slots below `child` hold where its field is not there; None where the record is refused then."""
        if field is not None and not field.has_presence:
            if isinstance(child, EventObject) or field.is_repeated:
                return None
            value = _default(field)
            judged = Refusal("", None, "") if value is None else judge_field(child, value)
            return None if isinstance(judged, Refusal) else [self._set(child, judged)]
        if child.required:
            return None
        if isinstance(child, EventField):
            return [self._set(child, child.default)]
        values = child.default or {}
        return [self._set(leaf, values.get(leaf.name)) for leaf in child.leaves()]

    def _set(self, leaf: EventField, value: Value) -> tuple[int, int]:
        slot = self._slots[leaf.name]
        return slot, self.leaves[slot].code(value)

    def _line(self, field: Any, child: EventField | EventObject) -> Line:
        """Of a field that is read."""
        wire, kind, source = _KINDS[field.type]
        is_stamp = field.type == of.MESSAGE and field.message_type.full_name == of.TIMESTAMP
        if is_stamp:
            kind, source = kernel.STAMP, Source("ticks", _NANOS)
        tag = field.number << 3 | wire
        if isinstance(child, EventObject):
            if field.is_repeated or is_stamp or kind != kernel.MESSAGE:
                return _new_line(tag, kernel.ODD)
            return _new_line(tag, kind, first=self._asked(field.message_type, child))
        if field.is_repeated or source is None or not fits(child, source):
            return _new_line(tag, kernel.ODD)
        slot = self._slots[child.name]
        self.leaves[slot].source = source
        line = _new_line(tag, kind, slot, first=int(field.type == of.FIXED64))
        if source.kind == "text":
            self._limit(line, field, child)
        return line

    def _limit(self, line: Line, field: Any, leaf: EventField) -> None:
        line[kernel.FIRST_CHOICE] = len(self._choices)
        if field.type == of.ENUM:
            names = {value.number: value.name for value in field.enum_type.values}
            for number, name in names.items():
                refused = isinstance(judge_field(leaf, name), Refusal)
                self._choices.append((number, 0, -1) if refused else (number, *self._placed(name)))
        else:
            limits = leaf.constraints
            line[kernel.FIRST] = limits.min_length or 0
            line[kernel.SECOND] = INT64_MAX if limits.max_length is None else limits.max_length
            if leaf.kind is FieldKind.STR:
                self._choices += [(0, *self._placed(str(choice))) for choice in leaf.choices or ()]
        line[kernel.LAST_CHOICE] = len(self._choices)

    def _placed(self, text: str) -> tuple[int, int]:
        written = text.encode()
        self.pool += written
        return len(self.pool) - len(written), len(written)

    def _lines(self, field: Any) -> list[Line]:
        """Of a field that is read over, which must be what it is all the same."""
        wire, kind, _ = _KINDS[field.type]
        first = self._over(field.message_type) if kind == kernel.MESSAGE else 0
        lines = [_new_line(field.number << 3 | wire, kind, first=first)]
        if field.is_repeated and wire in _ITEM_BYTES:
            lines.append(_new_line(field.number << 3 | _SIZED, kernel.PACKED, first=_ITEM_BYTES[wire]))
        return lines

    def _over(self, descriptor: Any) -> int:
        """The table of a message that is read over, made once, so that a message may hold itself."""
        table = self._read_over.get(descriptor.full_name)
        if table is None:
            table = self._read_over[descriptor.full_name] = self._new(descriptor)
            fields = sorted(descriptor.fields, key=lambda each: each.number)
            lines = [line for field in fields for line in self._lines(field)]
            self._tables[table] = lines, [], 0
        return table


def _new_line(tag: int, kind: int, slot: int = _READ_OVER, *, first: int = 0) -> Line:
    line = [0] * (kernel.LAST_CHOICE + 1)
    line[kernel.TAG], line[kernel.KIND], line[kernel.SLOT], line[kernel.FIRST] = tag, kind, slot, first
    return line


def _conflicts(field: Any, asker: object, bits: dict[str, int]) -> int:
    """Fields that may not have been seen before this one: itself where it is read, others of its oneof."""
    found = bits[field.name] if asker is not None else 0
    if field.containing_oneof is not None:
        for each in field.containing_oneof.fields:
            found |= bits[each.name] if each is not field else 0
    return found


def _default(field: Any) -> object:
    """What a field whose absence does not show has where it is absent; None for one that no field takes."""
    if field.type in (of.MESSAGE, of.GROUP, of.BYTES):
        return None
    if field.type == of.ENUM:
        names = {value.number: value.name for value in field.enum_type.values}
        return names.get(field.default_value, str(field.default_value))
    return field.default_value
