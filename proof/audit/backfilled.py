"""The audit of what a rollup got later: the same rows, from the source, folded by the same rule, against its marks."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from dataflow.enrich.joins import Joins
from dataflow.fold.fold import Fold
from dataflow.messages import Judged, Parcel
from dataflow.pipeline.names import EVENTS
from dataflow.pipeline.plan import Plan
from proof.audit.ledger import Segment
from proof.audit.report import Finding, OffsetRange, Report
from proof.audit.windows import Totals
from proof.backfill.later import LaterRollup
from sinks.lake.catalog.backfills import Backfilled, covers

Piece = tuple[Segment, Judged, Fold, Parcel]
_COUNTS = ("filtered", "counted", "late", "missed")


class LaterRollups:
    """The rollups of a plan with marks of a backfill; `limits`: those of which windows from a time on were filled."""

    def __init__(self, plan: Plan, marks: Mapping[str, Sequence[Backfilled]], joins: Joins | None = None) -> None:
        """`joins`: with what rows are joined; the plan's own dimensions where left out."""
        self._marks = {rollup.name: marks[rollup.name] for rollup in plan.rollups if rollup.name in marks}
        self._later = {
            rollup.name: LaterRollup(plan, rollup, stored=False, joins=joins)
            for rollup in plan.rollups
            if rollup.name in self._marks
        }
        self._totals: dict[tuple[str, int | None], dict[str, Totals]] = {}
        self._counts: dict[tuple[str, Backfilled], Counter[str]] = {}
        self.limits = {name for name, each in self._marks.items() if any(mark.from_ms is not None for mark in each)}

    def pieces(self, segment: Segment, judged: Judged, parcel: Parcel) -> Iterator[tuple[str, Backfilled, Piece]]:
        """For each rollup that got the segment later: its mark, and the accepted rows of a piece, folded for it alone.

        `parcel`: the piece as the pipeline of its time folded it. The piece's commit is the backfill's own.
        """
        if segment.line is None:
            return
        for name, marks in self._marks.items():
            mark = covers(marks, segment.partition, segment.start, segment.end)
            if mark is None or segment.end == segment.start or name in segment.line.entry.rollups:
                continue
            later = self._later[name]
            place = (judged.partition, judged.topic, judged.start, judged.end)
            joined = None if judged.rules is None else judged.rules.dimensions
            again = later.judged(*place, _accepted(judged, parcel), mark.lateness_ms, joined)
            moved = replace(segment, line=replace(segment.line, snapshot=mark.snapshot))
            yield name, mark, (moved, again, later.fold, later.fold.fold(again))

    def add(self, name: str, mark: Backfilled, parcel: Parcel, missed: int) -> None:
        """Take one piece; `missed` of its records were late for all rollups of their time."""
        totals = self._totals.setdefault(
            (name, mark.from_ms), {table: Totals(spec) for table, spec in self._later[name].specs.items()}
        )
        for table, rows in parcel.tables.items():
            if table in totals:
                totals[table].add(rows)
        count = parcel.range.rollups[name]
        sums = self._counts.setdefault((name, mark), Counter())
        sums.update(filtered=count.filtered, counted=count.counted, late=count.late, missed=missed)

    def into(self, totals: Mapping[str, Totals]) -> None:
        """Add what was filled to the sums of each table."""
        for (name, from_ms), each in self._totals.items():
            merged = {table: sums.table() for table, sums in each.items()}
            for table, rows in self._later[name].whole(merged, from_ms).items():
                if table in totals:
                    totals[table].add(rows)

    def check(self, report: Report) -> None:
        """Compare the counts of the marks with what the source gives; all of them were read again."""
        for name, marks in self._marks.items():
            for mark in marks:
                found = self._counts.get((name, mark), Counter())
                wrong = [
                    f"{what} is {getattr(mark, what)}, the source gives {found[what]}"
                    for what in _COUNTS
                    if getattr(mark, what) != found[what]
                ]
                if wrong:
                    where = (OffsetRange(mark.partition, mark.start, mark.end),)
                    report.add(Finding("ledger", f"backfill of {name}", "; ".join(wrong), where))

    def counts(self, name: str) -> dict[str, int]:
        """What the marks of a rollup say that its windows hold."""
        marks = self._marks.get(name, ())
        return {what: sum(getattr(mark, what) for mark in marks) for what in ("counted", "late")}


def _accepted(judged: Judged, parcel: Parcel) -> pa.RecordBatch:
    """The judged rows that are no late ones."""
    assert judged.rows is not None or EVENTS not in parcel.tables
    rows = judged.rows if judged.rows is not None else pa.RecordBatch.from_pylist([])
    if EVENTS not in parcel.tables:
        return rows.slice(0, 0)
    there = parcel.tables[EVENTS].column("offset").to_numpy()
    return rows.filter(pa.array(np.isin(rows.column("offset").to_numpy(), there)))
