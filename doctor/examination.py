"""The examination of a pipeline, its source, its lake and its recovery folder: findings, never an exception."""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from dataflow.errors import LakeError, LakeMissing, RecoveryError, TidemillError
from dataflow.pipeline.load import load
from dataflow.pipeline.names import LEDGER
from dataflow.pipeline.pair_plan import PairPlan
from dataflow.pipeline.plan import Plan
from doctor.alert_state import alert_state_finding, held_by_run
from doctor.clocks import lake_clock_finding
from doctor.compaction import compaction_finding
from doctor.coverage import coverage, coverage_finding
from doctor.deliveries import CHECK as EMIT
from doctor.deliveries import delivery_finding
from doctor.dimensions import CHECK as DIMENSIONS
from doctor.dimensions import dimensions_finding
from doctor.disk import Room, disk_finding
from doctor.endpoint import CHECK as METRICS
from doctor.endpoint import address_of, endpoint_finding
from doctor.erasures import erasure_finding
from doctor.finding import Finding, error, ok, warning
from doctor.future_events import FutureEvent, future_event
from doctor.lake_files import file_findings
from doctor.lake_format import CHECK as FORMAT
from doctor.lake_format import format_finding
from doctor.lost_offsets import CHECK as LOST
from doctor.lost_offsets import lost_finding
from doctor.lost_records import CHECK as RECORDS
from doctor.lost_records import records_finding
from doctor.pair_state import pair_state_finding
from doctor.partition_states import partition_states
from doctor.recovery_state import agreement_finding, dedup_finding, run_finding, states_finding, store_finding
from doctor.retention import retention_finding
from doctor.rules import CHECK as RULES
from doctor.rules import rules_finding
from doctor.source_state import Reading, source_findings
from doctor.windows_open import future_finding, watermark_finding, window_finding
from query.definition import lake_definition
from query.lost import lost_sql
from query.moment import EPOCH, to_ms
from query.reader import LakeReader, LakeSnapshot
from runtime.compaction_mark import CompactionMark
from runtime.delivery_mark import DeliveryMark
from runtime.recovery_folder import RecoveryFolder
from runtime.same_source import Kept, kept_by
from runtime.settings import Settings
from sinks.lake.catalog.types import time_of
from sinks.lake.tables.changes import differences
from sinks.lake.tables.definition import Definition, definition_of, require_compatible
from sinks.lake.tables.finality import frontier_ms

_LOOK = "this check could not be made; mend what the message names, then ask again"


def diagnose(
    settings: Settings, clock: Callable[[], datetime], *, statvfs: Callable[[Path], Room] = os.statvfs
) -> list[Finding]:
    """Every check, in order: pipeline, source, watermarks and windows, recovery, lake, disks, clocks.

    Changes nothing, runs beside a pipeline. What cannot be examined becomes a finding of severity error.
    """
    return list(_Examination(settings, clock, statvfs).findings())


@dataclass(frozen=True, slots=True)
class _Own:
    """Our own rows of the catalog."""

    name: str
    fingerprint: str
    definition: Definition
    lineage: str | None
    offsets: dict[str, int]
    topics: dict[str, str | None]
    newest: datetime


