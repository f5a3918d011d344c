"""Composition root: joins intake, fold and lake; `flow` for `python -m bytewax.run run:flow`, `main` for `tidemill`."""

import argparse
import atexit
import ctypes
import fcntl
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig
from bytewax.run import cli_main

from dataflow import flow as graph
from dataflow import logs
from dataflow.columnar import hashing
from dataflow.decode.json.plain import json_decoder
from dataflow.durations import to_ms
from dataflow.errors import ConfigError, StoppedEarly, TidemillError
from dataflow.fold.fold import Fold
from dataflow.intake.control import Control
from dataflow.intake.judge import Judge
from dataflow.intake.partition import Intake, Means, Pace
from dataflow.intake.pauses import Oversleeping, Pauses
from dataflow.intake.pulse import Pulse
from dataflow.messages import Judged, Parcel
from dataflow.pipeline.load import load
from dataflow.pipeline.plan import Plan
from dataflow.sources.ended import WithEnded
from dataflow.sources.source import Source, behind_transaction
from runtime import metrics
from runtime.anew import Anew
from runtime.clock import ClockWatch
from runtime.compaction_mark import CompactionMark
from runtime.compactor import Compactor, CompactorReport, compact_command
from runtime.observer import CommitObserver
from runtime.recovery_folder import RecoveryFolder, store_failure
from runtime.same_source import kept_by, require_same_source
from runtime.settings import Settings, load_settings
from runtime.sources import open_source
from runtime.stall import Patience, StallWatch
from runtime.stalled import Stalled
from runtime.stalls import SharedWord, StallRecord
from runtime.stderr import held_back, known_end
from runtime.supervisor import RESTART_EXIT_CODE, end_with_supervisor
from sinks.lake.agreement import agree
from sinks.lake.fault import fault_from, oversleep_from
from sinks.lake.sink import LakeSink, open_writer
from sinks.lake.tables.prepare import open_lake
from sinks.lake.writer import CommitStats

_M_ARENA_MAX = -8
"""Number of glibc's mallopt."""


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
    pulse: Pulse = field(default_factory=lambda: Pulse(time.monotonic))


def prepare(settings: Settings, control: Control, process: int = 0) -> Job:
    """Check pipeline, source, recovery folder and lake, in this order, then that they belong together.

    Nothing has moved when it raises.
    """
    plan = load(settings.pipeline)
    source = open_source(settings, plan, now, lambda: control.stopping)
    source.partitions()
    recovery = RecoveryFolder(Path(settings.recovery))
    recovery.lock(process)
    with _one_process_at_a_time(recovery.path):
        catalog = open_lake(Path(settings.lake), plan, now(), events=settings.events)
        try:
            lineage = agree(catalog, plan.name, recovery)
            kept = kept_by(settings.lake, catalog.topics(), recovery)
            ended = require_same_source(settings, source.partitions(), kept)
        finally:
            catalog.close()
    return Job(settings, plan, WithEnded(source, ended) if ended else source, recovery, lineage, control)


def compose(job: Job) -> Dataflow:
    """The dataflow of a prepared job."""
    hashing.load()
    fold = Fold(job.plan, events=job.settings.events).fold

    def folded(judged: Judged) -> Parcel:
        with job.pulse.inside("folding"):
            return fold(judged)

    return graph.build(_intake(job), folded, _lake(job))


