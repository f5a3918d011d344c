"""`tidemill compact`: merge small files, expire old snapshots, delete what nothing needs any more."""

import faulthandler
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGINT, SIGTERM, SIGUSR1, signal
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from cli.lakes import LakeFlag, open_to_write

if TYPE_CHECKING:
    from sinks.lake.upkeep.expire import Retention
    from sinks.lake.upkeep.leave import Departure


def compact(
    every: Annotated[
        str | None, typer.Option("--every", help="Do it again and again, so often; once if left out.", metavar="TIME")
    ] = None,
    retain: Annotated[str, typer.Option("--retain", help="How far back time travel reaches.", metavar="TIME")] = "7d",
    grace: Annotated[
        str, typer.Option("--grace", help="How long replaced files stay for queries that use them.", metavar="TIME")
    ] = "10m",
    thin: Annotated[
        str,
        typer.Option(
            "--thin",
            help="Of the past older than an hour, keep one snapshot per this time; 0s keeps all.",
            metavar="TIME",
        ),
    ] = "10s",
    lake: LakeFlag = None,
    beside_run: Annotated[bool, typer.Option("--beside-run", hidden=True)] = False,
) -> None:
    """Compact the lake, beside a run or not; what is older than it is kept leaves.

    Else readers see no change in content.
    """
    retention = _retention(retain, grace, thin)
    pause = None if every is None else _duration("--every", every)
    from runtime.settings import load_settings
    from sinks.lake.fault import fault_from

    settings = load_settings({"lake": lake})
    folder, fault = settings.lake, fault_from(settings.fault)
    if pause is None:
        _once(folder, retention, fault)
        return
    stop = Event()
    for number in (SIGTERM, SIGINT):
        signal(number, lambda *_: stop.set())
    if beside_run:
        _become_the_lesser()
    while not stop.is_set():
        _once(folder, retention, fault)
        stop.wait(pause.total_seconds())


def _become_the_lesser() -> None:
    """The pipeline comes first: for the processor, when memory runs out, and when either is to end.

    A run that is gone takes this child with it at any point, which leaves the lake as it was.
    """
    from runtime.supervisor import end_with_supervisor

    os.nice(10)
    # Linux only; there the kernel then ends this process rather than the pipeline
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
    # the run reads what is written here: where native code crashed, and where this process hangs when asked
    faulthandler.enable()
    faulthandler.register(SIGUSR1)
    end_with_supervisor(lambda _: os._exit(0))


def _once(folder: Path, retention: "Retention", fault: Callable[[str], None]) -> None:
    from cli.bar import Bar
    from sinks.lake.tables.specs import specs_of_lake
    from sinks.lake.upkeep.compact import compact as compact_lake

    catalog = open_to_write(folder)
    try:
        with Bar("compacting", "tables") as bar:
            report = compact_lake(
                catalog,
                specs_of_lake(catalog),
                clock=lambda: datetime.now(UTC),
                retention=retention,
                fault=fault,
                steps=bar,
            )
    finally:
        catalog.close()
    for reason in report.skipped:
        typer.echo(f"left alone: {reason}", err=True)
    typer.echo(
        f"{folder}: merged {report.merged_files} files into {report.written_files}, "
        f"expired {report.expiry.snapshots} snapshots, "
        f"deleted {report.expiry.files_deleted + report.expiry.orphans_deleted} files; "
        f"{_left(report.departures)}"
        f"{sum(report.files.values())} files now, {report.seconds:.2f} s"
    )


def _left(departures: "tuple[Departure, ...]") -> str:
    """What has left because it is older than the pipeline keeps it; on the line of its round, which is one."""
    from dataflow.spoken import counted, moment

    told = [
        f"{each.name} {'windows ended by' if each.is_rollup else 'before'} {moment(each.before_ms)} "
        f"({counted(each.files, 'file')}, {counted(each.rows, 'row')})"
        for each in departures
    ]
    return f"left the lake: {', '.join(told)}; " if told else ""


def _retention(retain: str, grace: str, thin: str) -> "Retention":
    from sinks.lake.upkeep.expire import Retention

    return Retention(
        keep=_duration("--retain", retain), grace=_duration("--grace", grace), thin_every=_duration("--thin", thin)
    )


def _duration(flag: str, written: str) -> timedelta:
    from dataflow.durations import to_ms
    from dataflow.errors import ConfigError

    try:
        return timedelta(milliseconds=to_ms(written))
    except ValueError as error:
        raise ConfigError(flag, written, str(error).partition("; ")[2]) from None