class _Examination:
    def __init__(self, settings: Settings, clock: Callable[[], datetime], statvfs: Callable[[Path], Room]) -> None:
        self.settings = settings
        self.clock = clock
        self.now = clock()
        self.statvfs = statvfs
        self.recovery = RecoveryFolder(settings.recovery)
        self.plan: Plan | None = None
        self.own: _Own | None = None
        self.last_commit: datetime | None = None
        self.per_minute: dict[str, int] = {}

    def findings(self) -> Iterator[Finding]:
        yield from _guarded("pipeline", self._pipeline)
        with LakeReader(self.settings.lake) as reader:
            snapshot: LakeSnapshot | None = None
            try:
                snapshot = reader.snapshot()
                # after it, or a commit in between would look like one from the future
                self.now = self.clock()
                self.own = _own(reader)
                yield ok("lake", f"{reader.lake_dir} at snapshot {snapshot.id}", snapshot=snapshot.id)
            except LakeMissing as missing:
                yield warning("lake", str(missing), "tidemill run makes it; --lake names another folder")
            except Exception as problem:
                yield _broken("lake", problem)
            if snapshot is not None and self.own is not None:
                yield from self._lake(reader, snapshot, self.own)
            else:
                yield from _guarded("source", self._source)
                yield from _guarded("recovery", self._recovery)
        for name, folder in (("lake", self.settings.lake), ("recovery", self.settings.recovery)):
            yield from _guarded(f"disk.{name}", partial(_one, disk_finding, name, folder, self.statvfs))

    def _lake(self, reader: LakeReader, snapshot: LakeSnapshot, own: _Own) -> Iterator[Finding]:
        yield from _guarded(FORMAT, lambda: [format_finding(reader.resolver.catalog().connection)])
        yield from _guarded("pipeline.definition", lambda: self._definition(own))
        # before anything that looks at data files, so that a missing one hides nothing
        yield from _guarded("ledger", lambda: self._pace(snapshot))
        yield from _guarded("run", lambda: [run_finding(self.recovery, self.last_commit, self.now)])
        running = self.recovery.holder() is not None
        yield from _guarded(METRICS, lambda: [endpoint_finding(self.settings, running=running)])
        yield from _guarded("source", self._source)
        yield from _guarded(LOST, lambda: [lost_finding(snapshot)])
        yield from _guarded(RECORDS, lambda: [self._records(snapshot, own)])
        yield from _guarded("watermark", lambda: self._windows(reader, snapshot))
        yield from _guarded("recovery", self._recovery)
        yield from _guarded("files", lambda: file_findings(reader, snapshot, self.now, running=running))
        yield from _guarded(DIMENSIONS, lambda: [dimensions_finding(snapshot, reader.lake_dir, self.plan)])
        yield from _guarded("erasures", lambda: [erasure_finding(reader.resolver.catalog().connection)])
        yield from _guarded("compaction", lambda: [self._compaction(reader, own)])
        yield from _guarded(EMIT, lambda: self._emits(reader, running=running))
        yield from _guarded("retention", lambda: [retention_finding(reader, own.definition)])
        newest = max(own.newest, self.last_commit or own.newest)
        yield from _guarded("clock.lake", lambda: [lake_clock_finding(newest, self.now)])

    def _pipeline(self) -> Iterator[Finding]:
        try:
            self.plan = load(self.settings.pipeline)
        except TidemillError as problem:
            yield error("pipeline", str(problem), "correct the file; tidemill check shows the same")
            return
        yield ok("pipeline", f"{self.settings.pipeline}: pipeline {self.plan.name} is correct", name=self.plan.name)

    def _definition(self, own: _Own) -> Iterator[Finding]:
        check, plan = "pipeline.definition", self.plan
        if plan is None:
            return
        if own.name != plan.name:
            yield error(
                check,
                f"the lake was filled by pipeline {own.name!r}, the file defines {plan.name!r}",
                "name that pipeline's file with --pipeline, or another --lake",
            )
        elif own.fingerprint == plan.fingerprint:
            yield ok(check, "the file is what filled the lake", fingerprint=plan.fingerprint)
        else:
            yield _difference(check, own, plan, str(self.settings.lake))

    def _pace(self, snapshot: LakeSnapshot) -> Iterator[Finding]:
        row = snapshot.query(f"SELECT epoch_us(max(committed_at)) AS last FROM {LEDGER}").to_pylist()[0]
        if row["last"] is not None:
            self.last_commit = EPOCH + timedelta(microseconds=row["last"])
        rows = snapshot.query(
            f'SELECT "partition" AS name, sum(end_offset - start_offset - {lost_sql(snapshot)})::BIGINT AS n'
            f" FROM {LEDGER} WHERE epoch_us(committed_at) > ? GROUP BY ALL",
            parameters=[(to_ms(self.now) - 60_000) * 1000],
        )
        self.per_minute = {each["name"]: each["n"] for each in rows.to_pylist()}
        yield from ()

    def _source(self) -> Iterator[Finding]:
        offsets = {} if self.own is None else self.own.offsets
        reading = Reading(offsets, self._kept(), self.per_minute, self.recovery.holder() is not None, self.last_commit)
        yield from source_findings(self.settings, self.plan, reading, self.clock)

    def _windows(self, reader: LakeReader, snapshot: LakeSnapshot) -> Iterator[Finding]:
        facts: Definition = lake_definition(reader)
        states = partition_states(snapshot, facts, self.now)
        column = None if self.plan is None else self.plan.event.event_time.name
        yield watermark_finding(states, self.now)
        future: dict[str, FutureEvent] = {}
        for state in states:
            event = future_event(snapshot, state, column)
            if event is not None:
                future[state.name] = event
                yield future_finding(event, facts)
        for rollup in facts.rollups:
            explain = partial(_one, window_finding, snapshot, facts, rollup, states, future)
            yield from _guarded(f"windows.{rollup.name}", explain)
        yield from self._alerts(snapshot, facts, frontier_ms(states))
        yield from _guarded(RULES, lambda: [rules_finding(snapshot, facts)])
        yield from _guarded("rollups", lambda: [coverage_finding([coverage(snapshot, name) for name in facts.by_name])])

    def _alerts(self, snapshot: LakeSnapshot, facts: Definition, reached_ms: int) -> Iterator[Finding]:
        """Of the rules of now that hold rows; those that were taken out hold nothing."""
        known = () if self.plan is None else self.plan.alerts
        pairs = {rule.name: rule for rule in known if isinstance(rule, PairPlan)}
        back_ms = {rule.name: rule.back_ms for rule in known if rule.holds_rows}
        back_ms |= {name: rule.held_ms for name, rule in pairs.items()}
        rules = [rule for rule in facts.alerts if rule.rollup in facts.by_name]
        rules = [rule for rule in rules if self.plan is None or rule.name in back_ms]
        answers = rules and self.settings.metrics_port and self.recovery.holder() is not None
        held = held_by_run(address_of(self.settings)) if answers else {}
        for rule in rules:
            from_ms = reached_ms - back_ms.get(rule.name, 0)
            if rule.name in pairs:
                look = partial(_one, pair_state_finding, snapshot, pairs[rule.name], from_ms)
            else:
                look = partial(_one, alert_state_finding, snapshot, rule, facts.by_name[rule.rollup], from_ms)
            yield from _guarded(f"alerts.{rule.name}", partial(look, held.get(rule.name)))

    def _records(self, snapshot: LakeSnapshot, own: _Own) -> Finding:
        schema = None if self.plan is None else self.plan.event
        return records_finding(snapshot, schema, own.definition.out_of_orderness_ms)

    def _compaction(self, reader: LakeReader, own: _Own) -> Finding:
        trouble = CompactionMark(self.settings.recovery).read()
        since, every = self.recovery.held_since(), self.settings.compact_every
        return compaction_finding(reader, own.definition, trouble, self.now, run_since=since, every=every)

    def _emits(self, reader: LakeReader, *, running: bool) -> Iterator[Finding]:
        ways = () if self.plan is None else self.plan.emits
        if ways:
            trouble = DeliveryMark(self.settings.recovery).read()
            yield delivery_finding(reader.resolver.catalog().connection, ways, trouble, running=running)

    def _recovery(self) -> Iterator[Finding]:
        own, offsets = self.own, {} if self.own is None else self.own.offsets
        yield agreement_finding(
            self.recovery, None if own is None else own.lineage, len(offsets), Path(self.settings.lake)
        )
        yield from filter(None, [store_finding(self.recovery), states_finding(self._kept())])
        expected = self.plan is not None and self.plan.dedup_column is not None
        yield from filter(None, [dedup_finding(self.recovery, list(offsets), expected)])

    def _kept(self) -> Kept:
        topics = {} if self.own is None else self.own.topics
        try:
            return kept_by(self.settings.lake, topics, self.recovery)
        except RecoveryError:  # a finding of its own
            return Kept(self.settings.lake, self.settings.recovery, topics, None)


