"""Filling a rollup that was added later: find what can be filled, fold it, commit it once."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
import pyarrow as pa

from dataflow.errors import ConfigError, LakeError
from dataflow.pipeline.names import EVENTS, LATE_EVENTS
from dataflow.pipeline.plan import Plan
from dataflow.rules import Rules
from dataflow.steps import UNSEEN, Steps
from proof.audit.settled import require_same
from proof.audit.windows import Totals
from proof.backfill.later import LaterRollup
from proof.backfill.lines import Lines, lines_without
from proof.backfill.reach import Known, StoredEvents, Unreached
from proof.erased import ErasedRows
from query.definition import lake_definition
from query.reader import LakeReader, LakeSnapshot
from sinks.lake.catalog.backfills import Backfilled, whole_from
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.left import left
from sinks.lake.catalog.staged import StagedFile
from sinks.lake.fault import Fault, no_fault
from sinks.lake.files import write_file
from sinks.lake.leftovers import remove_merged
from sinks.lake.names import merged_file_name, unique_name
from sinks.lake.tables.event_times import Takeover, open_existing
from sinks.lake.upkeep.backfill import add_backfill
from sinks.lake.upkeep.turn import sole_turn

TRIES = 3

SPILL_ROWS = 1_000_000
"""Merged rows of one table that are held in memory; more go into one more file of the same commit."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A rollup by its name. `trust_duplicates`: each has the time of its first, also where the lake cannot tell."""

    rollup: str
    trust_duplicates: bool = False


@dataclass(frozen=True, slots=True)
class Filled:
    """What a backfill did. `marks` are none where nothing was left to fill; `rows` per table of the lake.

    `whole_ms`: the windows that begin then or later are whole (None: all are); `unreached` is why. `missed`: records
    that were late for every rollup of their time, of this backfill and those before it.
    """

    rollup: str
    marks: Sequence[Backfilled]
    rows: Mapping[str, int]
    whole_ms: int | None
    unreached: Sequence[Unreached]
    missed: int
    snapshot: int | None


@dataclass(slots=True)
class _Pieces:
    """What is to be filled, and from when on it makes whole windows."""

    lines: list[Lines] = field(default_factory=list)
    unreached: list[Unreached] = field(default_factory=list)
    from_ms: int | None = None


def backfill(
    reader: LakeReader,
    plan: Plan,
    wanted: Wanted,
    *,
    clock: Callable[[], datetime],
    wait: Callable[[], None],
    steps: Steps = UNSEEN,
    fault: Fault = no_fault,
) -> Filled:
    """Give a rollup the accepted events that the lake read without it, as far back as it still holds all of them.

    One commit with marks of what was filled, so that a second call finds nothing to do; killed before it, nothing is
    done. Works beside a run, whose commits go on; compactions and erasures wait. `steps` count events, once to look at
    them and once to fold them. Raises ConfigError for a pipeline that is not the lake's, or an unknown rollup.
    """
    require_same(reader, plan)
    rollup = wanted.rollup
    chosen = next((each for each in plan.rollups if each.name == rollup), None)
    if chosen is None:
        there = ", ".join(each.name for each in plan.rollups)
        raise ConfigError("ROLLUP", rollup, f"the pipeline has no such rollup; it has {there}")
    if chosen.names_events:
        fix = "it is the evidence of an alert rule over pairs, and holds what the rule has judged; declare a rollup"
        raise ConfigError("ROLLUP", rollup, fix)
    later = LaterRollup(plan, chosen, stored=True)
    how = Takeover(plan.event.event_time.name, fault=fault)
    with closing(open_existing(reader.lake_dir, clock(), how)) as catalog, sole_turn(catalog.folder, wait):
        remove_merged(catalog, fault)
        for _ in range(TRIES):
            snapshot = reader.snapshot()
            missed = sum(mark.missed for mark in snapshot.backfilled.get(rollup, ()))
            events = StoredEvents(snapshot, plan, chosen, _known(reader, snapshot, wanted))
            found = _find(events, snapshot, later, lake_definition(reader).first_rules, steps)
            if not found.lines:
                limits = [
                    limit for limit in (found.from_ms, whole_from(snapshot.backfilled, rollup)) if limit is not None
                ]
                return Filled(rollup, (), {}, max(limits, default=None), found.unreached, missed, None)
            done = _Filling(events, catalog, later, fault).run(found, clock, steps)
            if done is not None:
                return replace(done, missed=missed + done.missed)
    raise LakeError(
        f"a run of the pipeline started {TRIES} times while {rollup} was filled; nothing was added. Wait until it goes "
        "on by itself, then run the same command again"
    )


