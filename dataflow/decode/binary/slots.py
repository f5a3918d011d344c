"""What the compiled readers leave of a field, one number a record, and the column that becomes of it.

A slot holds the value as its source has it. What was there of it: 0 null, 1 the value in the slot, from 2 on one of the
field's constants, as defaults are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataflow.columnar.types import Bools, Doubles, Int64s, UInt8s
from dataflow.decode.amounts import MONEY, MoneyTexts
from dataflow.decode.fields import judge_field
from dataflow.decode.limits import Whole, ints_of, mark_patterns, money_of
from dataflow.decode.times import TextTimes, strict_times
from dataflow.event.annotations import COMPARE
from dataflow.event.fields import EVENT_TIME_LIMIT_MS, INT64_MAX, FieldKind, TimeUnit, Value
from dataflow.event.schema import EventField
from dataflow.messages import Refusal

NULL, THERE, FIRST_CONSTANT = 0, 1, 2
_MOST_CONSTANTS = 200
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_MICROS = 10**6
_MOST_WHOLE_MONEY = 10**12 - 1
_MOST_DOUBLE_MICROS = 10**15
"""Decimals of 15 digits at most are told apart by doubles."""

SourceKind = Literal["text", "whole", "float", "double", "bool", "micros", "ticks", "days"]


@dataclass(frozen=True, slots=True)
class Source:
    """What a slot holds: a text's place, a whole number, a float's or a double's bits, 0 or 1, millionths, ticks, days.

    `per_second`: of ticks since 1970, how many a second has.
    """

    kind: SourceKind
    per_second: int = 1


class Unfit(Exception):
    """Records of a schema are not read by the compiled reader, but one by one: why."""


_FITS: Mapping[FieldKind, frozenset[str]] = {
    FieldKind.STR: frozenset({"text"}),
    FieldKind.INT: frozenset({"whole"}),
    FieldKind.BOOL: frozenset({"bool"}),
    FieldKind.FLOAT: frozenset({"whole", "float", "double"}),
    FieldKind.MONEY: frozenset({"whole", "float", "double", "micros"}),
    FieldKind.DATE: frozenset({"days", "text"}),
    FieldKind.EVENT_TIME: frozenset({"whole", "ticks"}),
}


def fits(leaf: EventField, source: Source) -> bool:
    """Whether the field takes values of the source; all others are of the wrong type."""
    if leaf.is_amount_text:
        return source.kind in ("text", "micros")
    if leaf.unit is TimeUnit.TEXT:
        return source.kind in ("text", "ticks")
    return source.kind in _FITS[leaf.kind]


def empty_source(leaf: EventField) -> Source:
    """A source for a field that no record has."""
    return Source("text") if leaf.kind is FieldKind.STR else Source("bool" if leaf.kind is FieldKind.BOOL else "whole")


@dataclass(slots=True)
class Leaf:
    """A field, where it comes from, and the constants that stand for it where it does not come."""

    of: EventField
    source: Source | None = None
    constants: list[Value] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Raises Unfit for a field that holds many values."""
        if self.of.kind in (FieldKind.LIST, FieldKind.JSON):
            raise Unfit(f"{self.of.name} holds many values")

    def code(self, value: Value) -> int:
        """What stands for `value`, null or valid, in the array of what is there. Raises Unfit."""
        if value is None:
            return NULL
        for at, known in enumerate(self.constants):
            if known is value:
                return FIRST_CONSTANT + at
        if len(self.constants) == _MOST_CONSTANTS:
            raise Unfit(f"{self.of.name} has more than {_MOST_CONSTANTS} defaults")
        self.constants.append(value)
        return FIRST_CONSTANT + len(self.constants) - 1


@dataclass(frozen=True, slots=True)
class Slots:
    """Of one field, a poll's numbers and what is there; `text`: the texts at its places."""

    numbers: Int64s
    there: UInt8s
    text: Callable[[Int64s], pa.Array]


Column = Callable[[Slots, Bools], pa.Array]
"""The column without nulls and constants; sets the marks of the records that have to be judged by themselves."""


