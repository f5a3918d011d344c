"""Columns of values to those of an event's fields, marking every row whose value may break the field's rules.

A mark is a suspicion, not a verdict: the contract judges each marked row again. So a check here may be too strict,
never too lax; under a mark the column holds any valid filler.
"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter

from dataflow.columnar.buffers import words_in
from dataflow.columnar.types import Bools, Int64s
from dataflow.decode.text_times import TextTimes, strict_times
from dataflow.event.annotations import COMPARE, Constraints
from dataflow.event.fields import EVENT_TIME_LIMIT_MS, INT64_MAX, INT64_MIN, TimeUnit
from dataflow.event.schema import EventField

Marks = Bools
Judged = Callable[[pa.Array, Marks], pa.Array]
"""A column of one given type to one of the field's; sets the marks of doubtful rows."""

Scale = Callable[[Any], Fraction]
"""A bound in the units that are counted."""

_LIMITS = {
    TimeUnit.SECONDS: (-EVENT_TIME_LIMIT_MS // 1_000, EVENT_TIME_LIMIT_MS // 1_000),
    TimeUnit.MILLIS: (-EVENT_TIME_LIMIT_MS, EVENT_TIME_LIMIT_MS),
    TimeUnit.MICROS: (-EVENT_TIME_LIMIT_MS * 1_000, EVENT_TIME_LIMIT_MS * 1_000 + 999),
}
"""Smallest and largest ticks of an event time; int64 nanoseconds cannot leave the range."""

MONEY = pa.decimal128(18, 6)
_MICROS = 10**6
PLAIN_MONEY = r"^-?\d{1,12}(\.\d{1,6}0*)?$"
"""Amounts as text that Arrow casts exactly."""

_EPOCH_DAY = date(1970, 1, 1).toordinal()


def text_times(leaf: EventField) -> Judged:
    """The event times that texts are, none of them null."""
    return strict_times if leaf.text is None else TextTimes(leaf.text)


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


class Texts:
    """Texts (string, null where null is fine) as they are."""

    def __init__(self, leaf: EventField) -> None:
        self.constraints, self.adapter = leaf.constraints, leaf.adapter

    def __call__(self, column: pa.Array, marks: Marks) -> pa.Array:
        """Marks those that break the field's rules, but for its choices."""
        self._mark_lengths(column, marks)
        if self.constraints.patterns and self.adapter is not None:
            self._mark_patterns(self.adapter, column, marks)
        return column

    def _mark_lengths(self, column: pa.Array, marks: Marks) -> None:
        shortest, longest = self.constraints.min_length, self.constraints.max_length
        if (shortest is None and longest is None) or not len(column):
            return
        ends = words_in(column.buffers()[1], np.int32)[column.offset : column.offset + len(column) + 1]
        lengths: Int64s = np.diff(ends)
        if (shortest or 0) > 1 or (longest is not None and int(lengths.max()) > longest):
            # counted in bytes they would do only where none is too long and any text at all is long enough
            lengths = pc.utf8_length(column).fill_null(0).to_numpy()
        bad = lengths < (shortest or 0)
        if longest is not None:
            bad |= lengths > longest
        marks |= bad & column.is_valid().to_numpy(zero_copy_only=False) if column.null_count else bad

    def _mark_patterns(self, adapter: TypeAdapter[object], column: pa.Array, marks: Marks) -> None:
        # pydantic's own regex engine decides, once per distinct text: engines differ in what \d or \w mean.
        encoded = column.dictionary_encode()
        distinct = encoded.dictionary.to_pylist()
        bad = np.fromiter((not accepts(adapter, text) for text in distinct), np.bool_, len(distinct))
        if bad.any():
            codes = encoded.indices.fill_null(0).to_numpy()
            marks |= bad[codes] & column.is_valid().to_numpy(zero_copy_only=False)


def accepts(adapter: TypeAdapter[object], value: object) -> bool:
    """Whether a value fulfils its field's constraints."""
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


class Floats:
    """Finite doubles (float64, null where null is fine)."""

    def __init__(self, leaf: EventField) -> None:
        self.bounds = leaf.constraints.bounds

    def __call__(self, column: pa.Array, marks: Marks) -> pa.Array:
        """With one zero; marks those that break the field's bounds."""
        # Adding turns -0.0 into 0.0, as the contract does.
        column = pc.add(column, pa.scalar(0.0))
        if self.bounds:
            numbers = column.to_numpy(zero_copy_only=False)  # null becomes NaN
            for comparison, bound in self.bounds:
                marks |= ~(COMPARE[comparison](numbers, float(bound)) | np.isnan(numbers))
        return column


class Dates:
    """Days (date32, null where null is fine) as they are."""

    def __init__(self, leaf: EventField) -> None:
        self.whole = Whole(leaf.constraints, lambda day: Fraction(day.toordinal() - _EPOCH_DAY))

    def __call__(self, column: pa.Array, marks: Marks) -> pa.Array:
        """Marks those that break the field's bounds."""
        if not self.whole.free:
            nulls = column.is_null().to_numpy(zero_copy_only=False)
            days = column.cast(pa.int32()).fill_null(0).cast(pa.int64())
            self.whole.mark(days.to_numpy(), nulls, marks)
        return column


class MoneyTexts:
    """Money from strings that hold amounts (string, null where null is fine)."""

    def __init__(self, leaf: EventField) -> None:
        self.whole = money_of(leaf)

    def __call__(self, texts: pa.Array, marks: Marks) -> pa.Array:
        """Marks what is no plain amount, and what breaks the field's rules."""
        column = only(PLAIN_MONEY, texts, marks).cast(MONEY)
        mark_money(column, self.whole, marks)
        return column


def mark_money(column: pa.Array, whole: Whole, marks: Marks) -> None:
    """Mark the amounts of a decimal(18, 6) that break the rules, but for nulls."""
    if whole.free:
        return
    nulls = column.is_null().to_numpy(zero_copy_only=False)
    # 18 digits fit into the low 8 of each value's 16 bytes.
    first = 2 * column.offset
    whole.mark(words_in(column.buffers()[1], np.int64)[first : first + 2 * len(column) : 2], nulls, marks)


def only(pattern: str, texts: pa.Array, marks: Marks) -> pa.Array:
    """`texts` with those that do not match `pattern` marked and replaced by "0"; null stays null."""
    fit = pc.match_substring_regex(texts, pattern).fill_null(True)
    marks |= ~fit.to_numpy(zero_copy_only=False)
    return pc.if_else(fit, texts, "0")