def _intake(job: Job) -> Intake:
    plan, settings = job.plan, job.settings

    def judge(partition: str, topic: str | None, state: Any) -> Judge:
        return Judge(plan, partition, topic, folder=job.recovery.dedup_folder(partition), state=state)

    def observe(judged: Judged, lag_records: int | None, waiting_records: int | None) -> None:
        metrics.observe_intake(judged, lag_records, waiting_records, plan.out_of_orderness_ms)

    means = Means(
        control=job.control,
        pace=Pace(
            batch_records=settings.batch_records,
            linger_ms=min(50, max(1, settings.epoch_ms // 5)),
            epoch_bytes=settings.max_epoch_bytes,
        ),
        pulse=job.pulse,
        positions=_positions(Path(settings.lake)),
        observe=observe,
    )
    return Intake(
        job.source,
        means,
        decoder=lambda: json_decoder(plan.event, plan.max_record_bytes),
        judge=judge,
        seed=job.recovery.seed().get,
        pauses=_pauses(settings.fault),
        bounded=settings.bounded,
    )


def _lake(job: Job) -> LakeSink:
    settings = job.settings
    count = CommitObserver(Path(settings.lake))

    def committed(stats: CommitStats) -> None:
        job.pulse.beat(stats.epoch)
        count(stats)

    @contextmanager
    def guard() -> Iterator[None]:
        with job.control.keeping_errors(), job.pulse.inside("the lake"):
            yield

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
    return LakeSink(writer, guard)


def launch(settings: Settings, process: int | None = None, addresses: list[str] | None = None) -> int:
    """Run one process of the pipeline until its end; returns the exit code, raises TidemillError for known ends."""
    _share_what_is_freed()
    control = Control()
    _stop_on_signals(control)
    if process is not None:
        end_with_supervisor(control.stop)
    with held_back() as stderr:
        logs.configure(settings.log_format, settings.log_level, stderr)
        logs.tell_dying_threads()
        log = logs.logger("run")
        try:
            job = prepare(settings, control, process or 0)
        except StoppedEarly as stopped:
            log.info("ended", reason=control.reason, before_start=str(stopped))
            return 0
        compactor = _beside(settings, process or 0)
        watches = _watch_over(job, process, compactor, stderr.fileno())
        _rest_what_stays()
        log.info("started", source=settings.source, partitions=len(job.source.partitions()), lake=str(settings.lake))
        try:
            cli_main(
                compose(job),
                workers_per_process=settings.workers,
                process_id=process,
                addresses=addresses,
                epoch_interval=timedelta(milliseconds=settings.epoch_ms),
                recovery_config=RecoveryConfig(Path(settings.recovery), timedelta(0)),
            )
            _tell_what_waits(job)
        except BaseException as error:
            known = control.error or known_end(error) or store_failure(error, Path(settings.recovery))
            if known is not None:
                raise known from error
            raise
        finally:
            for watch in watches:
                watch.stop()
            job.source.close()
            if compactor is not None:
                compactor.stop()
        log.info("ended", reason=control.reason or "end of input")
    if not control.restart_wanted:
        return 0
    if process is not None:
        return RESTART_EXIT_CODE
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def flow() -> Dataflow:
    """For `python -m bytewax.run run:flow -w 2 -r RECOVERY -s 1 -b 0`: the same flow with the same guarantees.

    Settings come from the environment and tidemill.toml. Where something is wrong or lacking, and where Bytewax's
    own flags would give a weaker promise, it says so in one sentence and ends the process.
    """
    try:
        return _flow_for_bytewax()
    except TidemillError as error:
        print(f"error: {error}" if error.exit_code else str(error), file=sys.stderr)
        raise SystemExit(error.exit_code) from None


def _flow_for_bytewax() -> Dataflow:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("-r", "--recovery-directory", default=os.environ.get("BYTEWAX_RECOVERY_DIRECTORY"))
    parser.add_argument("-i", "--process-id", type=int, default=os.environ.get("BYTEWAX_PROCESS_ID"))
    flags, _ = parser.parse_known_args()
    if flags.recovery_directory is None:
        raise ConfigError(
            "-r", None, "Tidemill keeps its place in a recovery folder: add `-r recovery -s 1 -b 0` to bytewax.run"
        )
    settings = load_settings({"recovery": flags.recovery_directory})
    logs.configure(settings.log_format, settings.log_level)
    logs.tell_dying_threads()
    _share_what_is_freed()
    control = Control()
    _stop_on_signals(control)
    process = int(flags.process_id or 0)
    job = prepare(settings, control, process)
    compactor = _beside(settings, process)
    _watch_over(job, None if flags.process_id is None else process, compactor, sys.stderr.fileno())
    _rest_what_stays()
    atexit.register(_start_anew, control)
    atexit.register(job.source.close)
    atexit.register(_tell_what_waits, job)
    if compactor is not None:
        atexit.register(compactor.stop)
    return compose(job)


def main() -> None:
    """The `tidemill` command."""
    from cli.main import main as command_line

    command_line(launch)


def _beside(settings: Settings, process: int) -> Compactor | None:
    """What runs beside the flow: each process's metrics at a port of its own, and one compactor for all."""
    metrics.serve(settings.metrics_port + process if settings.metrics_port else 0)
    if process != 0:
        return None
    mark = CompactionMark(Path(settings.recovery))
    mark.clear()
    every = settings.compact_every
    if not to_ms(every):
        return None
    return Compactor(compact_command(Path(settings.lake), every), to_ms(every) / 1000, CompactorReport(mark, now))


def _share_what_is_freed() -> None:
    """Batches come and go by the megabyte, on several threads: what one frees, the next one takes again."""
    pa.set_memory_pool(pa.system_memory_pool())
    # glibc only, where each thread would keep freed memory of its own
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 2)


def _rest_what_stays() -> None:
    """The collector need not walk over all that was loaded again and again while batches come and go."""
    gc.collect()
    gc.freeze()


def _stop_on_signals(control: Control) -> None:
    def handle(number: int, _frame: object) -> None:
        control.stop(signal.Signals(number).name)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)


