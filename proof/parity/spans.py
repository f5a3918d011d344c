"""Which windows hold a time, in DuckDB's SQL, straight from the rules (semantics rules 6, 7 and 11)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from dataflow.windows import DAY_MS, Window
from dataflow.windows.kinds import kind_of

_EPOCH = datetime(1970, 1, 1)
_MS = timedelta(milliseconds=1)


def spans(window: Window, time: str, rows: str, con: duckdb.DuckDBPyConnection) -> str:
    """A query of `rows`, each once per window that holds its `time`, with columns _start and _end (ms)."""
    size, slide, offset = window.size_ms, window.slide_ms, window.offset_ms
    kind = kind_of(window)
    if kind.merging:
        return f"SELECT *, {time} AS _start, {time} + {size} AS _end FROM ({rows})"
    if window.zone is not None:
        return _by_clock(window, time, rows, con)
    if kind.anchored:
        count = f"unnest(range(1, {size // slide + 1})) AS _n"
        each = f"SELECT *, {_floor(time, size, offset)} AS _start, {count} FROM ({rows})"
        ends = f"SELECT * EXCLUDE (_n), _start + _n * {slide} AS _end FROM ({each})"
        return f"SELECT * FROM ({ends}) WHERE {time} < _end"
    back = f"unnest(range(0, {-(-size // slide)})) * {slide}"
    starts = f"SELECT *, {_floor(time, slide, offset)} - {back} AS _start FROM ({rows})"
    return f"SELECT *, _start + {size} AS _end FROM ({starts}) WHERE {time} < _start + {size}"


def _floor(time: str, step: int, offset: int) -> str:
    """The last border at or before a time; % of a negative number is negative here."""
    return f"{time} - ((({time} - {offset}) % {step}) + {step}) % {step}"


def _by_clock(window: Window, time: str, rows: str, con: duckdb.DuckDBPyConnection) -> str:
    """The borders that the zone's clock shows around these rows, each an instant; a row is behind the last of them."""
    [(least, most)] = con.sql(f"SELECT min({time}), max({time}) FROM ({rows})").fetchall()
    assert window.zone is not None, "only a zone has a clock"
    zone, size = ZoneInfo(window.zone), window.size_ms
    first, last = (0, 0) if least is None else (least - 3 * DAY_MS - size, most + 3 * DAY_MS + size)
    readings = range((first - window.offset_ms) // size * size + window.offset_ms, last + size, size)
    borders = sorted({_shown_first(reading, zone) for reading in readings})
    table = pa.table({"_start": borders[:-1], "_end": borders[1:]})
    con.register("_given", table)
    con.execute("CREATE OR REPLACE TABLE _borders AS SELECT * FROM _given")
    con.unregister("_given")
    return f"SELECT r.*, b._start, b._end FROM ({rows}) r ASOF JOIN _borders b ON r.{time} >= b._start"


def _shown_first(reading: int, zone: ZoneInfo) -> int:
    """The first instant at which the zone's clock shows a reading, or a later one."""
    local = _EPOCH + reading * _MS
    at = local.replace(tzinfo=zone).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) != local:
        # skipped: the clock jumped over it within the hours before
        low, high = at - timedelta(days=1), at
        while high - low > _MS:
            middle = low + (high - low) / 2
            if middle.astimezone(zone).replace(tzinfo=None) < local:
                low = middle
            else:
                high = middle
        at = high
    return (at.replace(tzinfo=None) - _EPOCH) // _MS
