"""The frontier that makes windows final, as the writer follows it: by the ledger first, then by what it stages."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from dataflow.messages import NEVER_MS, Range
from dataflow.pipeline.names import LEDGER
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.layout import DataFile
from sinks.lake.catalog.reader import data_files
from sinks.lake.catalog.sqlite import told
from sinks.lake.tables import finality
from sinks.lake.tables.finality import EVER_MS, frontier_ms, is_active, reached_ms

TRIES = 5
"""So often the ledger's files are looked up, while compactions put others in their place."""

_COLUMNS = pa.schema(
    [
        pa.field("partition", pa.string()),
        *(pa.field(name, pa.int64()) for name in ("end_offset", "read", "max_event_time", "watermark")),
        pa.field("final", pa.bool_()),
        pa.field("finished", pa.bool_()),
        pa.field("committed_at", pa.timestamp("us")),
        pa.field("idle_timeout_ms", pa.int64()),
    ]
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _Place:
    """Where a source partition stands. `since_us`: when it last had records; without any, when it was first there.

    `newest_ms`: its largest event time, None before its first valid event. `awaited_us`: since when this run waits for
    what it has; None where it was read to its end.
    """

    end: int
    watermark_ms: int | None
    newest_ms: int | None
    since_us: int
    has_read: bool
    final: bool
    awaited_us: int | None
    is_new: bool = True

    def stand(self, now_us: int, idle_ms: int, *, awaits: bool) -> finality.Stand:
        since_us = max(self.since_us, self.awaited_us) if awaits and self.awaited_us is not None else self.since_us
        return finality.Stand(self.watermark_ms, is_active(since_us, now_us, idle_ms), self.final)


class Stand(NamedTuple):
    """Where event time comes with an `epoch`: its `ranges`, partitions that end with it for good, when it is staged."""

    epoch: int
    ranges: Sequence[Range]
    final: Collection[str]
    at: datetime


class Reach(NamedTuple):
    """How far event time has come with an epoch, in ms.

    `judged_ms`: by which the commit before it was judged, or less. `frontier_ms` as `Frontier.at_ms`; `reached_ms` is
    never beyond the furthest watermark, waits for what this run has still to read, and is NEVER_MS where nothing is
    final. `newest_ms`: the largest event time of each source partition that has had an event.
    """

    epoch: int
    judged_ms: int
    frontier_ms: int
    reached_ms: int
    newest_ms: Mapping[str, int]


class _Line(NamedTuple):
    """What a source partition's lines come to; `last_us`: when the last one was committed."""

    partition: str
    place: _Place
    last_us: int
    idle_timeout_ms: int


class Frontier:
    """`sinks.lake.tables.finality.frontier_ms` of a lake and the epochs that are staged on it.

    A run that begins gives each partition that it has not read to its end the idle timeout to say what it has: after a
    night without a run, none of them would be active, and what was not read yet would be taken for silence.
    """

    def __init__(self, idle_timeout_ms: int) -> None:
        self._idle_timeout_ms = idle_timeout_ms
        self._places: dict[str, _Place] = {}
        self._former_idle_ms = 0
        self._newest_us = 0
        self._is_begun = False

    @classmethod
    def of_lake(cls, catalog: Catalog, out_of_orderness_ms: int, idle_timeout_ms: int) -> "Frontier":
        """That of what is published. Reads columns of the ledger's files; `out_of_orderness_ms` as `frontier_sql`."""
        made = cls(idle_timeout_ms)
        for line in _last_lines(_ledger(catalog), out_of_orderness_ms):
            made._places[line.partition] = line.place
            made._former_idle_ms = max(made._former_idle_ms, line.idle_timeout_ms)
            made._newest_us = max(made._newest_us, line.last_us)
        return made

    def reach(self, stand: Stand) -> Reach:
        """An epoch with these lines of the ledger is staged: how far event time comes with it."""
        judged_ms, at_us = self.judged_ms(), _us(stand.at)
        if not self._is_begun:
            self._is_begun = True
            for known in self._places.values():
                known.awaited_us = None if known.awaited_us is None else at_us
        for entry in stand.ranges:
            is_final = entry.partition in stand.final
            reached = (entry.watermark, entry.max_event_time)
            awaited_us = None if entry.finished else at_us
            self._learn(entry.partition, _Place(entry.end, *reached, at_us, entry.read > 0, is_final, awaited_us))
        if stand.ranges:
            self._newest_us = max(self._newest_us, at_us)
        newest_ms = {name: each.newest_ms for name, each in self._places.items() if each.newest_ms is not None}
        reached_ms = self._reached_ms(at_us, self._idle_timeout_ms, awaits=True)
        return Reach(stand.epoch, judged_ms, self.at_ms(stand.at), reached_ms, newest_ms)

    def at_ms(self, now: datetime) -> int:
        """The frontier at a time; EVER_MS where everything is final."""
        return self._at_ms(_us(now), self._idle_timeout_ms)

    def judged_ms(self) -> int:
        """The frontier of the newest commit, or less, and never beyond the furthest watermark; NEVER_MS before any."""
        return self._reached_ms(self._newest_us, max(self._idle_timeout_ms, self._former_idle_ms), awaits=False)

    def _reached_ms(self, now_us: int, idle_ms: int, *, awaits: bool) -> int:
        stands = [each.stand(now_us, idle_ms, awaits=awaits) for each in self._places.values()]
        return max(NEVER_MS, min(frontier_ms(stands), max(map(reached_ms, stands)))) if stands else NEVER_MS

    def _at_ms(self, now_us: int, idle_ms: int) -> int:
        stands = [each.stand(now_us, idle_ms, awaits=False) for each in self._places.values()]
        return frontier_ms(stands) if stands else -EVER_MS

    def _learn(self, name: str, new: _Place) -> None:
        known = self._places.get(name)
        if known is None:
            self._places[name] = replace(new, is_new=False)
            return
        # what a run waits for is told by its first line of a partition
        known.awaited_us = new.awaited_us if known.is_new or new.awaited_us is None else known.awaited_us
        known.is_new = False
        known.watermark_ms = _later(known.watermark_ms, new.watermark_ms)
        known.newest_ms = _later(known.newest_ms, new.newest_ms)
        if new.end != known.end:
            known.end, known.final = max((known.end, known.final), (new.end, new.final))
        else:
            known.final = known.final or new.final
        if new.has_read:
            known.since_us = max(known.since_us, new.since_us) if known.has_read else new.since_us
            known.has_read = True
        elif not known.has_read:
            known.since_us = min(known.since_us, new.since_us)


def _ledger(catalog: Catalog) -> pa.Table:
    """The ledger, as far as it is asked for here."""
    table = catalog.tables()[LEDGER]
    for left in range(TRIES, 0, -1):
        with told(catalog.path, catalog.busy_ms):
            files = data_files(catalog.connection, catalog.folder, table, catalog.head().id)
        try:
            return pa.concat_tables([_COLUMNS.empty_table(), *map(_lines, files)])
        except FileNotFoundError:
            # a compaction has put another file in its place
            if left == 1:
                raise
    raise AssertionError("the last try raises")


def _lines(file: DataFile) -> pa.Table:
    there = [name for name in pq.read_schema(file.path).names if name in _COLUMNS.names]
    rows = pq.read_table(file.path, columns=there)
    columns = [
        rows.column(field.name).cast(field.type) if field.name in there else pa.nulls(rows.num_rows, field.type)
        for field in _COLUMNS
    ]
    return pa.Table.from_arrays(columns, schema=_COLUMNS)


def _last_lines(ledger: pa.Table, out_of_orderness_ms: int) -> Iterator[_Line]:
    """Of each source partition what its lines come to."""
    names = ledger.column("partition").combine_chunks().dictionary_encode()
    of = names.indices.to_numpy(zero_copy_only=False)
    at_us = _ints(ledger, "committed_at")
    idle_ms = _ints(ledger, "idle_timeout_ms", NEVER_MS)
    newest_ms = _ints(ledger, "max_event_time", NEVER_MS)
    # lines of earlier versions tell no rules, and no watermark
    untold = np.where((idle_ms == NEVER_MS) & (newest_ms != NEVER_MS), newest_ms - out_of_orderness_ms, NEVER_MS)
    mark_ms = np.maximum(_ints(ledger, "watermark", NEVER_MS), untold)
    place = _ints(ledger, "end_offset") * 2 + ledger.column("final").fill_null(False).to_numpy()
    read_us = np.where(_ints(ledger, "read", 0) > 0, at_us, NEVER_MS)
    # as `place`: whether the line that reaches furthest says that this is the end
    end = _ints(ledger, "end_offset") * 2 + ledger.column("finished").fill_null(False).to_numpy()
    columns = (place, mark_ms, newest_ms, read_us, at_us, -at_us, idle_ms, end)
    most = [_most(of, len(names.dictionary), values) for values in columns]
    for name, to, mark, newest, read, last, first, idle, ended in zip(names.dictionary.to_pylist(), *most, strict=True):
        since_us = -first if read == NEVER_MS else read
        awaited_us = None if ended % 2 == 1 else since_us
        stand = _Place(to // 2, _told(mark), _told(newest), since_us, read != NEVER_MS, to % 2 == 1, awaited_us)
        yield _Line(name, stand, last, idle)


def _ints(ledger: pa.Table, name: str, absent: int = 0) -> npt.NDArray[np.int64]:
    column = ledger.column(name).combine_chunks()
    values: npt.NDArray[np.int64] = column.cast(pa.int64()).fill_null(absent).to_numpy()
    return values


def _most(of: npt.NDArray[np.int32], count: int, values: npt.NDArray[np.int64]) -> list[int]:
    found = np.full(count, NEVER_MS, np.int64)
    np.maximum.at(found, of, values)
    return found.tolist()


def _told(value: int) -> int | None:
    return None if value == NEVER_MS else value


def _later(left: int | None, right: int | None) -> int | None:
    return max((each for each in (left, right) if each is not None), default=None)


def _us(at: datetime) -> int:
    return (at.replace(tzinfo=at.tzinfo or UTC) - _EPOCH) // timedelta(microseconds=1)


def ended_ms(reached_ms: int, allowed_lateness_ms: int) -> int:
    """Up to which end windows are final at a frontier; NEVER_MS where none is."""
    return max(reached_ms + 1 - allowed_lateness_ms, NEVER_MS)
