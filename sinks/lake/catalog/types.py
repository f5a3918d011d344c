"""DuckLake's names of types, and the text in which it keeps a column's bounds."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

Bound = int | float | str | Decimal
"""A bound in the form in which it compares: times as text, booleans as 0 and 1."""

LONGEST_BOUND_CHARS = 256
"""Longer text is kept without bounds: a bound that is cut short would prune wrongly."""

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


def is_own_type(name: str) -> bool:
    """Whether Tidemill writes columns of DuckLake's scalar type `name`."""
    return name in _DUCKDB or decimal_of(name) is not None


def decimal_of(name: str) -> tuple[int, int] | None:
    """Precision and scale of a decimal's name; None for any other type."""
    decimal = _DECIMAL.fullmatch(name)
    return None if decimal is None else (int(decimal[1]), int(decimal[2]))


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
    return datetime.fromisoformat(text.split("+", 1)[0]).replace(tzinfo=UTC)


def _timestamp_text(us: int) -> str | None:
    if not _FIRST_MS * 1000 <= us < _END_MS * 1000:
        return None
    text = (_EPOCH + timedelta(microseconds=us)).isoformat(sep=" ")
    return text.rstrip("0") if "." in text else text
