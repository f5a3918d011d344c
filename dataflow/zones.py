"""Time zones by the pinned tz database: wall clock to instants and back, whole arrays at once."""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from dataflow.spelling import suggest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Millis = npt.NDArray[np.int64]

_CYCLE_MS = 146_097 * 86_400_000
"""Four hundred years: calendar, weekdays and with them a zone's yearly rules repeat."""
_CYCLES_FROM_MS = 7_258_118_400_000
"""2200-01-01: from here on a zone goes by its yearly rules alone."""
_TABLE_TO_S = (_CYCLES_FROM_MS + _CYCLE_MS) // 1_000
_EVER_MS = 2**62
_WEEK_S = 7 * 86_400


@dataclass(frozen=True, slots=True, eq=False)
class Zone:
    """The offsets of one zone. Every time is int64 ms, an instant since 1970 UTC or a wall clock's own reading.

    `digest` is of the rules themselves: another release of the tz database changes it only where this zone's clock
    changed. Exact within EVENT_TIME_LIMIT_MS of 1970.
    """

    name: str
    digest: str
    _since: "Millis" = field(repr=False)
    _offset: "Millis" = field(repr=False)
    _reached: "Millis" = field(repr=False)
    """Up to the end of each span with one offset: the latest reading that the clock had shown, plus 1 ms."""

    def furthest(self, instants: "Millis") -> "Millis":
        """The latest reading that the wall clock has shown by each instant; where it was put back, that of before."""
        import numpy as np

        shift, at = _folded(instants)
        span = np.searchsorted(self._since, at, side="right") - 1
        before = np.where(span > 0, self._reached[span - 1] - 1, -_EVER_MS)
        return np.asarray(np.maximum(at + self._offset[span], before) + shift)

    def first(self, readings: "Millis") -> "Millis":
        """The first instant at which the clock shows each reading or a later one.

        A reading that the clock skips is the end of the gap; of one that comes twice it is the earlier.
        """
        import numpy as np

        shift, at = _folded(readings)
        span = np.searchsorted(self._reached, at, side="right")
        return np.asarray(np.maximum(at - self._offset[span], self._since[span]) + shift)

    def instant(self, readings: "Millis") -> "Millis":
        """The instant that somebody means by each reading.

        Of one that comes twice the earlier; one that the clock skips counts by the offset before the gap, so it is
        as long after the gap's end as it is after its beginning.
        """
        import numpy as np

        shift, at = _folded(readings)
        span = np.searchsorted(self._reached, at, side="right")
        skipped = at - self._offset[span] < self._since[span]
        return np.asarray(at - self._offset[np.where(skipped, span - 1, span)] + shift)

    def spans_ms(self, from_ms: int, to_ms: int) -> list[tuple[int, int]]:
        """(from when, offset) of each span with one offset that has an instant of [from_ms, to_ms] in it, in order.

        From `_CYCLES_FROM_MS` on they repeat every four hundred years, and those of the first are listed.
        """
        import numpy as np

        first = max(int(np.searchsorted(self._since, from_ms, side="right")) - 1, 0)
        last = len(self._since) if to_ms >= _CYCLES_FROM_MS else int(np.searchsorted(self._since, to_ms, side="right"))
        return list(zip(self._since[first:last].tolist(), self._offset[first:last].tolist(), strict=True))

    def offsets_ms(self, since_ms: int) -> set[int]:
        """Every offset from UTC that its clock has had from an instant on, and is known to have."""
        import numpy as np

        first = int(np.searchsorted(self._since, since_ms, side="right")) - 1
        return set(self._offset[max(first, 0) :].tolist())


def zone_of(name: str) -> Zone:
    """The zone called so in the tz database, like "Europe/Amsterdam". Raises ValueError for any other name."""
    if not isinstance(name, str) or name not in _names():
        hint = suggest(str(name), sorted(_names()))
        raise ValueError(
            "no zone of the tz database" + (hint if "mean" in hint else '; write one like "Europe/Amsterdam"')
        )
    return _read(name)


@cache
def _names() -> frozenset[str]:
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="ascii").split())


@cache
def _read(name: str) -> Zone:
    import numpy as np

    data = files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
    spans = [*_listed(data)]
    spans += _yearly(data, spans[-1][0], spans[-1][1])
    since = np.array([at * 1_000 for at, _ in spans], np.int64)
    since[0] = -_EVER_MS
    offset = np.array([of * 1_000 for _, of in spans], np.int64)
    ends = np.append(since[1:], _EVER_MS)
    ends[:-1] += offset[:-1]
    digest = hashlib.sha256(since.astype("<i8").tobytes() + offset.astype("<i8").tobytes()).hexdigest()
    return Zone(name, digest, since, offset, np.maximum.accumulate(ends))


def _folded(times: "Millis") -> "tuple[Millis, Millis]":
    """Whole cycles of years, in ms, and the time without them, which the table covers."""
    import numpy as np

    cycles = np.maximum((times - _CYCLES_FROM_MS) // _CYCLE_MS, 0)
    shift = np.asarray(cycles * _CYCLE_MS, np.int64)
    return shift, np.asarray(times - shift, np.int64)


def _listed(data: bytes) -> Iterator[tuple[int, int]]:
    """(from when, offset) in seconds, as a TZif file lists them, from the beginning of time on."""
    sizes = struct.unpack_from(">6l", data, 20)
    second = 44 + _length(*sizes, time_bytes=4)
    _, _, _, times, types, _ = struct.unpack_from(">6l", data, second + 20)
    body = second + 44
    moments = struct.unpack_from(f">{times}q", data, body)
    kinds = data[body + 8 * times : body + 9 * times]
    offsets = [struct.unpack_from(">l", data, body + 9 * times + 6 * kind)[0] for kind in range(types)]
    last = offsets[0]
    yield -(2**52), last
    for moment, kind in zip(moments, kinds, strict=True):
        if offsets[kind] != last and moment > -(2**52):
            last = offsets[kind]
            yield moment, last


def _length(utc: int, standard: int, leaps: int, times: int, types: int, chars: int, *, time_bytes: int) -> int:
    return times * (time_bytes + 1) + types * 6 + chars + leaps * (time_bytes + 4) + standard + utc


def _yearly(data: bytes, last_s: int, offset: int) -> Iterator[tuple[int, int]]:
    """The changes after the listed ones, by the rules that a TZif file ends with; they are more than a week apart."""
    if b"," not in data[data.rindex(b"\n", 0, -1) :]:
        return
    zone: Any = ZoneInfo.from_file(BytesIO(data))
    at = max(last_s, 0)
    while at < _TABLE_TO_S:
        if _offset_at(zone, at + _WEEK_S) == offset:
            at += _WEEK_S
            continue
        low, high = at, at + _WEEK_S
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _offset_at(zone, middle) == offset else (low, middle)
        offset = _offset_at(zone, high)
        yield high, offset
        at = high


def _offset_at(zone: ZoneInfo, at_s: int) -> int:
    offset = datetime.fromtimestamp(at_s, zone).utcoffset()
    assert offset is not None, "a zone of the tz database has an offset at any time"
    return offset.days * 86_400 + offset.seconds
