"""`tidemill demo`: the main job on a made-up ad stream, with live progress and answers from the growing lake."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runtime.exit_code import as_shell, in_words

if TYPE_CHECKING:
    from query.reader import LakeReader

TICK_S = 1.0
ANSWERS_EVERY_S = 6.0
START_S = 120.0
"""Longer than a start takes on the busiest machine: without a record until then, the demo ends."""
STOP_S = 15.0

LAKE, RECOVERY = Path("demo/lake"), Path("demo/recovery")
"""The demo's own: a lake goes on with the source that filled it, and the settings' lake is that of another."""

_ANY = 1_000
"""Columns of a line in a file or a pipe."""

_PROGRESS = """
SELECT coalesce(sum(read), 0)::BIGINT, (SELECT count(*) FROM late_events), coalesce(sum(dead), 0)::BIGINT,
       coalesce(sum(duplicate), 0)::BIGINT, epoch_ms(max(committed_at)),
       (SELECT min(seen) FROM (SELECT max(max_event_time) AS seen FROM ledger GROUP BY "partition"))
FROM ledger
"""


def demo(
    seconds: Annotated[
        float,
        typer.Option(
            envvar="DEMO_SECONDS", min=1, help="How long it plays, from the first record on.", metavar="SECONDS"
        ),
    ] = 30.0,
    rate: Annotated[float, typer.Option(min=1, help="Events per second.")] = 20_000.0,
    lake: Annotated[Path, typer.Option("--lake", help="Folder of its lake.", metavar="DIR")] = LAKE,
    recovery: Annotated[
        Path, typer.Option("--recovery", help="Folder of its recovery store.", metavar="DIR")
    ] = RECOVERY,
) -> None:
    """Play a seeded ad stream through the real pipeline into a lake of its own; answer questions while it grows."""
    from query.reader import LakeReader
    from query.reports import reports_folder
    from runtime.settings import default_pipeline

    # its stream is that of ads, whatever pipeline the settings name
    pipeline = default_pipeline(Path())
    reports = reports_folder(pipeline)
    print(f"A made-up ad stream, {rate:,.0f} events/s for {seconds:g} s, goes through the pipeline into {lake}/")
    print("One process writes; this one only reads the lake.\n")
    with LakeReader(lake) as reader:
        before = _read_so_far(reader)
    job = _start(pipeline, lake, recovery, rate)
    try:
        with LakeReader(lake) as reader:
            _watch(reader, job, reports, before, seconds)
        code = _stop(job)
    except KeyboardInterrupt:
        code = _stop(job)
        if code == -signal.SIGTERM:
            # it was still starting, and had nothing to end in order
            raise typer.Exit(as_shell(-signal.SIGINT)) from None
    except BaseException:
        _stop(job)
        raise
    if code != 0:
        if code < 0:
            typer.echo(f"error: the pipeline {in_words(code)}; start again, it goes on where it was", err=True)
        raise typer.Exit(as_shell(code))
    with LakeReader(lake) as reader:
        _answers(reader, reports)
        total = reader.query(_PROGRESS).column(0)[0].as_py()
    print(f"The lake holds the result of {total:,} records: each counted once. Try next:\n")
    print(_next(f"--lake {shlex.quote(str(lake))}"))


def _next(there: str) -> str:
    """What to try after it, as it is called here: in the tree by the environment's path and by make."""
    from dataflow.root import INSTALLED

    name, again, kafka = ".venv/bin/tidemill", "make demo", "make kafka"
    if INSTALLED:
        name, again, kafka = "tidemill", "tidemill demo", "tidemill kafka start"
    return f"""  {name} query {there} "SELECT * FROM campaign_1m ORDER BY window_start DESC LIMIT 10"
  {name} report clicks_per_ad --minutes 5 --at latest {there}
  {name} query {there} "SELECT reason, count(*) AS records FROM dead_letters GROUP BY ALL"
  {name} snapshots {there}
  {again:24} goes on where this one stopped
  {kafka:24} starts a real Apache Kafka, for produce and run"""


