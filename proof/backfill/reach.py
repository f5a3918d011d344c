"""How far back table events reaches: whether the lake still holds every accepted row of a piece of the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from dataflow.columnar.hashing import checksum
from dataflow.columnar.types import Bools, Int64s
from dataflow.fold.assign import Assigner
from dataflow.messages import NEVER_MS
from dataflow.own_columns import WATERMARK
from dataflow.pipeline.names import EVENTS
from dataflow.pipeline.plan import Plan, RollupPlan
from dataflow.steps import Steps
from proof.backfill.lines import Lines
from proof.erased import ErasedRows
from query.reader import Bound, LakeSnapshot
from query.times_ms import columns_in_ms
from sinks.lake.catalog.left import Left


@dataclass(frozen=True, slots=True)
class Unreached:
    """Offsets [start, end) of a source partition that cannot be filled, and why; `newest_ms`: the last time so far."""

    partition: str
    start: int
    end: int
    why: str
    newest_ms: int

    def __str__(self) -> str:
        return f"{self.partition} [{self.start}, {self.end}): {self.why}"


@dataclass(frozen=True, slots=True)
class Known:
    """What the catalog says of rows that are not there, and since which commit each column of the events is.

    `trusted`: every duplicate has the time of its first, says the user.
    """

    erased: ErasedRows
    gone: Left | None
    columns: dict[str, int]
    trusted: bool = False


class StoredEvents:
    """The accepted rows of one snapshot, as one rollup needs them."""

    def __init__(self, snapshot: LakeSnapshot, plan: Plan, rollup: RollupPlan, known: Known) -> None:
        self._snapshot = snapshot
        self._known = known
        self._time = plan.event.event_time.name
        self._assigner = Assigner(rollup.window, rollup.allowed_lateness_ms)
        used = columns_of(rollup) | {self._time}
        self._fields = [field for field in plan.row_schema if field.name in used]

    def reach(self, lines: Lines, steps: Steps) -> tuple[Lines, Unreached | None]:
        """The last pieces of which every row is there, and what lies before them."""
        chunks = lines.chunks()
        kept: list[Lines] = []
        for chunk in reversed(chunks):
            whole = self._is_whole(chunk)
            steps.done(int(chunk.accepted.sum()))
            if whole.all():
                kept.append(chunk)
                continue
            at = int(np.flatnonzero(~whole)[-1])
            first = chunk.end[at]
            end, newest = int(chunk.end[at]), int(chunk.newest[at])
            lost = Unreached(lines.partition, int(lines.start[0]), end, self._why(chunk, at), newest)
            return lines.chosen(lines.start >= first), lost
        return lines, None

    def rows(self, lines: Lines) -> pa.RecordBatch:
        """The rows of neighbouring pieces that are whole, each with the watermark before it, as judged rows have it."""
        table = self._read(lines, [field.name for field in self._fields])
        times = table.column(self._time).to_numpy()
        before = np.empty(len(times), np.int64)
        before[:1] = NEVER_MS
        np.maximum.accumulate(times[:-1], out=before[1:])
        piece = self._piece(lines, table)
        np.maximum(before, lines.newest_before[piece], out=before)
        watermark = _watermarks(before, lines.bound_ms[piece], lines.floor_ms[piece])
        schema = pa.schema([*self._fields, pa.field("offset", pa.int64())])
        whole = table.select(schema.names).cast(schema).append_column(WATERMARK, pa.array(watermark))
        (batch,) = whole.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], schema=whole.schema)]
        return batch

    def _is_whole(self, lines: Lines) -> Bools:
        """Of which pieces every row is there, and every watermark follows from them."""
        late_columns = max((self._known.columns.get(field.name, 0) for field in self._fields), default=0)
        known = (lines.snapshot >= late_columns) | (lines.accepted == 0)
        if EVENTS not in self._snapshot.tables:
            return np.asarray(lines.accepted == 0, np.bool_)
        table = self._read(lines, [self._time])
        offsets, times = table.column("offset").to_numpy(), table.column(self._time).to_numpy()
        first, last = np.searchsorted(offsets, lines.start), np.searchsorted(offsets, lines.end)
        whole = known & (last - first == lines.accepted)
        for at in np.flatnonzero(whole & (lines.accepted > 0)):
            rows = slice(int(first[at]), int(last[at]))
            whole[at] = checksum(lines.partition, offsets[rows], times[rows]) == lines.checksum[at] and (
                max(int(times[rows].max()), int(lines.newest_before[at])) == lines.newest[at]
            )
            if whole[at] and lines.duplicate[at] and not self._known.trusted:
                whole[at] = self._is_certain(times[rows], lines, int(at))
        return np.asarray(whole, np.bool_)

    def _is_certain(self, times: Int64s, lines: Lines, at: int) -> bool:
        """Whether the rows of a piece are judged alike whatever its duplicates, which the lake has not, were dated."""
        before_ms, newest_ms = lines.newest_before[at], lines.newest[at]
        least = np.maximum(np.concatenate(([before_ms], np.maximum.accumulate(times)[:-1])), before_ms)
        open_ = least < newest_ms
        most = _watermarks(np.full(len(times), newest_ms, np.int64), lines.bound_ms[at], lines.floor_ms[at])
        return not bool((self._assigner.late_windows(times, most)[open_] > 0).any())

    def _why(self, lines: Lines, at: int) -> str:
        known, piece = self._known, lines.chosen(slice(at, at + 1))
        if EVENTS not in self._snapshot.tables:
            return "the lake keeps no table `events`"
        later = [field.name for field in self._fields if known.columns.get(field.name, 0) > piece.snapshot[0]]
        if later:
            return f"column {later[0]} was added to the pipeline after it was read"
        times = self._read(piece, [self._time]).column(self._time).to_numpy()
        gone = known.erased.offsets(EVENTS, lines.partition)
        first, last = np.searchsorted(gone, [piece.start[0], piece.end[0]])
        if last > first:
            return f"rows of it were erased from `events` ({int(last - first)}), and are no longer countable"
        if len(times) != piece.accepted[0]:
            if known.gone is not None and piece.snapshot[0] <= known.gone.through:
                return "events of it have left the lake, as `events_keep` says"
            return f"`events` holds {len(times)} of its {int(piece.accepted[0])} rows (were they kept then?)"
        newest = max(int(times.max()), int(piece.newest_before[0]))
        if newest < piece.newest[0]:
            return "a duplicate of it is newer than all of its events, so that watermarks cannot be told"
        if newest == piece.newest[0] and piece.duplicate[0] and not known.trusted:
            return (
                "whether events of it are late depends on the times of duplicates, which the lake does not have; "
                "--trust-duplicates takes them for those of the first ones"
            )
        return "its rows in `events` are not those that the ledger counted: see `tidemill audit`"

    def _piece(self, lines: Lines, table: pa.Table) -> Int64s:
        at = np.searchsorted(lines.start, table.column("offset").to_numpy(), side="right") - 1
        return np.asarray(at, np.int64)

    def _read(self, lines: Lines, names: Sequence[str]) -> pa.Table:
        start, end = int(lines.start[0]), int(lines.end[-1])
        columns = columns_in_ms(self._snapshot.tables[EVENTS], list(dict.fromkeys(["offset", *names])))
        return self._snapshot.query(
            f'SELECT {columns} FROM {EVENTS} WHERE "partition" = ? AND "offset" >= ? AND "offset" < ?'
            ' ORDER BY "offset"',
            parameters=[lines.partition, start, end],
            bounds=[Bound(EVENTS, "offset", start, end)],
        )


def _watermarks(newest: Int64s, bound_ms: Int64s | np.int64, floor_ms: Int64s | np.int64) -> Int64s:
    """The watermark behind rows of which the newest is known: it never moves back, whatever the bound becomes."""
    return np.asarray(np.maximum(np.maximum(newest, NEVER_MS + bound_ms) - bound_ms, floor_ms), np.int64)


def columns_of(rollup: RollupPlan) -> set[str]:
    """The columns of an event that a rollup looks at, beside its time."""
    used = {key.name for key in rollup.keys}
    conditions = [rollup.where, *(each.where for each in rollup.aggregates)]
    for condition in conditions:
        used |= set() if condition is None else condition.columns
    return used | {each.aggregate.column for each in rollup.aggregates if each.aggregate.column is not None}
