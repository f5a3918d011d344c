"""The audit: the source read again, and every row, range, window and file of the lake compared with it."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from dataflow.enrich.joins import Joins
from dataflow.errors import ConfigError
from dataflow.fold.fold import Fold
from dataflow.messages import Judged, Parcel
from dataflow.pipeline.names import EVENTS, LEDGER
from dataflow.pipeline.plan import Plan
from dataflow.pipeline.tables import TableSpec, tables_of
from dataflow.rules import Joined, Rules
from dataflow.sources.source import Source
from dataflow.steps import UNSEEN, Steps
from dataflow.windows.kinds import has_one_window
from proof.audit.alerts import check_alerts
from proof.audit.backfilled import LaterRollups
from proof.audit.chunk import Chunk
from proof.audit.files import check_files
from proof.audit.ledger import CLASSES, Segment, check_ledger, check_published, ledger_differences
from proof.audit.report import Finding, Report, Unproven
from proof.audit.rows import CHUNK_RECORDS, Excused, RowTables, first_offsets
from proof.audit.selection import Selection
from proof.audit.settled import Facts, require_same, settled
from proof.audit.source import Means, Place, Rereading, find_place
from proof.audit.windows import (
    MANY,
    NAMED,
    NARROWED,
    Narrowing,
    Totals,
    WindowDifference,
    differences,
    ended_after,
    lake_totals,
)
from proof.erased import side_tables
from proof.ledger import LedgerLine, read_ledger
from proof.left import what_left
from query.definition import lake_definition
from query.reader import LakeReader, LakeSnapshot
from sinks.lake.dimensions import KeptDimensions
from sinks.lake.ledger import merge_ranges
from sinks.lake.names import dimension_path


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where the lake's records came from; without a `source`, `unread` says why."""

    source: Source | None
    wait: Callable[[], None]
    unread: str
    steps: Steps


def audit(
    reader: LakeReader,
    plan: Plan,
    source: Source | None,
    *,
    wait: Callable[[], None],
    selection: Selection | None = None,
    unread: str = "",
    steps: Steps = UNSEEN,
) -> Report:
    """Audit the newest snapshot of the lake against its source.

    `source` None audits the lake by itself, and `unread` says why. `wait` pauses for a few ms, while the source has
    nothing yet; each offset that is read is one of `steps`. A selection of a part reads each source partition from its
    beginning all the same, because what is late or a duplicate depends on it; the ranges that it touches are compared
    whole.
    Raises ConfigError if `plan` is not the lake's, or nothing is selected.
    """
    selection = selection or Selection()
    snapshot, catalog = settled(reader)
    require_same(reader, plan)
    return _Audit(reader, plan, _Origin(source, wait, unread, steps), snapshot, catalog, selection).run()