def _start(pipeline: str, lake: Path, recovery: Path, rate: float) -> subprocess.Popen[bytes]:
    from runtime.program import this_command

    arguments = ["run", "--source", "generator", "--generator-rate", str(rate), "--log-level", "error", "--quiet"]
    command = this_command([*arguments, "--pipeline", pipeline, "--lake", str(lake), "--recovery", str(recovery)])
    # a session of its own: ^C reaches this process, which then stops the pipeline in order
    return subprocess.Popen(command, start_new_session=True)


def _stop(job: subprocess.Popen[bytes]) -> int:
    if job.poll() is None:
        job.send_signal(signal.SIGTERM)
    try:
        return job.wait(STOP_S)
    except subprocess.TimeoutExpired:
        job.kill()
        return job.wait()


def _read_so_far(reader: "LakeReader") -> int:
    row = _so_far(reader)
    return 0 if row is None else int(next(iter(row.values())))


def _so_far(reader: "LakeReader") -> dict[str, Any] | None:
    """The row of _PROGRESS; None without a lake, and for the moment that a new one has a catalog and no tables."""
    from dataflow.errors import LakeMissing
    from dataflow.pipeline.names import LEDGER

    try:
        snapshot = reader.snapshot()
    except LakeMissing:
        return None
    return snapshot.query(_PROGRESS).to_pylist()[0] if LEDGER in snapshot.tables else None


def _watch(
    reader: "LakeReader",
    job: subprocess.Popen[bytes],
    reports: Path,
    before: int,
    seconds: float,
    *,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Show progress for so many seconds, counted from the look that finds more records than `before`."""
    started = monotonic()
    flowing: float | None = None
    seen: tuple[float, int] | None = None
    answered = started
    while job.poll() is None:
        passed = monotonic() - (started if flowing is None else flowing)
        left = (START_S if flowing is None else seconds) - passed
        if left <= 0:
            break
        sleep(min(TICK_S, left))
        row = _so_far(reader)
        if row is None:
            continue
        read, now = next(iter(row.values())), monotonic()
        if flowing is None and read > before:
            flowing = answered = now
        if flowing is not None:
            if seen is not None:
                _progress(row, now - flowing, (read - seen[1]) / (now - seen[0]))
            seen = (now, read)
        if now - answered >= ANSWERS_EVERY_S and read > before:
            answered = now
            _answers(reader, reports)
    if sys.stdout.isatty():
        print()


def _progress(row: dict[str, Any], passed: float, rate: float) -> None:
    from runtime.look import Look

    read, late, dead, duplicate, committed_ms, seen_ms = row.values()
    wall_ms = round(datetime.now(UTC).timestamp() * 1000)
    look = Look(
        passed,
        rate,
        read,
        late,
        duplicate,
        dead,
        delay_ms=None if seen_ms is None else wall_ms - seen_ms,
        committed_ms=wall_ms - committed_ms,
    )
    if not sys.stdout.isatty():
        print(look.line(_ANY), flush=True)
        return
    room = os.get_terminal_size().columns - 1
    print("\r" + look.line(room).ljust(room), end="", flush=True)


def _answers(reader: "LakeReader", folder: Path) -> None:
    from cli.answers import wanted
    from query.definition import lake_definition
    from query.reports import Shelf, ask_as

    snapshot, now = reader.snapshot(), datetime.now(UTC)
    shelf = Shelf(folder, lake_definition(reader), reader.parser)
    wish = wanted(None, None)
    print()
    for name in shelf.file_names():
        report = shelf.find(name)
        answer = ask_as(wish.read, snapshot, report, {}, now, at="latest", limit=5 if report.takes_limit else None)
        print(f"{answer.report}: {answer.note}", flush=True)
        wish.put(answer.table)
    print(flush=True)