def _difference(check: str, own: _Own, plan: Plan, lake: str) -> Finding:
    new = definition_of(plan)
    try:
        require_compatible(own.definition, new, lake)
    except LakeError as problem:
        lines = str(problem).splitlines()
        changes = [line.strip().removeprefix("- ") for line in lines[1:-1]]
        return error(
            check, f"the lake was filled by another definition: {'; '.join(changes)}", lines[-1], changes=changes
        )
    columns = dict(own.definition.columns)
    added = [f"rollup {name}" for name in new.by_name if name not in own.definition.by_name]
    added += [f"column {name}" for name, _ in new.columns if name not in columns]
    parts = [f"adds {', '.join(added)}"] if added else []
    parts += [f"takes {what} from {was} to {now}" for what, was, now in differences(own.definition.rules, plan.rules)]
    what = ", ".join(parts) or "has other rules for records, dimensions or times"
    return warning(
        check,
        f"the file differs from what filled the lake last: it {what}",
        "start the pipeline anew: from then on it goes by the file; what is in the tables stays",
        added=added,
    )


def _own(reader: LakeReader) -> _Own:
    facts = lake_definition(reader)
    connection = reader.resolver.catalog().connection
    row = connection.execute("SELECT fingerprint, lineage FROM own_pipeline WHERE name = ?", (facts.name,)).fetchone()
    rows = connection.execute('SELECT "partition", next, topic FROM own_offset').fetchall()
    offsets, topics = {name: place for name, place, _ in rows}, {name: topic for name, _, topic in rows}
    newest = connection.execute("SELECT max(snapshot_time) FROM ducklake_snapshot").fetchone()[0]
    return _Own(facts.name, row[0], facts, row[1], offsets, topics, time_of(newest))


def _one(make: Callable[..., Finding], *arguments: object) -> list[Finding]:
    return [make(*arguments)]


def _guarded(check: str, make: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """What `make` finds; an exception on the way is one more finding."""
    try:
        yield from make()
    except Exception as problem:
        yield _broken(check, problem)


def _broken(check: str, problem: Exception) -> Finding:
    if isinstance(problem, TidemillError):
        return error(check, str(problem), _LOOK)
    kind = "the catalog" if isinstance(problem, sqlite3.Error) else type(problem).__name__
    return error(check, f"{kind}: {' '.join(str(problem).split())}", _LOOK)
