"""Lists of decoded JSON values to Arrow columns, marking every row whose value may break the field's rules.

A mark is a suspicion, not a verdict: the contract judges each marked row again. So a check here may be too strict,
never too lax; under a mark the column holds any valid filler.
"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter

from dataflow.columnar.buffers import words_in
from dataflow.columnar.types import Bools, Int64s
from dataflow.decode.json.times import TextTimes, strict_times
from dataflow.event.annotations import COMPARE, Constraints
from dataflow.event.fields import EVENT_TIME_LIMIT_MS, INT64_MAX, INT64_MIN, FieldKind, TimeUnit
from dataflow.event.schema import EventField

Marks = Bools
Cells = list[Any]
"""What msgspec decoded of one field, a value per row."""
Column = Callable[[Cells, Marks], pa.Array]
"""Values (one per row) to a column of the field's Arrow type; sets the marks of doubtful rows."""

NULL = msgspec.Raw(b"null")
"""Stands for a Money field that is null or absent without a default; compared by identity where that is enough."""

Scale = Callable[[Any], Fraction]
"""A bound in the units that are counted."""

_TICKS_PER_MS = {TimeUnit.MICROS: 1_000, TimeUnit.NANOS: 1_000_000}
_LIMITS = {
    TimeUnit.SECONDS: (-EVENT_TIME_LIMIT_MS // 1_000, EVENT_TIME_LIMIT_MS // 1_000),
    TimeUnit.MILLIS: (-EVENT_TIME_LIMIT_MS, EVENT_TIME_LIMIT_MS),
    TimeUnit.MICROS: (-EVENT_TIME_LIMIT_MS * 1_000, EVENT_TIME_LIMIT_MS * 1_000 + 999),
}
"""Smallest and largest ticks of an event time; int64 nanoseconds cannot leave the range."""

_MONEY = pa.decimal128(18, 6)
_MICROS = 10**6
_MONEY_TEXT_BYTES = 32
_PLAIN_MONEY = r"^-?\d{1,12}(\.\d{1,6}0*)?$"
# Far exponents make Arrow's cast answer 0 instead of refusing (1e-224), so only near ones reach it.
_NEAR_MONEY = r"^-?\d{1,12}(\.\d{1,9})?([eE][+-]?0?\d)?$"
_EPOCH_DAY = date(1970, 1, 1).toordinal()


def column_of(leaf: EventField) -> Column:
    """The builder for one field's column."""
    if leaf.unit is TimeUnit.TEXT:
        return strict_times if leaf.text is None else TextTimes(leaf.text)
    match leaf.kind:
        case FieldKind.STR:
            return _Texts(leaf)
        case FieldKind.BOOL:
            return lambda values, marks: pa.array(values, pa.bool_())
        case FieldKind.FLOAT:
            return _Floats(leaf)
        case FieldKind.MONEY:
            return _MoneyTexts(leaf) if leaf.is_amount_text else _Money(leaf)
        case FieldKind.DATE:
            return _Dates(leaf)
    return _Ints(leaf)


def _whole_range(constraints: Constraints, scale: Scale) -> tuple[int, int]:
    """The bounds as one closed range of int64, where a bound counts in units of `scale`."""
    low, high = INT64_MIN, INT64_MAX
    for comparison, bound in constraints.bounds:
        at = scale(bound)
        floor, ceil = at.__floor__(), at.__ceil__()
        if comparison == "ge":
            low = max(low, ceil)
        elif comparison == "gt":
            low = max(low, floor + 1)
        elif comparison == "le":
            high = min(high, floor)
        else:
            high = min(high, ceil - 1)
    return low, high


class Whole:
    """Range and steps of int64 values: ints, ticks, days, micros."""

    def __init__(self, constraints: Constraints, scale: Scale = Fraction) -> None:
        self.low, self.high = _whole_range(constraints, scale)
        self.steps = [int(scale(step)) for step in constraints.multiples]
        self.free = (self.low, self.high) == (INT64_MIN, INT64_MAX) and not self.steps

    def mark(self, numbers: Int64s, nulls: Marks | None, marks: Marks) -> None:
        """Mark the numbers that break the rules, but for nulls."""
        if self.free:
            return
        if self.low > self.high:
            bad = np.ones(len(numbers), np.bool_)
        else:
            low, high = min(self.low, INT64_MAX), max(self.high, INT64_MIN)
            bad = (numbers < low) | (numbers > high)
        if self.low > INT64_MAX or self.high < INT64_MIN:
            bad[:] = True
        for step in self.steps:
            bad |= (numbers % step != 0) if step <= INT64_MAX else numbers != 0
        if nulls is not None:
            bad &= ~nulls
        marks |= bad


class _Texts:
    def __init__(self, leaf: EventField) -> None:
        self.constraints, self.adapter = leaf.constraints, leaf.adapter

    def __call__(self, values: Cells, marks: Marks) -> pa.Array:
        column = pa.array(values, pa.string())
        shortest, longest = self.constraints.min_length, self.constraints.max_length
        if shortest is not None or longest is not None:
            lengths = pc.utf8_length(column).fill_null(shortest or 0).to_numpy()
            if shortest is not None:
                marks |= lengths < shortest
            if longest is not None:
                marks |= lengths > longest
        if self.constraints.patterns and self.adapter is not None:
            self._mark_patterns(self.adapter, column, marks)
        return column

    def _mark_patterns(self, adapter: TypeAdapter[object], column: pa.Array, marks: Marks) -> None:
        # pydantic's own regex engine decides, once per distinct text: engines differ in what \d or \w mean.
        encoded = column.dictionary_encode()
        distinct = encoded.dictionary.to_pylist()
        bad = np.fromiter((not _accepts(adapter, text) for text in distinct), np.bool_, len(distinct))
        if bad.any():
            codes = encoded.indices.fill_null(0).to_numpy()
            marks |= bad[codes] & column.is_valid().to_numpy(zero_copy_only=False)


def _accepts(adapter: TypeAdapter[object], value: object) -> bool:
    try:
        adapter.validate_python(value)
    except ValueError:
        return False
    return True


def ints_of(leaf: EventField) -> Whole:
    """Which int64 values a field of ints takes, in its own unit."""
    whole = Whole(leaf.constraints)
    if leaf.unit in _LIMITS:
        low, high = _LIMITS[leaf.unit]
        whole.low, whole.high = max(whole.low, low), min(whole.high, high)
        whole.free = False
    return whole


def money_of(leaf: EventField) -> Whole:
    """Which millionths a Money field takes."""
    return Whole(leaf.constraints, lambda amount: Fraction(Decimal(amount)) * _MICROS)


class _Ints:
    def __init__(self, leaf: EventField) -> None:
        self.whole = ints_of(leaf)
        self.unit = leaf.unit
        self.nullable = leaf.nullable

    def __call__(self, values: Cells, marks: Marks) -> pa.Array:
        try:
            column, numbers, nulls = self._convert(values)
        except (OverflowError, pa.ArrowInvalid):
            values = list(values)
            for at, value in enumerate(values):
                if value is not None and not INT64_MIN <= value <= INT64_MAX:
                    marks[at], values[at] = True, 0
            column, numbers, nulls = self._convert(values)
        self.whole.mark(numbers, nulls, marks)
        if self.unit is TimeUnit.SECONDS:
            return pa.array(numbers * 1_000)  # one that overflows is marked
        if self.unit in _TICKS_PER_MS:
            return pa.array(numbers // _TICKS_PER_MS[self.unit])
        return column

    def _convert(self, values: Cells) -> tuple[pa.Array, Int64s, Marks | None]:
        if self.nullable:
            column = pa.array(values, pa.int64())
            nulls = column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None
            return column, column.fill_null(0).to_numpy(), nulls
        numbers = np.fromiter(values, np.int64, len(values))
        return pa.array(numbers), numbers, None


class _Floats:
    def __init__(self, leaf: EventField) -> None:
        self.bounds = leaf.constraints.bounds

    def __call__(self, values: Cells, marks: Marks) -> pa.Array:
        # Adding turns -0.0 into 0.0, as the contract does.
        column = pc.add(pa.array(values, pa.float64()), pa.scalar(0.0))
        if self.bounds:
            numbers = column.to_numpy(zero_copy_only=False)  # null becomes NaN
            for comparison, bound in self.bounds:
                marks |= ~(COMPARE[comparison](numbers, float(bound)) | np.isnan(numbers))
        return column


class _Dates:
    def __init__(self, leaf: EventField) -> None:
        self.whole = Whole(leaf.constraints, lambda day: Fraction(day.toordinal() - _EPOCH_DAY))

    def __call__(self, values: Cells, marks: Marks) -> pa.Array:
        column = pa.array(values, pa.date32())
        if not self.whole.free:
            nulls = column.is_null().to_numpy(zero_copy_only=False)
            days = column.cast(pa.int32()).fill_null(0).cast(pa.int64())
            self.whole.mark(days.to_numpy(), nulls, marks)
        return column


class _Money:
    """Money from the numbers' own text: exact, whatever its length."""

    def __init__(self, leaf: EventField) -> None:
        self.whole = money_of(leaf)
        self.nullable, self.null_ok = leaf.nullable, leaf.null_ok

    def __call__(self, values: Cells, marks: Marks) -> pa.Array:
        rows = len(values)
        first = values[0]
        if self.null_ok and first is NULL and values[-1] is NULL and values.count(NULL) == rows:
            return pa.nulls(rows, _MONEY)
        lengths = np.fromiter(map(len, values), np.int64, rows)
        if lengths.max() > _MONEY_TEXT_BYTES:
            too_long = lengths > _MONEY_TEXT_BYTES
            marks |= too_long
            values = [b"0" if long else value for long, value in zip(too_long.tolist(), values, strict=True)]
            lengths[too_long] = 1
        offsets = np.zeros(rows + 1, np.int32)
        np.cumsum(lengths, out=offsets[1:])
        joined = b"".join(values)
        texts: pa.Array = pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(joined))
        if self.nullable:
            null = pc.equal(texts, "null")
            if not self.null_ok and pc.any(null).as_py():
                # The null of an absent object is fine, one that the record itself wrote is not.
                written = np.fromiter((value is not NULL for value in values), np.bool_, rows)
                marks |= written & null.to_numpy(zero_copy_only=False)
            texts = pc.if_else(null, pa.scalar(None, pa.string()), texts)
        if b"e" in joined or b"E" in joined:
            texts = _only(_NEAR_MONEY, texts, marks)
        try:
            column = texts.cast(_MONEY)
        except pa.ArrowInvalid:
            column = _only(_PLAIN_MONEY, texts, marks).cast(_MONEY)
        _mark_money(column, self.whole, marks)
        return column


class _MoneyTexts:
    """Money from strings that hold amounts."""

    def __init__(self, leaf: EventField) -> None:
        self.whole = money_of(leaf)

    def __call__(self, values: Cells, marks: Marks) -> pa.Array:
        column = _only(_PLAIN_MONEY, pa.array(values, pa.string()), marks).cast(_MONEY)
        _mark_money(column, self.whole, marks)
        return column


def _mark_money(column: pa.Array, whole: Whole, marks: Marks) -> None:
    if whole.free:
        return
    nulls = column.is_null().to_numpy(zero_copy_only=False)
    # 18 digits fit into the low 8 of each value's 16 bytes.
    whole.mark(words_in(column.buffers()[1], np.int64)[: 2 * len(column) : 2], nulls, marks)


def _only(pattern: str, texts: pa.Array, marks: Marks) -> pa.Array:
    """`texts` with those that do not match `pattern` marked and replaced by "0"; null stays null."""
    fit = pc.match_substring_regex(texts, pattern).fill_null(True)
    marks |= ~fit.to_numpy(zero_copy_only=False)
    return pc.if_else(fit, texts, "0")
