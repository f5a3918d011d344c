"""The pipeline as a process: one launched by `tidemill run`, or the flow that Bytewax's own command runs."""

import argparse
import atexit
import ctypes
import gc
import os
import signal
import sys
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TextIO, cast

import pyarrow as pa
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig
from bytewax.run import cli_main

from dataflow import logs
from dataflow.durations import to_ms
from dataflow.errors import ConfigError, StoppedEarly, TidemillError
from dataflow.intake.control import Control
from dataflow.sources.source import behind_transaction
from dataflow.spoken import counted, listed
from runtime.anew import Anew
from runtime.clock import ClockWatch
from runtime.compaction_mark import CompactionMark
from runtime.compactor import Compactor, CompactorReport, compact_command
from runtime.endpoint import Health, serve
from runtime.exported import metrics
from runtime.job import Job, compose, now, positions_in, prepare, publish_last
from runtime.live_line import LiveLine
from runtime.open_files import allow_many_files
from runtime.outlet import Outlets, no_outlets
from runtime.recovery_folder import store_failure
from runtime.settings import Settings, load_settings
from runtime.speaker import Speaker, manner_of
from runtime.stall import Patience, StallWatch
from runtime.stalled import Stalled
from runtime.stalls import SharedWord, StallRecord
from runtime.stderr import held_back, known_end
from runtime.supervisor import RESTART_EXIT_CODE, end_with_supervisor

_YOUNG_OBJECTS = 700
"""Python's own number of new objects between two collections; a command starts with a larger one."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""Numbers of glibc's mallopt."""

_KEPT_BYTES = 64 << 20
"""So much freed memory stays: more than what becomes of a poll, and the next poll finds it where it was."""

_LARGEST_KEPT_BYTES = 32 << 20
"""The most that glibc takes here; pieces that are larger go back to the system at once."""


def launch(
    settings: Settings, process: int | None = None, addresses: list[str] | None = None, *, outlets: Outlets = no_outlets
) -> int:
    """Run one process of the pipeline until its end; returns the exit code, raises TidemillError for known ends."""
    _share_what_is_freed()
    control = Control()
    _stop_on_signals(control)
    if process is not None:
        end_with_supervisor(control.stop)
    with held_back() as stderr:
        voice = _voice(settings, stderr)
        allow_many_files()
        log = logs.logger("run")
        try:
            job = prepare(settings, control, process, outlets=outlets)
        except StoppedEarly as stopped:
            log.info("ended", reason=control.reason, before_start=str(stopped))
            return 0
        health = Health()
        compactor = _beside(settings, process or 0, health)
        watches = (*_watch_over(job, process, compactor, health, stderr.fileno()), _speaker(job, process, voice))
        _tell_the_start(job)
        try:
            _flow(job, process, addresses)
            publish_last(job)
            _tell_what_waits(job)
        except BaseException as error:
            known = control.error or known_end(error) or store_failure(error, Path(settings.recovery))
            if known is not None:
                raise known from error
            raise
        finally:
            for each in (*watches, job.outlet):
                each.stop()
            job.source.close()
            if compactor is not None:
                compactor.stop()
        _tell_the_end(job)
        job.limit.require()
    if not control.restart_wanted:
        return 0
    if process is not None:
        return RESTART_EXIT_CODE
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _flow(job: Job, process: int | None, addresses: list[str] | None) -> None:
    """The dataflow to its end."""
    dataflow = compose(job)
    _rest_what_stays()
    cli_main(
        dataflow,
        workers_per_process=job.settings.workers,
        process_id=process,
        addresses=addresses,
        epoch_interval=timedelta(milliseconds=job.settings.epoch_ms),
        recovery_config=RecoveryConfig(Path(job.settings.recovery), timedelta(0)),
    )


def flow_for_bytewax(outlets: Outlets = no_outlets) -> Dataflow:
    """The dataflow of `python -m bytewax.run run:flow`. Raises TidemillError where something is wrong or lacking.

    Settings come from the environment and tidemill.toml, the recovery folder from Bytewax's own flags.
    """
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("-r", "--recovery-directory", default=os.environ.get("BYTEWAX_RECOVERY_DIRECTORY"))
    parser.add_argument("-i", "--process-id", type=int, default=os.environ.get("BYTEWAX_PROCESS_ID"))
    flags, _ = parser.parse_known_args()
    if flags.recovery_directory is None:
        raise ConfigError(
            "-r", None, "Tidemill keeps its place in a recovery folder: add `-r recovery -s 1 -b 0` to bytewax.run"
        )
    settings = load_settings({"recovery": flags.recovery_directory})
    voice = _voice(settings, sys.stderr)
    allow_many_files()
    _share_what_is_freed()
    control = Control()
    _stop_on_signals(control)
    process = int(flags.process_id or 0)
    job = prepare(settings, control, None if flags.process_id is None else process, outlets=outlets)
    health = Health()
    compactor = _beside(settings, process, health)
    _watch_over(job, None if flags.process_id is None else process, compactor, health, sys.stderr.fileno())
    atexit.register(_end_as_known, job)
    atexit.register(job.source.close)
    atexit.register(job.outlet.stop)
    atexit.register(_tell_the_end, job)
    atexit.register(_tell_what_waits, job)
    atexit.register(_speaker(job, None if flags.process_id is None else process, voice).stop)
    if compactor is not None:
        atexit.register(compactor.stop)
    atexit.register(_publish_at_exit, job)
    dataflow = compose(job)
    _rest_what_stays()
    return dataflow


