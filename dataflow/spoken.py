"""Times, spans, sizes and lists as one says them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SPANS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))
_SHOWN = 5


def moment(at: datetime | int) -> str:
    """A UTC time, from a datetime or milliseconds since 1970 of any year; milliseconds only where there are some."""
    at_ms = (
        (at.replace(tzinfo=at.tzinfo or UTC) - _EPOCH) // timedelta(milliseconds=1) if isinstance(at, datetime) else at
    )
    text = str(np.datetime64(at_ms, "ms")).replace("T", " ")
    return text.removesuffix(".000")


def span(ms: int) -> str:
    """A span of time to two digits or so: 40 min, 1.5 h, 250 ms."""
    for unit_ms, unit in _SPANS:
        if abs(ms) >= unit_ms:
            count = ms / unit_ms
            return f"{count:.0f} {unit}" if abs(count) >= 10 or ms % unit_ms == 0 else f"{count:.1f} {unit}"
    return f"{ms} ms"


def size(count_bytes: float) -> str:
    """Bytes in binary units."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if abs(count_bytes) < 1024 or unit == "GiB":
            break
        count_bytes /= 1024
    return f"{count_bytes:,.0f} {unit}" if unit == "bytes" or count_bytes >= 10 else f"{count_bytes:.1f} {unit}"


def listed(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def counted(count: int, noun: str) -> str:
    """A count with its noun: 1 file, 2 files."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
