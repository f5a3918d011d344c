"""Columns of types to an event's columns, marking every row whose value may break the field's rules."""

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataflow.columnar.chosen import chosen_texts
from dataflow.columnar.types import Bools, Int64s
from dataflow.decode.amounts import MONEY, MoneyTexts, mark_money
from dataflow.decode.limits import Marks, Whole, ints_of, money_of
from dataflow.decode.typed.judged import Dates, Floats, Texts, text_times
from dataflow.decode.typed.texts import (
    PER_SECOND,
    Sort,
    as_text,
    days_of,
    is_day,
    plain,
    scale_of,
    sort_of,
    ticks_of,
    unit_of,
)
from dataflow.event import unit_size
from dataflow.event.event_field import EventField
from dataflow.event.fields import EVENT_TIME_LIMIT_MS, INT64_MAX, INT64_MIN, FieldKind, TimeUnit, is_date_text

Read = Callable[[pa.Array, Marks], pa.Array]
"""A plain column to one of the field's type; null stays null, whether it may be or not, and is never marked here."""

_WIDE = pa.decimal256(76, 6)
_MONEY_BELOW = 10**12
_MICROS = 10**6
_DOUBLE_MICROS = 10**15
"""Below it a double stands for at most one amount of millionths."""


def reader_of(leaf: EventField, type_: pa.DataType) -> Read:
    """How a field reads columns of a type; where no value of the type is one of the field, every one is marked."""
    return _Checked(leaf, _reader(leaf, sort_of(type_)))


class _Checked:
    """A column plain, read, with its marks where there are values."""

    def __init__(self, leaf: EventField, read: Read | None) -> None:
        self._type = leaf.type
        self._read = read
        self._choices = None if leaf.choices is None else pa.array(leaf.choices, leaf.type)

    def __call__(self, column: pa.Array, marks: Marks) -> pa.Array:
        if column.null_count == len(column):
            return pa.nulls(len(column), self._type)
        if isinstance(column, pa.DictionaryArray) and _is_small(column):
            made, found = self._values(column.dictionary)
            if found.any():
                marks |= found[column.indices.fill_null(0).to_numpy()] & _valid(column)
            return chosen_texts(made, column.indices) if made.type == pa.string() else made.take(column.indices)
        made, found = self._values(column)
        if found.any():
            marks |= found & _valid(column)
        return made

    def _values(self, column: pa.Array) -> tuple[pa.Array, Marks]:
        found = np.zeros(len(column), np.bool_)
        column = plain(column)
        if self._read is None:
            made = pa.nulls(len(column), self._type)
            found[:] = True
        else:
            made = self._read(column, found)
        if self._choices is not None:
            found |= ~pc.is_in(made, value_set=self._choices).to_numpy(zero_copy_only=False)
        return made, found


def _is_small(column: Any) -> bool:
    """Whether what a dictionary's values are can be found out once for all their rows."""
    return len(column.dictionary) <= len(column) and not column.dictionary.null_count


def _valid(column: pa.Array) -> Bools | bool:
    return column.is_valid().to_numpy(zero_copy_only=False) if column.null_count else True


def _reader(leaf: EventField, sort: Sort) -> Read | None:
    is_text = sort in (Sort.TEXT, Sort.BYTES)
    match leaf.kind:
        case FieldKind.STR:
            return _texts(Texts(leaf))
        case FieldKind.BOOL if sort is Sort.BOOL:
            return lambda column, marks: column
        case FieldKind.INT if sort in (Sort.INT, Sort.DECIMAL):
            return _Ints(leaf)
        case FieldKind.FLOAT if sort in (Sort.FLOAT, Sort.INT, Sort.DECIMAL):
            return _Doubles(leaf)
        case FieldKind.DATE if sort is Sort.DATE or is_text:
            return _DayTexts(leaf) if is_text else _Days(leaf)
        case FieldKind.MONEY:
            return _amount_reader(leaf, sort)
        case FieldKind.EVENT_TIME if sort is Sort.STAMP:
            return _Stamps(leaf)
        case FieldKind.EVENT_TIME if leaf.unit is TimeUnit.TEXT:
            return _time_texts(leaf) if is_text else None
        case FieldKind.EVENT_TIME if sort in (Sort.INT, Sort.DECIMAL):
            return _Ints(leaf)
    return None