def _known(reader: LakeReader, snapshot: LakeSnapshot, wanted: Wanted) -> Known:
    connection = reader.resolver.catalog().connection
    begun = connection.execute(
        # a column that was another type before is as old as that
        "SELECT column_name, min(begin_snapshot) FROM ducklake_column WHERE table_id = ?"
        " GROUP BY column_name, column_order HAVING count(*) > count(end_snapshot)",
        (snapshot.tables[EVENTS].id if EVENTS in snapshot.tables else -1,),
    )
    gone = left(connection).get(EVENTS)
    return Known(ErasedRows.of(connection), gone, dict(begun.fetchall()), wanted.trust_duplicates)


def _find(events: StoredEvents, snapshot: LakeSnapshot, later: LaterRollup, first: Rules, steps: Steps) -> _Pieces:
    name = later.plan.name
    every = lines_without(snapshot, name, snapshot.backfilled.get(name, ()), first)
    steps.expect(2 * sum(int(lines.accepted.sum()) for lines in every))
    pieces = _Pieces()
    for lines in every:
        reached, lost = events.reach(lines, steps)
        if len(reached):
            pieces.lines.append(reached)
        if lost is not None:
            pieces.unreached.append(lost)
    newest = max((lost.newest_ms for lost in pieces.unreached), default=None)
    if newest is not None:
        pieces.from_ms = later.first_whole_ms(newest)
    return pieces


class _Filling:
    """One try: rows are folded and staged, then committed."""

    def __init__(self, events: StoredEvents, catalog: Catalog, later: LaterRollup, fault: Fault) -> None:
        self._later = later
        self._events = events
        self._catalog = catalog
        self._layouts = catalog.tables()
        self._fault = fault
        self._totals = {name: Totals(spec) for name, spec in self._later.specs.items()}
        self._late: list[pa.RecordBatch] = []
        self._files: list[StagedFile] = []

    def run(self, found: _Pieces, clock: Callable[[], datetime], steps: Steps) -> Filled | None:
        counts = [self._fold(run, found.from_ms, steps) for lines in found.lines for run in lines.runs()]
        whole_ms = self._write_merged(found.from_ms)
        self._write_late()

        def marks(snapshot: int) -> list[Backfilled]:
            return [mark._replace(from_ms=found.from_ms, whole_ms=whole_ms, snapshot=snapshot) for mark in counts]

        name = self._later.plan.name
        snapshot = add_backfill(self._catalog, name, self._files, marks, clock=clock, fault=self._fault)
        if snapshot is None:
            return None
        rows: dict[str, int] = {}
        for file in self._files:
            rows[file.table] = rows.get(file.table, 0) + file.rows
        missed = sum(mark.missed for mark in counts)
        return Filled(name, marks(snapshot), rows, whole_ms, found.unreached, missed, snapshot)

    def _fold(self, run: Lines, from_ms: int | None, steps: Steps) -> Backfilled:
        """Fold neighbouring pieces; returns their mark."""
        filtered = counted = late = 0
        for lines in run.chunks():
            batch = self._events.rows(lines)
            place = (lines.partition, lines.topic, int(lines.start[0]), int(lines.end[-1]))
            parcel = self._later.parcel(*place, batch)
            count = parcel.range.rollups[self._later.plan.name]
            filtered, counted, late = filtered + count.filtered, counted + count.counted, late + count.late
            for name, rows in parcel.tables.items():
                if name in self._totals:
                    self._totals[name].add(rows)
                elif name == LATE_EVENTS:
                    self._late.append(rows)
            self._spill(from_ms)
            steps.done(batch.num_rows)
        missed, lateness_ms = int(np.sum(run.late)), min(self._later.plan.allowed_lateness_ms, 2**63 - 1)
        edges = (int(run.start[0]), int(run.end[-1]))
        return Backfilled(run.partition, *edges, None, None, filtered, counted, late, missed, -1, lateness_ms)

    def _spill(self, from_ms: int | None) -> None:
        # of sessions it is not known before the end which are whole
        if sum(rows.num_rows for rows in self._late) > SPILL_ROWS:
            self._write_late()
        may = from_ms is None or not self._later.plan.merges_windows
        if may and any(totals.rows > SPILL_ROWS for totals in self._totals.values()):
            self._write_merged(from_ms)
            self._totals = {name: Totals(spec) for name, spec in self._later.specs.items()}

    def _write_merged(self, from_ms: int | None) -> int | None:
        """Stage what was folded of whole windows; returns from when on they are."""
        merged = {name: totals.table() for name, totals in self._totals.items()}
        for name, table in self._later.whole(merged, from_ms).items():
            if table.num_rows:
                self._write(name, table)
        return self._later.whole_from_ms(merged, from_ms)

    def _write_late(self) -> None:
        if self._late:
            self._write(LATE_EVENTS, pa.Table.from_batches(self._late))
            self._late = []

    def _write(self, name: str, table: pa.Table) -> None:
        file = merged_file_name(unique_name())
        self._files.append(write_file(self._catalog.folder, self._layouts[name], table, file, fault=self._fault))