class _Audit:
    def __init__(
        self,
        reader: LakeReader,
        plan: Plan,
        origin: _Origin,
        snapshot: LakeSnapshot,
        catalog: Facts,
        selection: Selection,
    ) -> None:
        self._reader = reader
        self._plan = plan
        self._source = origin.source
        self._catalog = catalog
        self._selection = selection
        self._wait = origin.wait
        self._unread = origin.unread
        self._steps = origin.steps
        self._report = Report(snapshot.id)
        self._snapshot, self._damaged = check_files(snapshot, catalog.digests, self._report)
        self._specs: dict[str, TableSpec] = {spec.name: spec for spec in tables_of(plan, events=True)}
        self._folds: dict[frozenset[str], Fold] = {}
        self._kept = KeptDimensions(reader.lake_dir)
        self._joins = Joins(plan, self._kept)
        self._is_unjoined = False
        self._lost: dict[Rules | None, list[Joined]] = {}
        self._totals = {
            name: Totals(spec) for name, spec in self._specs.items() if spec.keys and name in snapshot.tables
        }
        self._later = LaterRollups(plan, snapshot.backfilled, self._joins)
        self._erased = catalog.erased
        excused = Excused(self._erased, catalog.gone)
        self._rows = RowTables(self._snapshot, plan, self._specs, self._report, excused, pruned=not self._damaged)
        self._gone = {
            table: (rollup.name, catalog.gone[rollup.name])
            for rollup in plan.rollups
            if rollup.name in catalog.gone
            for table in (rollup.delta_table, *(rollup.distinct_table(agg.name) for agg in rollup.aggregates))
        }

    def run(self) -> Report:
        report = self._report
        first = lake_definition(self._reader).first_rules
        lines = read_ledger(self._snapshot, first=first)
        starts = first_offsets(self._snapshot)
        if self._source is not None:
            # a file is read from its first record on, a topic from wherever the first run was told to
            files = [name for name in self._source.partitions() if self._source.topic_of(name) is None]
            starts |= {name: 0 for name in files if name in lines or name in self._catalog.offsets}
        segments = check_ledger(lines, self._catalog.offsets, starts, report)
        check_published(self._catalog.published, lines, report)
        chosen = {name: [each for each in parts if self._selection.takes(each)] for name, parts in segments.items()}
        chosen = {name: parts for name, parts in chosen.items() if parts}
        if not chosen and not self._selection.is_everything:
            raise ConfigError("selection", "audit", "nothing of the ledger lies in it; see `tidemill query` on ledger")
        report.lost += [each.range for parts in chosen.values() for each in parts if each.lost]
        places: dict[str, Place] = {}
        with tempfile.TemporaryDirectory(prefix="tidemill-audit-") as folder:
            for number, (name, parts) in enumerate(chosen.items()):
                place = self._place(segments[name])
                places[name] = place
                self._partition(segments[name], parts, place, Path(folder) / str(number))
            if self._selection.is_everything:
                self._rows.check_outside([each.range for parts in segments.values() for each in parts])
                check_alerts(self._snapshot, self._plan, self._catalog, lines, report)
            self._windows(lines, segments, places, Path(folder) / "again")
        self._rows.tell_left()
        left_windows = dict(each for table, each in self._gone.items() if table in self._totals)
        report.unproven += [Unproven(*what_left(name, gone)) for name, gone in left_windows.items()]
        if EVENTS not in self._snapshot.tables:
            report.unproven.append(Unproven("accepted rows", "the lake keeps no table `events`"))
        return report

    def _place(self, segments: Sequence[Segment]) -> Place:
        if self._source is None:
            return Place(len(segments), self._unread)
        place = find_place(self._source, self._plan, self._snapshot, segments, self._catalog.gone.get(EVENTS))
        if place.from_lake and self._erased.offsets(EVENTS, segments[0].partition).size:
            return Place(len(segments), f"{place.why}, and ids to remember there went with rows that were erased")
        foreign = next((each for each in segments if self._is_foreign(each)), None)
        if foreign is not None:
            why = f"{foreign.range} was filled with a rollup that the pipeline no longer has"
            return Place(len(segments), why, "put it back into the pipeline file and run it once, then audit")
        lacking = next(((each, joined) for each in segments for joined in self._lacking(each)), None)
        if lacking is not None and lacking[1].unknown == "dead_letter":
            # by it, records became no events: what comes after cannot be judged either
            return Place(len(segments), *self._without_copy(*lacking))
        return place

    def _without_copy(self, segment: Segment, joined: Joined) -> tuple[str, str]:
        """Why a segment cannot be proven, and the fix."""
        path = dimension_path(self._reader.lake_dir, joined.sha256)
        return (
            f"{segment.range} was read with dimension {joined.name} by the file of SHA-256 {joined.sha256}, and the "
            f"lake keeps no copy of it as {path}",
            "put that file back there, then audit",
        )

    def _lacking(self, segment: Segment) -> list[Joined]:
        rules = None if segment.line is None or segment.end == segment.start else segment.line.entry.rules
        if rules not in self._lost:
            self._lost[rules] = self._kept.lacking(rules, self._plan)
        return self._lost[rules]

    def _is_foreign(self, segment: Segment) -> bool:
        names = {rollup.name for rollup in self._plan.rollups}
        return segment.line is not None and not segment.line.entry.rollups.keys() <= names

    def _partition(self, segments: Sequence[Segment], chosen: Sequence[Segment], place: Place, folder: Path) -> None:
        report, name = self._report, segments[0].partition
        lacking = [each for each in chosen if self._lacking(each)]
        unjoined = set(map(id, lacking))
        wanted = set(map(id, chosen)) - unjoined
        unjudged = [each for at, each in enumerate(segments) if id(each) in (wanted if at < place.first else ())]
        unjudged = sorted([*unjudged, *lacking], key=lambda each: (each.start, each.end))
        if place.why:
            start, end = segments[0].start, segments[max(place.first - 1, 0)].end
            report.unproven.append(Unproven(f"{name} [{start}, {end}) against its source", place.why, place.fix))
        self._rows.count(unjudged)
        report.partitions[name] = _counts(chosen)
        report.records += report.partitions[name]["read"]
        if self._source is None or place.first == len(segments):
            return
        self._tell_lacking(lacking)
        last = max((at for at, each in enumerate(segments) if id(each) in wanted), default=-1)
        needed = segments[: last + 1]
        if place.first > last:
            return
        reading = self._rereading(needed, place, folder)
        chunk = Chunk()
        for segment, judged in reading:
            if id(segment) not in wanted:
                # what is compared together has no hole
                if chunk.segments:
                    self._compare(chunk)
                    chunk = Chunk()
                continue
            if chunk.records >= CHUNK_RECORDS and segment is not chunk.segments[-1]:
                self._compare(chunk)
                chunk = Chunk()
            parcel = self._fold(segment).fold(judged)
            chunk.add(segment, parcel.range, parcel.tables)
            report.compared += parcel.range.read
            self._add_up(parcel)
            for rollup, mark, (_, _, _, filled) in self._later.pieces(segment, judged, parcel):
                chunk.add_rows(filled.tables)
                self._later.add(rollup, mark, filled, parcel.range.late)
        if chunk.segments:
            self._compare(chunk)
        if reading.ended_at is not None:
            report.add(
                Finding(
                    "gap",
                    "source",
                    f"the source ends at offset {reading.ended_at}, the lake has read on to {needed[-1].end}",
                    (replace(needed[-1].range, start=reading.ended_at),),
                )
            )

    def _tell_lacking(self, lacking: Sequence[Segment]) -> None:
        """Say of which ranges rows cannot be joined again, once for each file."""
        by_file: dict[Joined, list[Segment]] = {}
        for segment in lacking:
            for joined in self._lacking(segment):
                by_file.setdefault(joined, []).append(segment)
        for joined, segments in by_file.items():
            why, fix = self._without_copy(segments[0], joined)
            what = f"{segments[0].partition} [{segments[0].start}, {segments[-1].end})"
            self._report.unproven.append(Unproven(f"{what} against its source, where it was joined so", why, fix))
        self._is_unjoined = self._is_unjoined or bool(lacking)

    def _add_up(self, parcel: Parcel) -> None:
        if self._erased and EVENTS in parcel.tables:
            self._erased.note(parcel.range.partition, pa.Table.from_batches([parcel.tables[EVENTS]]))
        for table, totals in self._totals.items():
            if table in parcel.tables:
                totals.add(parcel.tables[table])

    def _rereading(self, segments: Sequence[Segment], place: Place, folder: Path) -> Rereading:
        assert self._source is not None
        means = Means(self._source, self._joins, self._snapshot, self._wait, self._steps)
        return Rereading(means, segments, place, folder)

    def _compare(self, chunk: Chunk) -> None:
        self._rows.compare(chunk.segments, chunk.tables)
        for segment in chunk.segments:
            if segment.line is None:
                continue
            (again,) = merge_ranges(chunk.ranges[id(segment)])
            changed = ledger_differences(segment.line, again)
            if changed:
                self._report.add(Finding("ledger", LEDGER, "; ".join(changed), (segment.range,)))

    def _windows(
        self,
        lines: Mapping[str, Sequence[LedgerLine]],
        segments: Mapping[str, list[Segment]],
        places: Mapping[str, Place],
        folder: Path,
    ) -> None:
        report = self._report
        if not self._totals:
            return
        why = ""
        if not self._selection.is_everything:
            why = "they are sums over all offsets of all source partitions: audit the whole lake for them"
        elif self._is_unjoined:
            why = "some offsets could not be joined again, and windows are sums over all of them"
        elif any(place.why for place in places.values()):
            why = "some offsets could not be read again, and windows are sums over all of them"
        if why:
            report.unproven.append(Unproven("windows (" + ", ".join(self._totals) + ")", why))
            if self._selection.is_everything:
                self._count_windows(lines)
            return
        self._later.into(self._totals)
        self._later.check(report)
        found = self._differing()
        narrowed: list[WindowDifference] = []
        for name in self._totals:
            narrowed += [each for each in found if each.spec.name == name][:NARROWED]
        if len(found) <= MANY and narrowed:
            narrowing = Narrowing(self._snapshot, narrowed)
            for segment, _, _, tables in self._again(segments, places, folder / "commits"):
                narrowing.add(segment, tables)
            narrowing.find_commits()
            for piece in self._again(segments, places, folder / "offsets"):
                narrowing.find_offsets(*piece)
            narrowing.finish(lines)
        for each in found:
            report.add(each.finding())

    def _differing(self) -> list[WindowDifference]:
        """The windows that differ, of those that have not left."""
        report, sides = self._report, side_tables(self._plan)
        found: list[WindowDifference] = []
        for name, totals in self._totals.items():
            spec = self._specs[name]
            held, wanted = lake_totals(self._snapshot, spec).table(), totals.table()
            if name in self._gone:
                before_ms = self._gone[name][1].before_ms
                held, wanted = ended_after(held, before_ms), ended_after(wanted, before_ms)
            report.tables[name] = held.num_rows
            if name in self._erased.side_rows and name in sides:
                if EVENTS not in self._snapshot.tables:
                    why = "rows of it were erased, and without table events it is not known which"
                    report.unproven.append(Unproven(f"windows ({name})", why))
                    continue
                kept = self._erased.without(name, sides[name], wanted, held)
                report.erased[name] += wanted.num_rows - kept.num_rows
                wanted = kept
            found += differences(spec, wanted, held)[:NAMED]
        return found

    def _again(
        self, segments: Mapping[str, list[Segment]], places: Mapping[str, Place], folder: Path
    ) -> Iterator[tuple[Segment, Judged, Fold, Mapping[str, pa.RecordBatch]]]:
        """Every piece of every source partition once more, folded."""
        assert self._source is not None
        for number, (partition, parts) in enumerate(segments.items()):
            if parts:
                place, ids = places[partition], folder / str(number)
                for segment, judged in self._rereading(parts, place, ids):
                    fold = self._fold(segment)
                    parcel = fold.fold(judged)
                    yield segment, judged, fold, parcel.tables
                    for _, _, (moved, again, later, filled) in self._later.pieces(segment, judged, parcel):
                        yield moved, again, later, filled.tables

    def _count_windows(self, lines: Mapping[str, Sequence[LedgerLine]]) -> None:
        """Rows and late rows in the windows against the ledger, where each row counts in one window."""
        counts = [line.entry.rollups for each in lines.values() for line in each]
        for rollup in self._plan.rollups:
            not_all = rollup.delta_table in self._gone or rollup.name in self._later.limits
            if not_all or not has_one_window(rollup.window) or rollup.delta_table not in self._totals:
                continue
            row = self._snapshot.query(
                f"SELECT coalesce(sum(row_count), 0)::BIGINT AS counted, coalesce(sum(late_count), 0)::BIGINT AS late"
                f" FROM {rollup.delta_table}"
            ).to_pylist()[0]
            filled = self._later.counts(rollup.name)
            for what, found in row.items():
                wanted = filled[what] + sum(getattr(each[rollup.name], what) for each in counts if rollup.name in each)
                if found != wanted:
                    detail = f"its windows hold {found} {what} rows, the ledger says {wanted}"
                    self._report.add(Finding("count", rollup.delta_table, detail))

    def _fold(self, segment: Segment) -> Fold:
        """The fold of the rollups that the pipeline had when the range was committed."""
        names = frozenset(rollup.name for rollup in self._plan.rollups)
        if segment.line is not None:
            names = frozenset(segment.line.entry.rollups) & names
        if names not in self._folds:
            rollups = tuple(rollup for rollup in self._plan.rollups if rollup.name in names)
            events = EVENTS in self._snapshot.tables
            self._folds[names] = Fold(replace(self._plan, rollups=rollups), events=events, joins=self._joins)
        return self._folds[names]


def _counts(chosen: Sequence[Segment]) -> dict[str, int]:
    """What the ledger says of these segments of one source partition."""
    entries = [each.line.entry for each in chosen if each.line is not None]
    sums = {what: sum(getattr(entry, what) for entry in entries) for what in CLASSES}
    return {"start": chosen[0].start, "end": chosen[-1].end, "ranges": len(chosen)} | sums