def _amount_reader(leaf: EventField, sort: Sort) -> Read | None:
    if sort is Sort.DECIMAL:
        return _Decimals(leaf)
    if leaf.is_amount_text:
        return _texts(MoneyTexts(leaf)) if sort in (Sort.TEXT, Sort.BYTES) else None
    if sort is Sort.INT:
        return _IntAmounts(leaf)
    return _DoubleAmounts(leaf) if sort is Sort.FLOAT else None


def _texts(judged: Callable[[pa.Array, Marks], pa.Array]) -> Read:
    def read(column: pa.Array, marks: Marks) -> pa.Array:
        texts = as_text(column, marks)
        if texts is None:
            marks[:] = True
            return judged(pa.nulls(len(column), pa.string()), np.zeros(len(column), np.bool_))
        return judged(texts, marks)

    return read


def _time_texts(leaf: EventField) -> Read:
    times = text_times(leaf)
    return _texts(lambda texts, marks: times(texts.fill_null(""), marks))


def _nulled(made: pa.Array, column: pa.Array) -> pa.Array:
    """`made` with the nulls of `column`."""
    return pc.if_else(column.is_valid(), made, pa.scalar(None, made.type)) if column.null_count else made


def _int64s(column: pa.Array, marks: Marks) -> Int64s:
    """Of ints of any width, or decimals without decimals, 0 for null; what is out of int64 is marked."""
    if pa.types.is_decimal(column.type):
        if scale_of(column):
            marks[:] = True
            return np.zeros(len(column), np.int64)
        wide = column.cast(pa.decimal256(76, 0))
        outside = _outside(wide, INT64_MIN, INT64_MAX)
        marks |= outside
        column = pc.if_else(pa.array(outside), pa.scalar(0, wide.type), wide).cast(pa.int64())
    elif column.type == pa.uint64():
        numbers = column.fill_null(0).to_numpy()
        marks |= numbers > INT64_MAX
        return numbers.astype(np.int64)
    numbers = column.cast(pa.int64()).fill_null(0).to_numpy()
    return np.asarray(numbers)


def _outside(column: pa.Array, low: int, high: int) -> Bools:
    """Where a decimal is not in [low, high]; never where it is null."""
    below, above = pc.less(column, pa.scalar(low, column.type)), pc.greater(column, pa.scalar(high, column.type))
    found = [each.fill_null(False).to_numpy(zero_copy_only=False) for each in (below, above)]
    return np.asarray(found[0] | found[1])


class _Ints:
    def __init__(self, leaf: EventField) -> None:
        self._whole, self._unit = ints_of(leaf), leaf.unit

    def __call__(self, column: pa.Array, marks: Marks) -> pa.Array:
        numbers = _int64s(column, marks)
        self._whole.mark(numbers, None, marks)
        return _nulled(pa.array(numbers if self._unit is None else self._unit.to_ms(numbers)), column)


class _Stamps:
    """Timestamps of any unit, floored to ms; without a zone they are UTC."""

    def __init__(self, leaf: EventField) -> None:
        # the field's bounds are in its own unit
        self._per_second = unit_size.PER_SECOND.get(leaf.unit or TimeUnit.MILLIS)
        self._whole = Whole(leaf.constraints)
        self._bounds = (-EVENT_TIME_LIMIT_MS, EVENT_TIME_LIMIT_MS) if leaf.text is None else leaf.text.bounds

    def __call__(self, column: pa.Array, marks: Marks) -> pa.Array:
        ticks, have = ticks_of(column), PER_SECOND[unit_of(column)]
        if self._per_second is not None and not self._whole.free:
            self._whole.mark(_scaled(ticks, have, self._per_second, marks), None, marks)
        times = _scaled(ticks, have, 1_000, marks)
        low, high = self._bounds
        marks |= (times < low) | (times > high)
        return _nulled(pa.array(times), column)


