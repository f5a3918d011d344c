"""Where each source partition stands at a snapshot, so that views need not read the whole ledger for `is_final`."""

import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

from dataflow.pipeline.names import LEDGER
from dataflow.sql import text
from query.catalogs import LakeIdentity
from query.duck import duckdb
from query.resolve import Resolved
from query.scan import scan_sql
from query.shared_work import SharedWork
from sinks.lake.tables.finality import PLACE_SQL

_COLUMNS = (
    '"partition", end_offset, "read", max_event_time, watermark, out_of_orderness_ms, finished, final, committed_at'
)
_TYPES = ("VARCHAR", "BIGINT", "BIGINT", "BIGINT", "BIGINT", "BIGINT", "BOOLEAN", "BOOLEAN", "TIMESTAMP")
NEVER_US = -(2**62)


class End(NamedTuple):
    """What the ledger's rows of one source partition come to. Times in us; `place` as `finality.PLACE_SQL` has it.

    `watermark` is the largest that a row tells, `untold` the largest event time of the rows that do not tell theirs.
    """

    max_event_time: int | None
    watermark: int | None
    untold: int | None
    read_at_us: int
    """The newest row with records; NEVER_US without one."""
    first_at_us: int
    place: int


Ends = Mapping[str, End]


class LedgerEnds:
    """The ends at one snapshot after the other; reads only files that no earlier question has read.

    For any number of threads. The lock guards one field and is never held while the ledger is read.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._work = SharedWork()
        self._known = _Known(None, -1, frozenset(), {})

    def at(self, resolved: Resolved, cursor: duckdb.DuckDBPyConnection) -> Ends:
        """The ends at a snapshot, read with a cursor of the caller's own."""
        return self._work.do((resolved.lake, resolved.snapshot.id), lambda: self._read(resolved, cursor))

    def _read(self, resolved: Resolved, cursor: duckdb.DuckDBPyConnection) -> Ends:
        number, lake, known = resolved.snapshot.id, resolved.lake, self._known
        onward = lake == known.lake and number >= known.snapshot
        # what was known at an earlier snapshot is part of this one, however the files were merged since
        ends, seen = (known.ends, known.files) if onward else ({}, frozenset[int]())
        files = resolved.files[LEDGER]
        new = [file for file in files if file.id not in seen]
        if new:
            scan = scan_sql(resolved.tables[LEDGER], new, number)
            told = resolved.tables[LEDGER].column("watermark") is not None
            ends = merged(ends, ends_of(cursor.execute(ends_sql(scan, told=told)).fetchall()))
        # of a merged file that holds newer rows, too, those are still to be read
        whole = frozenset(file.id for file in files if file.partial_max is None or file.partial_max <= number)
        with self._lock:
            if lake != self._known.lake or number >= self._known.snapshot:
                self._known = _Known(lake, number, whole, ends)
        return ends


class _Known(NamedTuple):
    """What the newest snapshot that was asked for came to, and which files hold nothing that is not in it."""

    lake: LakeIdentity
    snapshot: int
    files: frozenset[int]
    ends: Ends


def ends_sql(scan: str, *, told: bool = True) -> str:
    """One row per source partition of the ledger rows that `scan` selects: partition, then the fields of End.

    `told`: the ledger has a column for the watermark, and one for the out-of-orderness that led to it.
    """
    marks = (
        "max(watermark), max(max_event_time) FILTER (out_of_orderness_ms IS NULL)"
        if told
        else "NULL, max(max_event_time)"
    )
    return (
        f'SELECT "partition", max(max_event_time) AS newest, {marks}, coalesce(max(epoch_us(committed_at))'
        f' FILTER ("read" > 0), {NEVER_US}) AS read_at, min(epoch_us(committed_at)) AS first_at,'
        f" max({PLACE_SQL})::VARCHAR AS place"
        f' FROM ({scan}) AS ranges GROUP BY "partition"'
    )


def ends_of(rows: list[tuple[Any, ...]]) -> Ends:
    """From the rows of `ends_sql`."""
    return {
        partition: End(newest, watermark, untold, read_at, first_at, int(place))
        for partition, newest, watermark, untold, read_at, first_at, place in rows
    }


def merged(left: Ends, right: Ends) -> Ends:
    """As of the rows of both together. Rows that are in both count once, so it does not matter what was seen before."""
    both = dict(left)
    for partition, new in right.items():
        old = both.get(partition)
        if old is None:
            both[partition] = new
            continue
        both[partition] = End(
            _later(old.max_event_time, new.max_event_time),
            _later(old.watermark, new.watermark),
            _later(old.untold, new.untold),
            max(old.read_at_us, new.read_at_us),
            min(old.first_at_us, new.first_at_us),
            max(old.place, new.place),
        )
    return both


def _later(left: int | None, right: int | None) -> int | None:
    return max((time for time in (left, right) if time is not None), default=None)


def relation(ends: Ends) -> str:
    """A table expression of a few ledger rows per source partition, from which the frontier comes out the same."""
    lines = []
    for partition, end in ends.items():
        end_offset, final = divmod(end.place, 2)
        name = text(partition)
        marks = (_number(end.max_event_time), _number(end.watermark), "0")
        lines.append(_line((name, str(end_offset), "0", *marks), bool(final), end.first_at_us))
        # below every offset, so that they are never the ones that reach furthest
        if end.untold is not None:
            lines.append(_line((name, "-1", "0", str(end.untold), "NULL", "NULL"), False, end.first_at_us))
        if end.read_at_us != NEVER_US:
            lines.append(_line((name, "-1", "1", "NULL", "NULL", "NULL"), False, end.read_at_us))
    if not lines:
        nothing = ", ".join(f"NULL::{kind}" for kind in _TYPES)
        return f"(SELECT * FROM (VALUES ({nothing})) AS nothing WHERE false) AS ledger_ends({_COLUMNS})"
    return f"(VALUES {', '.join(lines)}) AS ledger_ends({_COLUMNS})"


def _number(value: int | None) -> str:
    return "NULL" if value is None else str(value)


def _line(place: tuple[str, ...], final: bool, at_us: int) -> str:
    # a view of an earlier version asks for `finished`, and means by it that nothing comes after
    values = (*place, str(final), str(final), f"make_timestamp({at_us})")
    return "(" + ", ".join(f"{value}::{kind}" for value, kind in zip(values, _TYPES, strict=True)) + ")"
