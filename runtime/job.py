"""Composition: everything that was checked before the first record moves, and the dataflow made of it."""

import fcntl
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from bytewax.dataflow import Dataflow

from dataflow import flow as graph
from dataflow.columnar import codes, groups, hashing
from dataflow.decode.decoder import decoder_for
from dataflow.enrich.joins import Joins, Kept
from dataflow.fold.ahead import FoldAhead
from dataflow.fold.fold import Fold
from dataflow.fold.later import SCARCE_ROWS, Later, unfolded
from dataflow.intake.control import Control
from dataflow.intake.judge import Held, Judge, State
from dataflow.intake.partition import Intake, Means, Pace
from dataflow.intake.pauses import Oversleeping, Pauses
from dataflow.intake.pulse import Pulse
from dataflow.intake.rest import Bell, Rest
from dataflow.intake.turns import Turns
from dataflow.logs import logger
from dataflow.losses.limit import DeadShare
from dataflow.losses.tally import Tally
from dataflow.messages import Judged, Parcel
from dataflow.pipeline.load import load
from dataflow.pipeline.plan import Plan
from dataflow.rules import Rules
from dataflow.sources.ended import WithEnded
from dataflow.sources.ranged import SourceRange, read_ranges
from dataflow.sources.source import Source
from runtime.ahead import load_ahead
from runtime.dead_limit import DeadLimit
from runtime.exported import metrics
from runtime.first_read import FirstRead
from runtime.last_epochs import LastEpochs
from runtime.observer import CommitObserver
from runtime.outlet import Outlet, Outlets, no_outlets
from runtime.progress import Progress
from runtime.recovery_folder import RecoveryFolder
from runtime.refusals import require_places
from runtime.registry.open import with_schemas
from runtime.same_source import kept_by, require_same_source
from runtime.settings import Settings
from runtime.sources import copies, not_read, open_source, require_record_times
from runtime.spare_code import COMPILER, give_back
from runtime.untimed import Untimed
from sinks.lake.agreement import agree
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.deliveries import deliveries, forget_deliveries
from sinks.lake.commit_stats import CommitStats
from sinks.lake.dimensions import KeptDimensions, keep_files
from sinks.lake.ended import read_to_end
from sinks.lake.fault import fault_from, oversleep_from
from sinks.lake.sink import LakeSink, open_writer
from sinks.lake.tables.changes import rule_changes
from sinks.lake.tables.definition import read_definition
from sinks.lake.tables.event_times import Takeover
from sinks.lake.tables.prepare import open_lake
from sinks.lake.writer import LakeWriter

_KERNELS: tuple[Callable[[], object], ...] = (hashing.load, codes.load, groups.load)
"""Compiled code that every run needs."""

_Made = TypeVar("_Made")

EARLY_LINGER_MS = 1
"""Where alerts are told before their commit, a source partition that had little is asked again after so long: records
are looked at as they come, which costs more of a processor than reading many at once."""

REST_S = 30.0
"""A run at rest looks after its epochs and figures so often."""


def now() -> datetime:
    """The one wall clock of the process."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that was checked before the first record moves."""

    settings: Settings
    plan: Plan
    source: Source
    recovery: RecoveryFolder
    lineage: str
    control: Control
    progress: Progress
    tally: Tally
    limit: DeadLimit
    first: Rules
    """The rules of states that an earlier version has left in the recovery folder."""
    kept: Kept
    """Copies of the dimension files that the lake names, which those who read ranges again go by."""
    last: LastEpochs
    alone: bool
    """Whether no other process takes part: only one that is wakes its workers by itself, and so may rest."""
    outlet: Outlet
    pulse: Pulse = field(default_factory=lambda: Pulse(time.monotonic))

    @property
    def has_one_worker(self) -> bool:
        """Whether one thread reads and commits everything: it waits for nobody, and nobody else could fold for it."""
        return self.alone and self.settings.workers == 1

    @contextmanager
    def inside_the_lake(self) -> Iterator[None]:
        """Around all that is done there: its errors are kept, and the watch knows of it."""
        with self.control.keeping_errors(), self.pulse.inside("the lake"):
            yield