class LeafColumn:
    """Makes a field's column. A mark is a suspicion, not a verdict: too strict, never too lax.

    Under a mark the column holds any valid filler.
    """

    def __init__(self, leaf: Leaf) -> None:
        source = leaf.source or empty_source(leaf.of)
        self._type = leaf.of.type
        self._constants = tuple(leaf.constants)
        self._make = _maker(leaf.of, source)

    def column(self, slots: Slots, marks: Bools) -> pa.Array:
        """The column of the records in `slots`, which may get marks."""
        there = slots.there
        is_all_there = bool((there == THERE).all())
        doubts = np.zeros(len(there), np.bool_)
        column = self._make(slots, doubts)
        if is_all_there:
            marks |= doubts
            return column
        marks |= doubts & (there == THERE)
        if (there == NULL).any():
            column = _with(column, there == NULL, pa.scalar(None, self._type))
        for at, value in enumerate(self._constants):
            if (chosen := there == FIRST_CONSTANT + at).any():
                column = _with(column, chosen, pa.scalar(value, self._type))
        return column


def _with(column: pa.Array, chosen: Bools, value: pa.Scalar) -> pa.Array:
    if chosen.all():
        return pa.repeat(value, len(column))
    return pc.if_else(pa.array(chosen), value, column)


def _maker(leaf: EventField, source: Source) -> Column:
    if source.kind == "text":
        return _texts(leaf)
    match leaf.kind:
        case FieldKind.BOOL:
            return lambda slots, _: pa.array(slots.numbers != 0)
        case FieldKind.FLOAT:
            return _Floats(leaf, source)
        case FieldKind.MONEY:
            return _Money(leaf, source)
        case FieldKind.DATE:
            return _Days(leaf)
        case FieldKind.EVENT_TIME if source.kind == "ticks":
            return _Ticks(leaf, source.per_second)
    return _Ints(leaf)


def _texts(leaf: EventField) -> Column:
    """Of texts whose length and choices are right."""
    adapter = leaf.adapter
    if leaf.kind is FieldKind.DATE:
        return _DateTexts(leaf)
    if leaf.kind is not FieldKind.STR:
        read = _reading(leaf)
        return lambda slots, marks: read(slots.text(slots.numbers).to_pylist(), marks)
    if not leaf.constraints.patterns or adapter is None:
        return lambda slots, _: slots.text(slots.numbers)

    def column(slots: Slots, marks: Bools) -> pa.Array:
        found = slots.text(slots.numbers)
        mark_patterns(adapter, found, marks)
        return found

    return column


def _reading(leaf: EventField) -> Callable[[list[Any], Bools], pa.Array]:
    if leaf.is_amount_text:
        return MoneyTexts(leaf)
    return strict_times if leaf.text is None else TextTimes(leaf.text)


class _DateTexts:
    def __init__(self, leaf: EventField) -> None:
        self._leaf = leaf

    def __call__(self, slots: Slots, marks: Bools) -> pa.Array:
        encoded = slots.text(slots.numbers).dictionary_encode()
        days = [judge_field(self._leaf, text) for text in encoded.dictionary.to_pylist()]
        bad = np.array([isinstance(day, Refusal) for day in days], np.bool_)
        codes = encoded.indices.to_numpy()
        marks |= bad[codes]
        return pa.array([None if isinstance(day, Refusal) else day for day in days], pa.date32()).take(encoded.indices)


class _Ints:
    def __init__(self, leaf: EventField) -> None:
        self._whole = ints_of(leaf)
        self._unit = leaf.unit
        self._choices = None if leaf.choices is None else np.array(leaf.choices, np.int64)

    def __call__(self, slots: Slots, marks: Bools) -> pa.Array:
        self._whole.mark(slots.numbers, None, marks)
        if self._choices is not None:
            marks |= ~np.isin(slots.numbers, self._choices)
        return pa.array(slots.numbers if self._unit is None else self._unit.to_ms(slots.numbers))