def _scaled(ticks: Int64s, have: int, want: int, marks: Marks) -> Int64s:
    """Ticks of `have` a second as those of `want`, floored; what leaves int64 is marked."""
    if want <= have:
        return ticks if want == have else np.floor_divide(ticks, have // want)
    times = want // have
    outside = (ticks > INT64_MAX // times) | (ticks < -(INT64_MAX // times))
    marks |= outside
    return np.asarray(np.where(outside, 0, ticks) * times)


class _Doubles:
    def __init__(self, leaf: EventField) -> None:
        self._judged = Floats(leaf)

    def __call__(self, column: pa.Array, marks: Marks) -> pa.Array:
        if pa.types.is_decimal(column.type):
            # the nearest double, which a cast of decimals is not
            column = column.cast(pa.string()).cast(pa.float64())
        elif pa.types.is_integer(column.type):
            # numpy rounds to the nearest, where Arrow refuses what is not exact
            column = _nulled(pa.array(column.fill_null(0).to_numpy().astype(np.float64)), column)
        else:
            column = column.cast(pa.float64())
        marks |= ~np.isfinite(column.fill_null(0.0).to_numpy())
        return self._judged(column, marks)


class _Days:
    def __init__(self, leaf: EventField) -> None:
        self._judged = Dates(leaf)

    def __call__(self, column: pa.Array, marks: Marks) -> pa.Array:
        marks |= ~is_day(days_of(column))
        return self._judged(column.cast(pa.date32()), marks)


class _DayTexts:
    """Texts of the form YYYY-MM-DD, each distinct one read once."""

    def __init__(self, leaf: EventField) -> None:
        self._judged = Dates(leaf)

    def __call__(self, column: pa.Array, marks: Marks) -> pa.Array:
        texts = as_text(column, marks)
        assert texts is not None, "texts say one"
        encoded = texts.dictionary_encode()
        days = [_day(text) for text in encoded.dictionary.to_pylist()]
        made = pa.array(days, pa.date32()).take(encoded.indices)
        marks |= made.is_null().to_numpy(zero_copy_only=False)
        return self._judged(made, marks)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if is_date_text(text) else None
    except ValueError:
        return None


class _Decimals:
    """Amounts of any precision and scale, by value."""

    def __init__(self, leaf: EventField) -> None:
        self._whole = money_of(leaf)

    def __call__(self, column: pa.Array, marks: Marks) -> pa.Array:
        made = column if column.type == MONEY else self._cast(column, marks)
        mark_money(made, self._whole, marks)
        return made

    def _cast(self, column: pa.Array, marks: Marks) -> pa.Array:
        try:
            return column.cast(MONEY)
        except pa.ArrowInvalid:
            pass
        exact = pa.decimal256(76, scale_of(column))
        cut = column.cast(exact).cast(_WIDE, safe=False)
        # the last whole amounts before the limit are marked, too: what stands between them is judged by itself
        bad = _outside(cut, 1 - _MONEY_BELOW, _MONEY_BELOW - 1)
        bad |= ~pc.equal(cut.cast(exact, safe=False), column.cast(exact)).fill_null(True).to_numpy(zero_copy_only=False)
        marks |= bad
        return pc.if_else(pa.array(bad), pa.scalar(0, _WIDE), cut).cast(MONEY)


class _IntAmounts:
    def __init__(self, leaf: EventField) -> None:
        self._whole = money_of(leaf)

    def __call__(self, column: pa.Array, marks: Marks) -> pa.Array:
        numbers = _int64s(column, marks)
        marks |= (numbers >= _MONEY_BELOW) | (numbers <= -_MONEY_BELOW)
        return _amounts(np.where(marks, 0, numbers) * _MICROS, column, self._whole, marks)


class _DoubleAmounts:
    """Doubles as the shortest number that reads as each."""

    def __init__(self, leaf: EventField) -> None:
        self._whole = money_of(leaf)

    def __call__(self, column: pa.Array, marks: Marks) -> pa.Array:
        numbers = column.cast(pa.float64()).fill_null(0.0).to_numpy()
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = np.rint(numbers * _MICROS)
            sure = (np.abs(scaled) < _DOUBLE_MICROS) & (scaled / _MICROS == numbers)
        marks |= ~sure
        return _amounts(np.where(sure, scaled, 0.0).astype(np.int64), column, self._whole, marks)


def _amounts(micros: Int64s, column: pa.Array, whole: Whole, marks: Marks) -> pa.Array:
    whole.mark(micros, None, marks)
    words = np.empty((len(micros), 2), np.int64)
    words[:, 0] = micros
    np.right_shift(micros, 63, out=words[:, 1])
    made: Any = pa.Array.from_buffers(MONEY, len(micros), [None, pa.py_buffer(words)])
    return _nulled(made, column)
