"""A writer's schema and an event model to the program that the compiled reader runs, once per schema."""

import numpy as np

from dataflow.columnar.types import Int64s
from dataflow.decode.avro import kernel
from dataflow.decode.avro.reader import MAX_DEPTH, Aliases, field_of
from dataflow.decode.binary.slots import Leaf, Source, Unfit, fits
from dataflow.decode.fields import judge_field
from dataflow.event.fields import INT64_MAX
from dataflow.event.schema import EventField, EventObject, EventSchema, FieldKind
from dataflow.formats.avro import AvroType
from dataflow.messages import Refusal

MOST_STEPS = 4_096
"""Schemas that would need more are read row by row."""

_PER_SECOND = {"timestamp-millis": 10**3, "timestamp-micros": 10**6, "timestamp-nanos": 10**9}
_DECIMALS = 6
_MOST_DIVISOR_DIGITS = 18
_SOURCES = {
    "string": Source("text"),
    "enum": Source("text"),
    "int": Source("whole"),
    "long": Source("whole"),
    "float": Source("float"),
    "double": Source("double"),
    "boolean": Source("bool"),
}
_STEPS = {
    "boolean": kernel.BOOL,
    "int": kernel.INT,
    "long": kernel.LONG,
    "float": kernel.FLOAT,
    "double": kernel.DOUBLE,
    "bytes": kernel.BYTES,
    "string": kernel.TEXT,
}
_NOTHING = -1


