"""The pieces of the ledger that were read without a rollup, as columns: a lake may have millions of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from dataflow.columnar.types import Bools, Int64s
from dataflow.messages import NEVER_MS
from dataflow.pipeline.names import LEDGER
from dataflow.pipeline.tables import RULES
from dataflow.rules import Rules
from dataflow.sql import quoted
from query.reader import LakeSnapshot
from sinks.lake.catalog.backfills import Backfilled

_LONGEST_MS = 2**63 - 1

CHUNK_ROWS = 100_000
"""Neighbouring pieces are read together up to about so many accepted rows."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Pieces [start, end) of one source partition, ascending, each with its line of the ledger.

    `newest_before` and `newest`: the largest event time (ms) up to the piece's start and end; NEVER_MS is none yet.
    `bound_ms`: the `out_of_orderness` by which it was judged, `floor_ms`: the watermark before it, below which none of
    its rows' watermarks is (semantics rule 13). `snapshot`: the commit that added the line.
    """

    partition: str
    topic: str | None
    start: Int64s
    end: Int64s
    accepted: Int64s
    duplicate: Int64s
    late: Int64s
    checksum: Int64s
    newest_before: Int64s
    newest: Int64s
    bound_ms: Int64s
    floor_ms: Int64s
    snapshot: Int64s

    def __len__(self) -> int:
        return len(self.start)

    def chosen(self, which: Bools | slice) -> "Lines":
        """Those of a mask or a slice."""
        return Lines(
            self.partition,
            self.topic,
            self.start[which],
            self.end[which],
            self.accepted[which],
            self.duplicate[which],
            self.late[which],
            self.checksum[which],
            self.newest_before[which],
            self.newest[which],
            self.bound_ms[which],
            self.floor_ms[which],
            self.snapshot[which],
        )

    def runs(self) -> Iterator["Lines"]:
        """The pieces that follow each other without a gap, together."""
        cuts = (np.flatnonzero(self.start[1:] != self.end[:-1]) + 1).tolist()
        edges = [0, *cuts, len(self)] if len(self) else []
        for first, last in pairwise(edges):
            yield self.chosen(slice(first, last))

    def chunks(self) -> list["Lines"]:
        """The same, cut at about CHUNK_ROWS accepted rows."""
        found: list[Lines] = []
        for run in self.runs():
            bucket = (np.cumsum(run.accepted) - run.accepted) // CHUNK_ROWS
            edges = [0, *(np.flatnonzero(bucket[1:] != bucket[:-1]) + 1).tolist(), len(run)]
            found += [run.chosen(slice(first, last)) for first, last in pairwise(edges)]
        return found


def lines_without(
    snapshot: LakeSnapshot, rollup: str, filled: Sequence[Backfilled], first: Rules | None = None
) -> list[Lines]:
    """Per source partition the pieces that a rollup has not seen and has not been given since.

    `first`: the rules of lines that do not tell theirs (`Definition.first_rules`).
    """
    bound = str(min(0 if first is None else first.out_of_orderness_ms, _LONGEST_MS))
    told = snapshot.tables[LEDGER].column("watermark") is not None
    bounds, mark = (f"coalesce({RULES[0]}, {bound})", "watermark") if told else (bound, "NULL")
    reached = f"coalesce({mark}, greatest(newest::HUGEINT - {bound}, {NEVER_MS})::BIGINT)"
    inclusive = 'OVER (PARTITION BY "partition" ORDER BY start_offset, end_offset, _snapshot ROWS'
    table = snapshot.query(
        'WITH told AS (SELECT "partition", topic, start_offset, end_offset, accepted, duplicate, late, checksum,'
        " _snapshot,"
        f" max(max_event_time) {inclusive} BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS newest_before,"
        f" max(max_event_time) {inclusive} UNBOUNDED PRECEDING) AS newest, {bounds} AS bound_ms, {mark} AS watermark,"
        f" {quoted(f'{rollup}_counted')} IS NULL AS unseen FROM {LEDGER}_history),"
        f" stood AS (SELECT *, max({reached}) {inclusive} BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS floor_ms"
        " FROM told)"
        ' SELECT * FROM stood WHERE unseen AND end_offset > start_offset ORDER BY "partition", start_offset',
        histories=[LEDGER],
    )
    names = table.column("partition").unique().to_pylist()
    found = [_lines(name, table.filter(pa.array(_is(table, name)))) for name in names]
    return [each for each in (_without(lines, filled) for lines in found) if len(each)]


def _is(table: pa.Table, name: str) -> Bools:
    return np.asarray(table.column("partition").to_numpy() == name, np.bool_)


def _lines(name: str, table: pa.Table) -> Lines:
    def numbers(column: str, absent: int = 0) -> Int64s:
        return np.asarray(table.column(column).fill_null(absent).to_numpy(), np.int64)

    return Lines(
        name,
        table.column("topic")[table.num_rows - 1].as_py(),
        numbers("start_offset"),
        numbers("end_offset"),
        numbers("accepted"),
        numbers("duplicate"),
        numbers("late"),
        numbers("checksum"),
        numbers("newest_before", NEVER_MS),
        numbers("newest", NEVER_MS),
        numbers("bound_ms"),
        numbers("floor_ms", NEVER_MS),
        numbers("_snapshot"),
    )


def _without(lines: Lines, filled: Sequence[Backfilled]) -> Lines:
    left = np.ones(len(lines), np.bool_)
    for mark in filled:
        if mark.partition == lines.partition:
            left &= (lines.start < mark.start) | (lines.end > mark.end)
    return lines.chosen(left)