def _beside(settings: Settings, process: int, health: Health) -> Compactor | None:
    """What runs beside the flow: each process's metrics and health at a port of its own, and one compactor for all."""
    serve(settings.metrics_host, settings.metrics_port + process if settings.metrics_port else 0, health)
    if process != 0:
        return None
    mark = CompactionMark(Path(settings.recovery))
    mark.clear()
    every = settings.compact_every
    if not to_ms(every):
        return None
    return Compactor(compact_command(Path(settings.lake), every), to_ms(every) / 1000, CompactorReport(mark, now))


def _voice(settings: Settings, stderr: TextIO) -> LiveLine | None:
    """Where logs go from now on, and the live line below them, if there is one."""
    manner = manner_of(settings, terminal=stderr.isatty())
    line = LiveLine(stderr) if manner == "line" else None
    logs.configure(settings.log_format, settings.log_level, stderr if line is None else cast(TextIO, line))
    logs.tell_dying_threads()
    return line


def _speaker(job: Job, process: int | None, line: LiveLine | None) -> Speaker:
    """What tells the progress, begun."""

    def write(text: str) -> None:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError:
            # a reader that went away has heard enough: the run goes on, and what it says goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    manner = manner_of(job.settings, terminal=line is not None)
    speaker = Speaker(job.progress, manner, line=line, write=write, process=process)
    speaker.start()
    return speaker


def _share_what_is_freed() -> None:
    """Batches come and go by the megabyte, on several threads: what one frees, the next one takes again."""
    pa.set_memory_pool(pa.system_memory_pool())
    # glibc only, where each thread would keep freed memory of its own
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 2)
        # else it gives the end of its memory back with every poll, and the system zeroes it for the next one
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def _rest_what_stays() -> None:
    """The collector need not walk over all that was loaded, compiled code too, again and again while batches come.

    Nor once now, which would take a tenth of the start: of 100,000 objects some 300 are garbage.
    """
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, *gc.get_threshold()[1:])


def _stop_on_signals(control: Control) -> None:
    def handle(number: int, _frame: object) -> None:
        control.stop(signal.Signals(number).name)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)


def _watch_over(
    job: Job, process: int | None, compactor: Compactor | None, health: Health, stderr: int
) -> tuple[ClockWatch | StallWatch, ...]:
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
        positions_in(Path(settings.lake)),
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
    if (exported := metrics()) is not None:
        exported.STALL_RESTARTS.set(record.in_a_row())
        exported.STALLED.set_function(lambda: stall.stalled_s)
    health.stalled_s = lambda: stall.stalled_s
    stall.start()
    return clock, stall


def _tell_the_start(job: Job) -> None:
    """The first line: from where to where, by which file."""
    settings = job.settings
    places = {"pipeline": settings.pipeline, "source": settings.source, "lake": str(settings.lake)}
    logs.logger("run").info("started", **places, partitions=len(job.source.partitions()))


def _tell_what_waits(job: Job) -> None:
    """A bounded run that reached its end says which records it had to leave, so that exit code 0 misleads nobody."""
    if not job.settings.bounded or job.control.stopping or job.control.error is not None:
        return
    waiting = job.source.waiting()
    if waiting:
        not_final = ", and their source partitions are not final" if job.settings.final else ""
        logs.logger("run").warning(
            f"{behind_transaction(sum(waiting.values()))}: the run ends before them{not_final}",
            partitions=waiting,
            fix="run again once the transaction has ended",
        )


def _tell_the_end(job: Job) -> None:
    """The closing line: why it ended, and what the whole run was."""
    if _broke(job):
        return
    if not job.control.stopping:
        job.tally.end()
    if lost := job.progress.lost:
        places = listed([f"{each.partition} [{each.start}, {each.end})" for each in lost])
        logs.logger("run").warning(
            f"{counted(sum(each.lost for each in lost), 'offset')} of this run are lost, deleted before they were "
            f"read: {places}",
            fix="keep the records in Kafka for longer (retention.ms) than a run may be down or behind",
        )
    logs.logger("run").info("ended", reason=job.control.reason or "end of input", **job.progress.whole().fields())


def _publish_at_exit(job: Job) -> None:
    """Under Bytewax's command, which ends with the flow; an error is kept for `_end_as_known`."""
    if not _broke(job):
        with suppress(TidemillError):
            publish_last(job)


def _end_as_known(job: Job) -> None:
    """Under Bytewax's command, which knows no end but its own: a new start, or the exit code of an error of ours."""
    try:
        if not hasattr(sys, "last_value") and job.control.error is not None:
            raise job.control.error
        if not _broke(job):
            job.limit.require()
    except TidemillError as problem:
        print(f"error: {problem}", file=sys.stderr, flush=True)
        os._exit(problem.exit_code)
    if job.control.restart_wanted:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _broke(job: Job) -> bool:
    """True where an exception ended the run; the interpreter keeps the one that ends it."""
    return job.control.error is not None or hasattr(sys, "last_value")
