"""Columns that say a text, to columns of text: what a field of `str` reads of each type."""

import uuid
from enum import Enum
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataflow.columnar.buffers import words_in
from dataflow.columnar.types import Bools, Int64s

PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
"""Ticks of Arrow's units."""

_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
"""0001-01-01 and 9999-12-31, in days from 1970."""
_DAY_S = 86_400
_DATE64_BITS = 64
_UUID: Any = type(cast("Any", pa).uuid())
_compute: Any = pc


class Sort(Enum):
    """What a type is, whatever its width or layout."""

    TEXT = "a string"
    BYTES = "bytes"
    INT = "an int"
    FLOAT = "a float"
    DECIMAL = "a decimal"
    BOOL = "a boolean"
    DATE = "a date"
    STAMP = "a timestamp"
    CLOCK = "a time of day"
    UUID = "a UUID"
    NOTHING = "null"
    LIST = "a list"
    MAP = "a map"
    RECORD = "a record"
    OTHER = "of another type"


def sort_of(type_: Any) -> Sort:
    """The sort of a type; that of a dictionary is its values'."""
    if pa.types.is_dictionary(type_):
        return sort_of(type_.value_type)
    if isinstance(type_, _UUID):
        return Sort.UUID
    if isinstance(type_, pa.BaseExtensionType):
        return sort_of(type_.storage_type)
    tests: Any = pa.types
    if tests.is_string(type_) or tests.is_large_string(type_) or tests.is_string_view(type_):
        return Sort.TEXT
    for is_it, sort in (
        (tests.is_integer, Sort.INT),
        (tests.is_floating, Sort.FLOAT),
        (tests.is_decimal, Sort.DECIMAL),
        (tests.is_boolean, Sort.BOOL),
        (tests.is_date, Sort.DATE),
        (tests.is_timestamp, Sort.STAMP),
        (tests.is_time, Sort.CLOCK),
        (tests.is_struct, Sort.RECORD),
        (tests.is_map, Sort.MAP),
        (tests.is_null, Sort.NOTHING),
        (tests.is_nested, Sort.LIST),
    ):
        if is_it(type_):
            return sort
    if tests.is_binary(type_) or tests.is_large_binary(type_) or tests.is_fixed_size_binary(type_):
        return Sort.BYTES
    return Sort.BYTES if tests.is_binary_view(type_) else Sort.OTHER


def plain(column: pa.Array) -> pa.Array:
    """The values themselves, at the beginning of their buffers: no dictionary, extension or other layout of text."""
    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary_decode()
    if isinstance(column, pa.ExtensionArray) and sort_of(column.type) is not Sort.UUID:
        column = column.storage
    sort = sort_of(column.type)
    if sort in (Sort.TEXT, Sort.BYTES) and column.type not in (pa.string(), pa.binary()):
        column = column.cast(pa.binary())
    return pa.concat_arrays([column]) if column.offset else column


def as_text(column: pa.Array, bad: Bools) -> pa.Array | None:
    """A plain column as text (string), the rows that say none as null with `bad` set; None where the type says none.

    Bytes are UTF-8. A date is YYYY-MM-DD, a timestamp RFC 3339 in UTC with the decimals of its unit, both in the years
    1 to 9999; a time of day is HH:MM:SS with these decimals.
    """
    sort = sort_of(column.type)
    if sort is Sort.NOTHING:
        return column.cast(pa.string())
    if sort in (Sort.TEXT, Sort.BYTES):
        return _checked(column, bad)
    if sort is Sort.UUID:
        return pa.array([None if each is None else str(each) for each in _uuids(column)], pa.string())
    if sort is Sort.CLOCK:
        return column.cast(pa.string())
    if sort is Sort.DATE:
        return _in_years(days_of(column), 1, column.cast(pa.date32()), bad).cast(pa.string())
    if sort is Sort.STAMP:
        unit = unit_of(column)
        per_second, naive = PER_SECOND[unit], column.cast(pa.timestamp(unit))
        texts = _in_years(ticks_of(column), per_second * _DAY_S, naive, bad).cast(pa.string())
        zoned = _compute.binary_join_element_wise(texts, pa.scalar("Z"), "")
        text: pa.Array = _compute.binary_replace_slice(zoned, 10, 11, "T")
        return text
    return None


def unit_of(column: Any) -> Any:
    """Arrow's name of a column's unit of time."""
    return column.type.unit


def scale_of(column: Any) -> int:
    """The decimals of a column of decimals."""
    return int(column.type.scale)


def days_of(column: Any) -> Int64s:
    """Days from 1970 of a column of dates, 0 for null."""
    if column.type.bit_width == _DATE64_BITS:
        return np.asarray(np.floor_divide(ticks_of(column), _DAY_S * 1_000))
    return np.asarray(column.cast(pa.int32()).fill_null(0).to_numpy().astype(np.int64))


def ticks_of(column: pa.Array) -> Int64s:
    """The int64s that stand for a column's values, 0 for null."""
    numbers = column.view(pa.int64())
    filled: Int64s = (numbers.fill_null(0) if numbers.null_count else numbers).to_numpy()
    return filled


def is_day(days: Int64s) -> Bools:
    """Whether days from 1970 are in the years 1 to 9999."""
    return np.asarray((days >= _FIRST_DAY) & (days <= _LAST_DAY))


def _in_years(ticks: Int64s, per_day: int, column: pa.Array, bad: Bools) -> pa.Array:
    outside = ~is_day(np.floor_divide(ticks, per_day))
    if not outside.any():
        return column
    bad |= outside
    return pc.if_else(pa.array(outside), pa.scalar(None, column.type), column)


def _checked(column: pa.Array, bad: Bools) -> pa.Array:
    texts = column if column.type == pa.string() else column.view(pa.string())
    if _is_ascii(texts):
        return texts
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        values = texts.view(pa.binary()).to_pylist()
        broken = np.fromiter((not is_utf8(value) for value in values), np.bool_, len(values))
        bad |= broken
        return pa.array([None if no else value for no, value in zip(broken.tolist(), values, strict=True)], pa.string())
    return texts


def _is_ascii(texts: pa.Array) -> bool:
    ends = words_in(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    if not len(texts) or ends[0] == ends[-1]:
        return True
    return int(words_in(texts.buffers()[2], np.int8)[ends[0] : ends[-1]].min()) >= 0


def is_utf8(value: bytes | None) -> bool:
    """Whether bytes are text; so is null."""
    try:
        return value is None or value.decode() is not None
    except UnicodeDecodeError:
        return False


def _uuids(column: Any) -> list[uuid.UUID | None]:
    return [None if each is None else uuid.UUID(bytes=each) for each in column.storage.to_pylist()]