def prepare(settings: Settings, control: Control, process: int | None = None, *, outlets: Outlets = no_outlets) -> Job:
    """Check pipeline, source, recovery folder and lake, in this order, then that they belong together.

    `process`: its number among several; None where there is one. Nothing has moved when it raises.
    """
    settings.require_end_of_final()
    load_ahead(_needed_soon(settings))
    alone, process = process is None, process or 0
    plan = with_schemas(settings, load(settings.pipeline))
    outlet = outlets(settings, plan)
    if settings.ranges is None:
        require_record_times(settings.source, plan)
    source = open_source(settings, plan, now, lambda: control.stopping)
    source.partitions()
    if settings.source == "files" and process == 0 and (told := not_read(settings)) is not None:
        logger("run").warning(told, fix="move them elsewhere, or give those that hold records the ending of their form")
    if process == 0 and (told := copies(settings, source)) is not None:
        logger("run").info(told)
    recovery = RecoveryFolder(Path(settings.recovery))
    require_places(settings, recovery)
    recovery.lock(process)
    with _one_process_at_a_time(recovery.path):
        how = Takeover(say=partial(logger("lake").info, lake=str(settings.lake)), fault=fault_from(settings.fault))
        catalog = open_lake(Path(settings.lake), plan, now(), events=settings.events, how=how)
        try:
            lineage = agree(catalog, plan.name, recovery)
            kept = kept_by(settings.lake, catalog.topics(), recovery)
            match = require_same_source(settings, source.partitions(), kept)
            if settings.ranges is not None:
                _keep_named(settings, read_ranges(settings.ranges))
            known = read_definition(catalog.definitions()[plan.name])
        finally:
            catalog.close()
    progress = Progress(now, time.monotonic, bounded=settings.bounded)
    tally = Tally(plan.event, plan.out_of_orderness_ms, time.monotonic)
    # ranges are read again, by a replay for one: what was dead then was allowed then
    share = None if settings.fail_dead is None or settings.ranges is not None else DeadShare(settings.fail_dead)
    limit = DeadLimit(share, tally, control, partial(_stop_others, recovery))
    files = [name for name in match.resting if kept.origin(name)[0] == "files"]
    # they stay read to their end: the files may go meanwhile
    rested = read_to_end(settings.lake, files) if files else {}
    whole = WithEnded(source, match.ended, match.resting, rested) if match.ended or match.resting else source
    first = plan.rules if known is None else known.first_rules
    copies_kept = KeptDimensions(Path(settings.lake))
    last = LastEpochs(recovery, fault_from(settings.fault))
    beside = (progress, tally, limit, first, copies_kept, last, alone, outlet)
    return Job(settings, plan, whole, recovery, lineage, control, *beside)


def _keep_named(settings: Settings, ranges: Mapping[str, SourceRange]) -> None:
    """Have the lake keep the dimension files that ranges name, where the lake of the ranges has copies of them."""
    contents: dict[str, bytes] = {}
    for part in ranges.values():
        if part.lake is None:
            continue
        there = KeptDimensions(Path(part.lake))
        named = {each.sha256 for _, rules in part.marks for each in rules.dimensions or ()}
        contents |= {sha256: content for sha256 in named if (content := there(sha256)) is not None}
    keep_files(Path(settings.lake), contents.values(), fault_from(settings.fault))


def _stop_others(recovery: RecoveryFolder) -> None:
    for pid in recovery.others():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def _needed_soon(settings: Settings) -> list[Callable[[], object]]:
    """What takes long to load and every run of these settings needs, by the time it reads its first record."""
    needed: list[Callable[[], object]] = [*_KERNELS]
    if settings.source == "kafka":
        from dataflow.sources.kafka.drain import load_ahead

        needed.append(load_ahead)
    return needed


def compose(job: Job) -> Dataflow:
    """The dataflow of a prepared job."""
    for load_kernels in _KERNELS:
        load_kernels()
    joins = Joins(job.plan, job.kept)
    fold = Fold(job.plan, events=job.settings.events, joins=joins).fold
    # rules that are in a hurry look at rows, however few, before these are folded for everybody else
    least_rows = 1 if job.outlet.early_rules else SCARCE_ROWS
    # where several read side by side they fold side by side, too
    may_wait = bool(job.outlet.early_rules) or job.has_one_worker

    def whole(judged: Judged) -> Parcel:
        parcel = fold(judged)
        job.limit.look(job.tally.see(judged, parcel))
        return parcel

    def folded(judged: Judged) -> Parcel:
        with job.pulse.inside("folding"):
            return (unfolded(judged, least_rows) if may_wait else None) or whole(judged)

    return graph.build(_intake(job), folded, _lake(job, whole, joins))