def _watch_over(
    job: Job, process: int | None, compactor: Compactor | None, stderr: int
) -> tuple[ClockWatch, StallWatch]:
    """A wall clock that goes back puts Bytewax's sources to sleep, and whatever else may leave a run asleep."""
    anew = Anew(process, stderr, compactor.stop if compactor is not None else lambda: None)

    def set_back(seconds: float) -> None:
        logs.logger("run").warning("the wall clock was set back: starting anew", seconds=round(seconds, 1))
        anew()

    clock = ClockWatch(now, time.monotonic, set_back)
    clock.start()
    settings, control = job.settings, job.control
    record = StallRecord(job.recovery.path, anew.owner)
    stall = StallWatch(
        job.pulse,
        _positions(Path(settings.lake)),
        SharedWord(job.recovery.path),
        Stalled(
            record,
            anew,
            pids=job.recovery.holders,
            stopping=lambda: control.stopping and not control.restart_wanted,
            wall=now,
        ),
        patience=Patience(to_ms(settings.stall_after) / 1000, settings.epoch_ms / 1000, record.in_a_row()),
        monotonic=time.monotonic,
    )
    metrics.STALL_RESTARTS.set(record.in_a_row())
    metrics.STALLED.set_function(lambda: stall.stalled_s)
    stall.start()
    return clock, stall


def _pauses(fault: str) -> Callable[[], Pauses]:
    """What makes the pauses of a source partition."""
    count = oversleep_from(fault)
    if count is None:
        return lambda: Pauses(now, time.monotonic)
    asleep = Oversleeping(count, now, time.monotonic)
    return lambda: asleep


def _tell_what_waits(job: Job) -> None:
    """A bounded run that reached its end says which records it had to leave, so that exit code 0 misleads nobody."""
    if not job.settings.bounded or job.control.stopping or job.control.error is not None:
        return
    waiting = job.source.waiting()
    if waiting:
        logs.logger("run").warning(
            f"{behind_transaction(sum(waiting.values()))}: the run ends before them",
            partitions=waiting,
            fix="run again once the transaction has ended",
        )


def _start_anew(control: Control) -> None:
    if control.restart_wanted:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _positions(lake: Path) -> Callable[[], dict[str, int]]:
    """What the lake has, read by a connection of its own in each thread's call."""

    def read() -> dict[str, int]:
        from sinks.lake.catalog.reader import next_offsets

        return next_offsets(lake)

    return read


@contextmanager
def _one_process_at_a_time(folder: Path) -> Iterator[None]:
    handle = os.open(folder / "lock-prepare", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


if __name__ == "__main__":
    main()
