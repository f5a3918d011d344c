"""`tidemill compact`: merge small files, expire old snapshots, delete what nothing needs any more."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGINT, SIGTERM, signal
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from cli.lakes import LakeFlag

if TYPE_CHECKING:
    from sinks.expire import Retention


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
    parent: Annotated[int | None, typer.Option("--parent", hidden=True)] = None,
) -> None:
    """Compact the lake, while the pipeline writes or not. Readers see no change in content."""
    retention = _retention(retain, grace, thin)
    pause = None if every is None else _duration("--every", every)
    from dataflow.settings import load_settings
    from sinks.fault import fault_from

    settings = load_settings({"lake": lake})
    folder, fault = settings.lake, fault_from(settings.fault)
    if pause is None:
        _once(folder, retention, fault)
        return
    stop = Event()
    for number in (SIGTERM, SIGINT):
        signal(number, lambda *_: stop.set())
    if parent is not None:
        os.nice(10)
    while not stop.is_set():
        _once(folder, retention, fault)
        _pause(stop, pause.total_seconds(), parent)


def _pause(stop: Event, seconds: float, parent: int | None) -> None:
    """Wait until the next round; a child of a pipeline ends when the pipeline is gone."""
    until = time.monotonic() + seconds
    while not stop.is_set() and (left := until - time.monotonic()) > 0:
        if parent is not None and os.getppid() != parent:
            stop.set()
        stop.wait(min(left, 1.0))


def _once(folder: Path, retention: "Retention", fault: Callable[[str], None]) -> None:
    from sinks.catalog import Catalog
    from sinks.compact import compact as compact_lake
    from sinks.specs import specs_of_lake

    catalog = Catalog.open(folder)
    try:
        report = compact_lake(
            catalog,
            specs_of_lake(catalog),
            clock=lambda: datetime.now(UTC),
            retention=retention,
            fault=fault,
        )
    finally:
        catalog.close()
    for reason in report.skipped:
        typer.echo(f"left alone: {reason}", err=True)
    typer.echo(
        f"{folder}: merged {report.merged_files} files into {report.written_files}, "
        f"expired {report.expiry.snapshots} snapshots, "
        f"deleted {report.expiry.files_deleted + report.expiry.orphans_deleted} files; "
        f"{sum(report.files.values())} files now, {report.seconds:.2f} s"
    )


def _retention(retain: str, grace: str, thin: str) -> "Retention":
    from sinks.expire import Retention

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