def _intake(job: Job) -> Intake:
    plan, settings = job.plan, job.settings
    ranges = {} if settings.ranges is None else read_ranges(settings.ranges)

    def judge(partition: str, topic: str | None, state: State | None) -> Judge:
        marks = ranges[partition].marks if partition in ranges else ()
        ids = job.recovery.dedup_folder(partition)
        held = Held(marks, job.first, Joins(plan, job.kept))
        return Judge(plan, partition, topic, folder=ids, state=state, held=held)

    def final(partition: str) -> bool:
        if isinstance(job.source, WithEnded) and job.source.rests(partition):
            return False
        if not settings.final or job.source.is_at_end(partition):
            return settings.final
        logger("run").warning(
            f"{partition} is not final: its source has more than it had at the start, or does not answer",
            fix="run again with --bounded --final",
        )
        return False

    means = Means(
        control=job.control,
        pace=Pace(
            batch_records=settings.batch_records,
            linger_ms=EARLY_LINGER_MS if job.outlet.early_rules else min(50, max(1, settings.epoch_ms // 5)),
            epoch_bytes=settings.max_epoch_bytes,
        ),
        pulse=job.pulse,
        observe=_observing(job),
        final=final,
        turns=_one_a_worker(Turns),
        rests=_one_a_worker(partial(Rest, Bell(), time.monotonic, REST_S if job.alone else 0.0)),
    )
    return Intake(
        job.source,
        means,
        decoder=_one_a_worker(lambda: decoder_for(plan, of_kafka=settings.source == "kafka")),
        judge=judge,
        seed=job.recovery.seed().get,
        # several workers wait for each other at an epoch's end, which those that sleep meanwhile do for nothing
        pauses=_pauses(settings.fault, settings.epoch_ms if job.has_one_worker else math.inf),
        bounded=settings.bounded,
    )


def _observing(job: Job) -> Callable[[Judged, int | None, int | None], None]:
    """Who is told of every poll and heartbeat."""
    first_read, untimed = FirstRead(), Untimed(job.plan)

    def observe(judged: Judged, lag_records: int | None, waiting_records: int | None) -> None:
        first_read(judged)
        if (exported := metrics()) is not None:
            exported.observe_intake(judged, lag_records, waiting_records)
        job.progress.observe(judged, lag_records)
        untimed(judged)

    return observe


def _one_a_worker(make: Callable[[], _Made]) -> Callable[[], _Made]:
    """What the source partitions that one worker reads share: a decoder keeps nothing of them, and costs 100 kB."""
    mine = threading.local()

    def of_this_worker() -> _Made:
        if not hasattr(mine, "made"):
            mine.made = make()
        made: _Made = mine.made
        return made

    return of_this_worker


def _lake(job: Job, fold: Callable[[Judged], Parcel], joins: Joins) -> LakeSink:
    settings = job.settings
    count = CommitObserver(Path(settings.lake))
    loading = True

    def committed(stats: CommitStats) -> None:
        nonlocal loading
        if loading and not job.last.begun and any(entry.read for entry in stats.ranges):
            # what was read has been through every kernel: the compiler is needed no more
            loading = False
            if COMPILER in sys.modules:
                give_back()
        job.pulse.beat(stats.epoch)
        count(stats, last=job.last.begun)
        job.progress.committed(stats)
        job.outlet.committed()

    writer = partial(
        open_writer,
        Path(settings.lake),
        job.plan,
        lineage=job.lineage,
        clock=now,
        events=settings.events,
        on_commit=committed,
        fault=fault_from(settings.fault),
    )

    def resumed(writer: LakeWriter) -> None:
        job.last.has(writer)
        _forget_former_ways(job)
        job.outlet.begin(writer.incarnation)
        if writer.alerts is not None and job.outlet.early_rules:
            rules = job.outlet.early_rules
            rollups = {rule.rollup.name for rule in job.plan.alerts if rule.name in rules}
            ahead = FoldAhead(job.plan, rollups, joins).tables
            writer.alerts.tell_early(rules, job.outlet.tell_early, ahead)
        writer.later = Later(fold)
        _tell_changes(job)

    return LakeSink(writer, job.inside_the_lake, resumed)


def _forget_former_ways(job: Job) -> None:
    """What the pipeline sends nowhere any more need not stay in the lake for it."""
    names = {each.name for each in job.plan.emits}
    with closing(Catalog.open(Path(job.settings.lake))) as catalog:
        if deliveries(catalog.connection).keys() - names:
            with catalog.transaction() as connection:
                forget_deliveries(connection, names)


def publish_last(job: Job) -> None:
    """What the last epochs staged, once the flow has returned. Raises RecoveryError, or what a commit raises."""
    with job.inside_the_lake():
        job.last.publish()
    job.outlet.finish()


def _tell_changes(job: Job) -> None:
    """Say which rules are other ones from here on. A replay goes by those that held."""
    if job.settings.ranges is not None:
        return
    with closing(Catalog.look(Path(job.settings.lake))) as catalog:
        for change in rule_changes(catalog, job.plan):
            logger("run").info("rules change", what=str(change))


def _pauses(fault: str, epoch_ms: float) -> Callable[[], Pauses]:
    """What makes the pauses of a source partition; those of epochs of so many ms are cut short at their ends."""
    count = oversleep_from(fault)
    if count is None:
        return lambda: Pauses(now, time.monotonic, epoch_ms)
    asleep = Oversleeping(count, now, time.monotonic)
    return lambda: asleep


def positions_in(lake: Path) -> Callable[[], dict[str, int]]:
    """What the lake has, read by a connection of its own where the catalog was written to since the last call."""
    last: tuple[object, dict[str, int]] = (None, {})

    def read() -> dict[str, int]:
        nonlocal last
        from sinks.lake.catalog.reader import next_offsets, written

        stamp = written(lake)
        if stamp is None or stamp != last[0]:
            last = (stamp, next_offsets(lake))
        return last[1]

    return read


@contextmanager
def _one_process_at_a_time(folder: Path) -> Iterator[None]:
    handle = os.open(folder / "lock-prepare", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
