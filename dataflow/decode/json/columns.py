"""Lists of decoded JSON values to Arrow columns, marking every row whose value may break the field's rules.

A mark is a suspicion, not a verdict: the contract judges each marked row again. So a check here may be too strict,
never too lax; under a mark the column holds any valid filler.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataflow.columnar.types import Int64s
from dataflow.decode.amounts import MONEY, PLAIN_MONEY, MoneyTexts, mark_money, only
from dataflow.decode.limits import Marks, days_of, ints_of, mark_patterns, money_of
from dataflow.decode.times import TextTimes, strict_times
from dataflow.event.annotations import COMPARE
from dataflow.event.fields import INT64_MAX, INT64_MIN, FieldKind, TimeUnit
from dataflow.event.schema import EventField

Cells = list[Any]
"""What msgspec decoded of one field, a value per row."""
Column = Callable[[Cells, Marks], pa.Array]
"""Values (one per row) to a column of the field's Arrow type; sets the marks of doubtful rows."""

NULL = msgspec.Raw(b"null")
"""Stands for a Money field that is null or absent without a default; compared by identity where that is enough."""

_TICKS_PER_MS = {TimeUnit.MICROS: 1_000, TimeUnit.NANOS: 1_000_000}
_MONEY_TEXT_BYTES = 32
# Far exponents make Arrow's cast answer 0 instead of refusing (1e-224), so only near ones reach it.
_NEAR_MONEY = r"^-?\d{1,12}(\.\d{1,9})?([eE][+-]?0?\d)?$"


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
            return MoneyTexts(leaf) if leaf.is_amount_text else _Money(leaf)
        case FieldKind.DATE:
            return _Dates(leaf)
        case FieldKind.LIST | FieldKind.JSON:
            return ManyValues(leaf)
    return _Ints(leaf)


class ManyValues:
    """Lists, and objects as JSON text: judged value by value."""

    def __init__(self, leaf: EventField) -> None:
        self._leaf = leaf
        self._filler: Any = [] if leaf.kind is FieldKind.LIST else "{}"

    def __call__(self, values: Cells, marks: Marks) -> pa.Array:
        """The column of values as they are written, NULL for null; marks those that are none."""
        # the contract needs no columns, and judges what is marked here
        from dataflow.decode.json.contract import judged_many

        found: list[Any] = []
        for at, value in enumerate(values):
            raw = bytes(value)
            if raw == b"null":
                found.append(None)
                if not self._leaf.null_ok and value is not NULL:
                    marks[at] = True
                continue
            many = judged_many(self._leaf, raw)
            if many is None:
                marks[at] = True
            found.append(self._filler if many is None else many)
        return pa.array(found, self._leaf.type)


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
            mark_patterns(self.adapter, column, marks)
        return column


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
        self.whole = days_of(leaf)

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
            return pa.nulls(rows, MONEY)
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
            texts = only(_NEAR_MONEY, texts, marks)
        try:
            column = texts.cast(MONEY)
        except pa.ArrowInvalid:
            column = only(PLAIN_MONEY, texts, marks).cast(MONEY)
        mark_money(column, self.whole, marks)
        return column
