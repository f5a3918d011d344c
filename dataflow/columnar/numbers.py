"""Columns of numbers for filters: exact whole-unit arithmetic without overflow, doubles where SQL says so."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pyarrow as pa

from dataflow.columnar.buffers import words_in
from dataflow.columnar.sums import words_of
from dataflow.columnar.types import Bools, Values

_INT64_MAX = 2**63 - 1
_WORD_DIGITS = 18
_DOUBLE_EXACT = 2**53


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers of one column, or one constant (arrays without a dimension).

    With a `scale` they are exact: value = values / 10**scale, `values` int64, or Python ints where
    64 bits do not suffice. `scale` None: float64. `valid` None: no nulls. A null's value is 0.
    """

    values: Values
    scale: int | None
    valid: Bools | None = None


def constant(value: int | float | Decimal) -> Numbers:
    """A literal; a float gives a double, everything else is exact with the digits as written."""
    if isinstance(value, float):
        return Numbers(np.asarray(value), None)
    exponent = value.as_tuple().exponent if isinstance(value, Decimal) else 0
    assert isinstance(exponent, int)
    scale = max(0, -exponent)
    units = int(value.scaleb(scale)) if isinstance(value, Decimal) else value
    fits = abs(units) <= _INT64_MAX
    return Numbers(np.asarray(units, dtype=np.int64 if fits else object), scale)


def from_arrow(array: pa.Array) -> Numbers:
    """An int64, float64, date32 (days) or decimal128 column."""
    valid = None if array.null_count == 0 else np.asarray(array.is_valid())
    if pa.types.is_decimal(array.type) and array.type.precision > _WORD_DIGITS:
        return Numbers(_wide(array), array.type.scale, valid)
    if pa.types.is_decimal(array.type):
        buffer, first, rows = array.buffers()[1], array.offset, len(array)
        words = np.zeros(0, np.int64) if rows == 0 else words_in(buffer, np.int64)[2 * first : 2 * (first + rows) : 2]
        return Numbers(words if valid is None else np.where(valid, words, 0), array.type.scale, valid)
    if pa.types.is_floating(array.type):
        return Numbers(array.fill_null(0.0).to_numpy(), None, valid)
    if pa.types.is_date(array.type):
        array = array.cast(pa.int32())
    return Numbers(array.fill_null(0).to_numpy().astype(np.int64, copy=False), 0, valid)


def _wide(array: pa.Array) -> Values:
    """Unscaled values of more than 18 digits, 0 at nulls: int64 where all fit, else Python ints."""
    low, high = words_of(array)
    small = low.view(np.int64)
    if np.array_equal(small >> 63, high):
        return small
    return np.asarray([(top << 64) + bottom for top, bottom in zip(high.tolist(), low.tolist(), strict=True)], object)


def both_valid(left: Bools | None, right: Bools | None) -> Bools | None:
    """Where neither side is null; None = everywhere."""
    if left is None or right is None:
        return right if left is None else left
    return left & right


def to_double(numbers: Numbers) -> Numbers:
    """As DuckDB casts: one correctly rounded division, beyond 2**53 units whole part and fraction apart."""
    if numbers.scale is None:
        return numbers
    if numbers.scale == 0:
        return Numbers(numbers.values.astype(np.float64), None, numbers.valid)
    power = float(10**numbers.scale)
    if _bound(numbers.values) <= _DOUBLE_EXACT:
        return Numbers(np.asarray(numbers.values.astype(np.float64) / power), None, numbers.valid)
    units = numbers.values.astype(object)
    magnitude = np.asarray(abs(units), dtype=object)
    whole, rest = magnitude // 10**numbers.scale, magnitude % 10**numbers.scale
    apart = np.asarray(whole, object).astype(np.float64) + np.asarray(rest, object).astype(np.float64) / power
    once = np.asarray(magnitude, object).astype(np.float64) / power
    small = np.asarray(magnitude <= _DOUBLE_EXACT, dtype=np.bool_)
    sign = np.where(np.asarray(units < 0, dtype=np.bool_), -1.0, 1.0)
    return Numbers(np.asarray(sign * np.where(small, once, apart)), None, numbers.valid)


def arithmetic(op: str, left: Numbers, right: Numbers) -> Numbers:
    """`left op right` for + - * /. Exact, but / and a double on either side give doubles (x / 0: inf or nan)."""
    valid = both_valid(left.valid, right.valid)
    if op == "/" or left.scale is None or right.scale is None:
        a, b = to_double(left).values, to_double(right).values
        with np.errstate(all="ignore"):
            result = np.asarray({"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}[op](a, b))
        if valid is not None:
            result = np.where(valid, result, 0.0)
        return Numbers(result, None, valid)
    if op == "*":
        return Numbers(_multiply(left.values, right.values), left.scale + right.scale, valid)
    a, b, scale = _same_scale(left, right)
    if _is_wide(a, b) or _bound(a) + _bound(b) > _INT64_MAX:
        a, b = a.astype(object), b.astype(object)
    result = a + b if op == "+" else a - b
    return Numbers(np.asarray(result, dtype=a.dtype), scale, valid)


def negate(numbers: Numbers) -> Numbers:
    """Minus the numbers."""
    if numbers.scale is None:
        return Numbers(np.asarray(-numbers.values), None, numbers.valid)
    zero = Numbers(np.asarray(0), numbers.scale)
    return arithmetic("-", zero, numbers)


def compare(op: str, left: Numbers, right: Numbers, *, as_double: bool = False) -> Bools:
    """`left op right` for = <> < <= > >=, exact, or as doubles if one side is one (nan = nan, nan above all else).

    What stands at nulls means nothing.
    """
    if as_double or left.scale is None or right.scale is None:
        a, b = to_double(left).values, to_double(right).values
        result = _OPERATORS[op](a, b)
        a_nan, b_nan = np.isnan(a), np.isnan(b)
        if a_nan.any() or b_nan.any():
            # Ranks 0 and 1 order numbers against nan, and nan against itself, as SQL engines do.
            result = np.where(a_nan | b_nan, _OPERATORS[op](a_nan.astype(np.int8), b_nan.astype(np.int8)), result)
        return np.asarray(result, dtype=np.bool_)
    a, b, _ = _same_scale(left, right)
    if _is_wide(a, b):
        a, b = a.astype(object), b.astype(object)
    return np.asarray(_OPERATORS[op](a, b), dtype=np.bool_)


_OPERATORS: dict[str, Callable[[Values, Values], Values]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _same_scale(left: Numbers, right: Numbers) -> tuple[Values, Values, int]:
    assert left.scale is not None
    assert right.scale is not None
    scale = max(left.scale, right.scale)
    return _rescale(left.values, scale - left.scale), _rescale(right.values, scale - right.scale), scale


def _rescale(values: Values, digits: int) -> Values:
    if digits == 0:
        return values
    factor = 10**digits
    return _multiply(values, np.asarray(factor, dtype=np.int64 if factor <= _INT64_MAX else object))


def _multiply(left: Values, right: Values) -> Values:
    if not _is_wide(left, right) and _bound(left) * _bound(right) <= _INT64_MAX:
        return np.asarray(left * right)
    return np.asarray(left.astype(object) * right.astype(object), dtype=object)


def _is_wide(left: Values, right: Values) -> bool:
    return left.dtype == object or right.dtype == object


def _bound(values: Values) -> int:
    return max(-int(values.min()), int(values.max())) if values.size else 0
