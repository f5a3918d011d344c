"""A field's limits over whole columns: the rows whose value may break them are marked.

A mark is a suspicion, not a verdict: the contract judges each marked row again. So a check here may be too strict,
never too lax.
"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import TypeAdapter

from dataflow.columnar.types import Bools, Int64s
from dataflow.event.annotations import Constraints
from dataflow.event.fields import EVENT_TIME_LIMIT_MS, INT64_MAX, INT64_MIN, TimeUnit
from dataflow.event.schema import EventField

Marks = Bools

Scale = Callable[[Any], Fraction]
"""A bound in the units that are counted."""

_LIMITS = {
    TimeUnit.SECONDS: (-EVENT_TIME_LIMIT_MS // 1_000, EVENT_TIME_LIMIT_MS // 1_000),
    TimeUnit.MILLIS: (-EVENT_TIME_LIMIT_MS, EVENT_TIME_LIMIT_MS),
    TimeUnit.MICROS: (-EVENT_TIME_LIMIT_MS * 1_000, EVENT_TIME_LIMIT_MS * 1_000 + 999),
}
"""Smallest and largest ticks of an event time; int64 nanoseconds cannot leave the range."""

_MICROS = 10**6
_EPOCH_DAY = date(1970, 1, 1).toordinal()


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


def mark_patterns(adapter: TypeAdapter[object], column: pa.Array, marks: Marks) -> None:
    """Mark the texts that `adapter` refuses, but for nulls."""
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


def days_of(leaf: EventField) -> Whole:
    """Which days since 1970 a field of dates takes."""
    return Whole(leaf.constraints, lambda day: Fraction(day.toordinal() - _EPOCH_DAY))