class Program:
    """`steps` and `choices` as the kernel reads them, the `pool` of their texts, a leaf for each of the event's fields.

    Raises Unfit for a schema that is read row by row: one with a record that holds itself, with types deeper than
    records may be, with lists of things without bytes, with a field that two of the model's read, with too many steps.
    """

    def __init__(self, writer: AvroType, schema: EventSchema, aliases: Aliases) -> None:
        self.leaves = [Leaf(leaf) for leaf in schema.fields]
        self.pool = bytearray()
        self._aliases = aliases
        self._slots = {leaf.name: at for at, leaf in enumerate(schema.fields)}
        self._steps: list[list[int]] = []
        self._choices: list[tuple[int, int, int]] = []
        self._open: list[AvroType] = []
        self._record(writer, schema.root, 1)
        self._step(kernel.END)
        self.steps: Int64s = np.array(self._steps, np.int64)
        self.choices: Int64s = np.array(self._choices, np.int64).reshape(-1, 3)

    def _step(self, kind: int, slot: int = _NOTHING, *more: int) -> int:
        """Adds one; where it stands."""
        if len(self._steps) == MOST_STEPS:
            raise Unfit(f"it takes more than {MOST_STEPS:,} steps")
        self._steps.append([kind, slot, *more, *[0] * (kernel.WIDTH - 2 - len(more))])
        return len(self._steps) - 1

    def _record(self, writer: AvroType, node: EventObject, depth: int) -> None:
        if writer in self._open:
            raise Unfit(f"{writer.shown} holds itself")
        self._check_depth(depth)
        self._open.append(writer)
        found = [(child, field_of(writer, child, self._aliases)) for child in node.children]
        for child, field in found:
            if field is None:
                self._absent(child)
        for each in writer.fields:
            askers = [child for child, field in found if field is each]
            if len(askers) > 1:
                raise Unfit(f"{each.name} is read by {len(askers)} fields of the model")
            if askers:
                self._value(each.type, askers[0], depth + 1)
            else:
                self._skip(each.type, depth + 1)
        self._open.pop()

    def _absent(self, child: EventField | EventObject) -> None:
        if child.required:
            self._step(kernel.ODD)
        elif isinstance(child, EventField):
            self._set(child, child.default)
        else:
            values = child.default or {}
            for leaf in child.leaves():
                self._set(leaf, values.get(leaf.name))

    def _null(self, child: EventField | EventObject) -> None:
        if not child.null_ok:
            self._step(kernel.ODD)
            return
        for leaf in [child] if isinstance(child, EventField) else child.leaves():
            self._set(leaf, None)

    def _set(self, leaf: EventField, value: object) -> None:
        slot = self._slots[leaf.name]
        self._step(kernel.SET, slot, self.leaves[slot].code(value))  # type: ignore[arg-type]  # a default is a value

    def _value(self, type_: AvroType, child: EventField | EventObject, depth: int) -> None:
        if type_.kind == "union":
            self._union(type_, child, depth)
        elif type_.kind == "null":
            self._null(child)
        elif not _takes(child, type_):
            self._step(kernel.ODD)
        elif isinstance(child, EventObject):
            self._record(type_, child, depth)
        else:
            self._leaf(type_, child)

    def _union(self, type_: AvroType, child: EventField | EventObject, depth: int) -> None:
        """Its null and the first branch that fits; records of another one are judged by themselves."""
        taken = next((each for each in type_.branches if _takes(child, each)), None)
        first, ends = self._branches(type_), []
        for at, branch in enumerate(type_.branches):
            self._choices[first + at] = (len(self._steps), 0, 0)
            if branch.kind == "null" or branch is taken:
                self._value(branch, child, depth)
            else:
                self._step(kernel.ODD)
            ends.append(self._step(kernel.JUMP))
        self._join(ends)

    def _branches(self, type_: AvroType) -> int:
        first = len(self._choices)
        self._choices += [(0, 0, 0)] * len(type_.branches)
        self._step(kernel.UNION, _NOTHING, first, len(type_.branches))
        return first

    def _join(self, jumps: list[int]) -> None:
        for jump in jumps:
            self._steps[jump][2] = len(self._steps)

    def _leaf(self, type_: AvroType, leaf: EventField) -> None:
        slot = self._slots[leaf.name]
        source = _source(type_)
        assert source is not None, "it is of a type that the field takes"
        self.leaves[slot].source = source
        if source.kind == "micros":
            digits = type_.scale - _DECIMALS
            divisor = 1 if digits <= 0 else 10**digits if digits <= _MOST_DIVISOR_DIGITS else 0
            length = type_.size if type_.kind == "fixed" else _NOTHING
            self._step(kernel.DECIMAL, slot, length, 10 ** max(0, -digits), divisor)
        elif type_.kind == "enum":
            first = len(self._choices)
            self._choices += [self._symbol(leaf, symbol) for symbol in type_.symbols]
            self._step(kernel.ENUM, slot, first, len(type_.symbols))
        elif source.kind == "text":
            self._text(leaf, slot)
        else:
            self._step(kernel.LONG if type_.kind == "long" else _STEPS[type_.kind], slot)

    def _text(self, leaf: EventField, slot: int) -> None:
        first = len(self._choices)
        if leaf.kind is FieldKind.STR:
            self._choices += [self._placed(str(choice)) for choice in leaf.choices or ()]
        limits = leaf.constraints
        longest = INT64_MAX if limits.max_length is None else limits.max_length
        self._step(kernel.TEXT, slot, limits.min_length or 0, longest, first, len(self._choices))

    def _symbol(self, leaf: EventField, symbol: str) -> tuple[int, int, int]:
        return (0, 0, -1) if isinstance(judge_field(leaf, symbol), Refusal) else self._placed(symbol)

    def _placed(self, text: str) -> tuple[int, int, int]:
        written = text.encode()
        self.pool += written
        return 0, len(self.pool) - len(written), len(written)

    def _skip(self, type_: AvroType, depth: int) -> None:
        match type_.kind:
            case "record":
                self._record(type_, _NO_FIELDS, depth)
            case "union":
                first, ends = self._branches(type_), []
                for at, branch in enumerate(type_.branches):
                    self._choices[first + at] = (len(self._steps), 0, 0)
                    self._skip(branch, depth)
                    ends.append(self._step(kernel.JUMP))
                self._join(ends)
            case "array" | "map":
                self._blocks(type_, depth)
            case "enum":
                self._step(kernel.ENUM, _NOTHING, 0, len(type_.symbols))
            case "fixed":
                self._step(kernel.FIXED, _NOTHING, type_.size)
            case "null":
                pass
            case _:
                self._step(_STEPS[type_.kind])

    def _blocks(self, type_: AvroType, depth: int) -> None:
        assert type_.items is not None, "arrays and maps have items"
        self._check_depth(depth)
        keyed = type_.kind == "map"
        start = self._step(kernel.BLOCKS)
        self._skip(type_.items, depth + 1)
        if not keyed and not _has_bytes(type_.items):
            raise Unfit("it has a list of things without bytes, of which a short record may say any number")
        self._step(kernel.NEXT, _NOTHING, keyed)
        self._steps[start][3] = len(self._steps)

    def _check_depth(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise Unfit(f"its types are nested deeper than {MAX_DEPTH} levels")


_NO_FIELDS = EventObject((), ())


def _source(type_: AvroType) -> Source | None:
    """What a slot holds of the type; None for one that no field takes."""
    if type_.logical is None:
        return _SOURCES.get(type_.kind)
    if type_.logical in _PER_SECOND:
        return Source("ticks", _PER_SECOND[type_.logical])
    return {"date": Source("days"), "decimal": Source("micros")}.get(type_.logical)


def _takes(child: EventField | EventObject, type_: AvroType) -> bool:
    if isinstance(child, EventObject):
        return type_.kind == "record"
    source = _source(type_)
    return source is not None and fits(child, source)


def _has_bytes(type_: AvroType) -> bool:
    """Whether a value has one byte at least."""
    if type_.kind == "record":
        return any(_has_bytes(each.type) for each in type_.fields)
    return type_.kind != "null" and (type_.kind != "fixed" or type_.size > 0)