class _Ticks:
    """Instants of any unit to ms; a limit of the field counts in the field's own unit."""

    def __init__(self, leaf: EventField, per_second: int) -> None:
        self._per_ms = per_second // 1_000
        self._bounds = None if leaf.text is None else leaf.text.bounds
        self._whole = Whole(leaf.constraints)
        wanted = {TimeUnit.SECONDS: 1, TimeUnit.MILLIS: 10**3, TimeUnit.MICROS: 10**6, TimeUnit.NANOS: 10**9}
        self._up = max(1, wanted.get(leaf.unit or TimeUnit.MILLIS, 1) // per_second)
        self._down = max(1, per_second // wanted.get(leaf.unit or TimeUnit.MILLIS, per_second))

    def __call__(self, slots: Slots, marks: Bools) -> pa.Array:
        ticks = slots.numbers
        at_ms = ticks // self._per_ms
        marks |= (at_ms > EVENT_TIME_LIMIT_MS) | (at_ms < -EVENT_TIME_LIMIT_MS)
        if self._bounds is not None:
            marks |= (at_ms < self._bounds[0]) | (at_ms > self._bounds[1])
        if not self._whole.free:
            most = INT64_MAX // self._up
            near = np.clip(ticks, -most, most)
            marks |= near != ticks
            self._whole.mark(near * self._up // self._down, None, marks)
        return pa.array(at_ms)


class _Days:
    def __init__(self, leaf: EventField) -> None:
        self._first, self._last = 1 - _EPOCH_DAY, date.max.toordinal() - _EPOCH_DAY
        self._whole = Whole(leaf.constraints, lambda day: Fraction(day.toordinal() - _EPOCH_DAY))

    def __call__(self, slots: Slots, marks: Bools) -> pa.Array:
        marks |= (slots.numbers < self._first) | (slots.numbers > self._last)
        self._whole.mark(slots.numbers, None, marks)
        days = np.clip(slots.numbers, self._first, self._last).astype(np.int32)
        return pa.array(days).cast(pa.date32())


class _Floats:
    def __init__(self, leaf: EventField, source: Source) -> None:
        self._bounds = leaf.constraints.bounds
        self._source = source

    def __call__(self, slots: Slots, marks: Bools) -> pa.Array:
        # adding turns -0.0 into 0.0, as the contract does
        numbers = _doubles(slots.numbers, self._source) + 0.0
        marks |= ~np.isfinite(numbers)
        for comparison, bound in self._bounds:
            marks |= ~COMPARE[comparison](numbers, float(bound))
        return pa.array(numbers)


class _Money:
    def __init__(self, leaf: EventField, source: Source) -> None:
        self._whole = money_of(leaf)
        self._source = source

    def __call__(self, slots: Slots, marks: Bools) -> pa.Array:
        micros = slots.numbers
        if self._source.kind == "whole":
            far = (micros > _MOST_WHOLE_MONEY) | (micros < -_MOST_WHOLE_MONEY)
            marks |= far
            micros = np.where(far, 0, micros) * _MICROS
        elif self._source.kind != "micros":
            micros = self._of_doubles(_doubles(micros, self._source), marks)
        self._whole.mark(micros, None, marks)
        words = np.empty((len(micros), 2), np.int64)
        words[:, 0] = micros
        np.right_shift(micros, 63, out=words[:, 1])
        return pa.Array.from_buffers(MONEY, len(micros), [None, pa.py_buffer(words)])

    def _of_doubles(self, numbers: Doubles, marks: Bools) -> Int64s:
        """Millionths, where a number of 15 digits and 6 decimals at most reads as the double: no shorter one does."""
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = np.rint(numbers * _MICROS)
            far = ~(np.abs(scaled) < _MOST_DOUBLE_MICROS)
            scaled[far] = 0
            marks |= far | (scaled / _MICROS != numbers)
        return scaled.astype(np.int64)


def _doubles(slots: Int64s, source: Source) -> Doubles:
    if source.kind == "double":
        return slots.view(np.float64)
    with np.errstate(invalid="ignore"):
        if source.kind == "float":
            return slots.astype(np.int32).view(np.float32).astype(np.float64)
        return slots.astype(np.float64)
