"""Arrow types and DuckLake's names for them, and the text in which DuckLake keeps a column's bounds."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from dataflow.errors import LakeError

Bound = int | float | str | Decimal
"""A bound in the form in which it compares: times as text, booleans as 0 and 1."""

LONGEST_BOUND_CHARS = 256
"""Longer text is kept without bounds: a bound that is cut short would prune wrongly."""

_FIXED: dict[str, pa.DataType] = {
    "varchar": pa.string(),
    "int64": pa.int64(),
    "int32": pa.int32(),
    "float64": pa.float64(),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
    "boolean": pa.bool_(),
    "blob": pa.binary(),
}
_DUCKDB = {
    "varchar": "VARCHAR",
    "int64": "BIGINT",
    "int32": "INTEGER",
    "float64": "DOUBLE",
    "timestamp": "TIMESTAMP",
    "date": "DATE",
    "boolean": "BOOLEAN",
    "blob": "BLOB",
}
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")
_EPOCH = datetime(1970, 1, 1)
_FIRST_MS = -62_135_596_800_000
_END_MS = 253_402_300_800_000


def lake_type(arrow: pa.DataType) -> str:
    """DuckLake's name of an Arrow type; a list is "list" (its element is a column of its own).

    Raises LakeError for a type that no lake table uses.
    """
    if pa.types.is_timestamp(arrow) and arrow.tz is None:
        return "timestamp"
    if pa.types.is_decimal128(arrow):
        return f"decimal({arrow.precision},{arrow.scale})"
    if pa.types.is_list(arrow) and not pa.types.is_nested(arrow.value_type):
        return "list"
    for name, fixed in _FIXED.items():
        if arrow.equals(fixed):
            return name
    raise LakeError(
        f"a lake column cannot have the Arrow type {arrow}; use one of {', '.join(_FIXED)}, decimal or list"
    )


def arrow_type(name: str) -> pa.DataType:
    """Arrow type of DuckLake's scalar type `name` (timestamps in us). Raises LakeError for others."""
    decimal = _DECIMAL.fullmatch(name)
    if decimal:
        return pa.decimal128(int(decimal[1]), int(decimal[2]))
    if name not in _FIXED:
        raise LakeError(f"the lake has a column of type {name}, which Tidemill does not write; drop it with DuckLake")
    return _FIXED[name]


def is_own_type(name: str) -> bool:
    """Whether Tidemill writes columns of DuckLake's scalar type `name`."""
    return name in _FIXED or _DECIMAL.fullmatch(name) is not None


def duckdb_type(name: str) -> str:
    """DuckDB's SQL name of DuckLake's scalar type `name`; unknown names pass through in capitals."""
    return _DUCKDB.get(name, name.upper())


def to_text(bound: Any, name: str) -> str | None:
    """DuckLake's text of a column's smallest or largest value; None where it is better left unknown.

    `bound` is what Arrow's `as_py` (or, for timestamps, a whole number of microseconds) gives.
    """
    if bound is None or name == "blob":
        return None
    if name == "boolean":
        return "1" if bound else "0"
    if name == "varchar":
        return bound if len(bound) <= LONGEST_BOUND_CHARS and "\x00" not in bound else None
    if name == "timestamp":
        return _timestamp_text(bound)
    if name == "date":
        return bound.isoformat() if isinstance(bound, date) else None
    if name == "float64":
        return None if bound != bound else repr(float(bound))
    return format(bound, "f") if isinstance(bound, Decimal) else str(bound)


def from_text(text: str | None, name: str) -> Bound | None:
    """The comparable value of DuckLake's text; None for an unknown bound or a type without bounds."""
    if text is None:
        return None
    if name in ("int64", "int32", "boolean"):
        return int(text)
    if name == "float64":
        return float(text)
    if name.startswith("decimal"):
        return Decimal(text)
    if name == "timestamp":
        return text if "." in text else f"{text}.0"
    return text if name in ("varchar", "date") else None


def time_text(at: datetime) -> str:
    """DuckLake's text of a time of the catalog itself: UTC, microseconds, "+00"."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f") + "+00"


def time_of(text: str) -> datetime:
    """The UTC time of DuckLake's text."""
    head = text.split("+", 1)[0]
    form = "%Y-%m-%d %H:%M:%S.%f" if "." in head else "%Y-%m-%d %H:%M:%S"
    return datetime.strptime(head, form).replace(tzinfo=UTC)


def _timestamp_text(us: int) -> str | None:
    if not _FIRST_MS * 1000 <= us < _END_MS * 1000:
        return None
    text = (_EPOCH + timedelta(microseconds=us)).isoformat(sep=" ")
    return text.rstrip("0") if "." in text else text
