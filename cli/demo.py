"""`tidemill demo`: the main job on a made-up ad stream, its page, live progress and answers from the growing lake."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runtime.exit_code import as_shell, in_words

if TYPE_CHECKING:
    from cli.page_beside import PageBeside
    from query.reader import LakeReader

TICK_S = 1.0
ANSWERS_EVERY_S = 6.0
START_S = 120.0
"""Longer than a start takes on the busiest machine: without a record until then, the demo ends."""
STOP_S = 60.0
"""Longer than an epoch takes on such a machine while the decoder is compiled beside it, for the first time."""

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
    serve_port: Annotated[
        int,
        typer.Option("--serve-port", min=0, max=65_535, help="Port of its page; where it is taken, any that is free."),
    ] = 8088,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Play a seeded ad stream through the real pipeline into a lake of its own; show page, progress and answers."""
    from query.reader import LakeReader
    from query.reports import reports_folder
    from runtime.settings import default_pipeline

    # its stream is that of ads, whatever pipeline the settings name
    pipeline = default_pipeline(Path())
    reports = reports_folder(pipeline)
    with LakeReader(lake) as reader:
        before = _read_so_far(reader)
    with _told_to_end(), _page(lake, pipeline, recovery, serve_port) as page:

        def watch(children: _Children) -> None:
            _tell(page.url(START_S), open_page)
            print(
                f"A made-up ad stream, {rate:,.0f} events/s for {seconds:g} s, goes through the pipeline into {lake}/"
            )
            print("One process writes, one serves the page, this one reads: they meet in the lake only.\n", flush=True)
            with LakeReader(lake) as reader:
                _watch(reader, children, reports, before, seconds)

        _play(_start(pipeline, lake, recovery, rate), page, watch)
    with LakeReader(lake) as reader:
        _answers(reader, reports)
        total = reader.query(_PROGRESS).column(0)[0].as_py()
    print(f"The lake holds the result of {total:,} records: each counted once. Try next:\n")
    print(_next(f"--lake {shlex.quote(str(lake))}"))


def _tell(url: str, open_page: bool) -> None:
    print(f"page: {url}\n", flush=True)
    if open_page:
        import webbrowser

        webbrowser.open(url)


def _play(job: subprocess.Popen[bytes], page: "PageBeside", watch: "Callable[[_Children], None]") -> None:
    """Watch until it is over, then end the pipeline. Raises typer.Exit where either of both did not end well."""
    fallen: int | None = None
    try:
        watch(_Children(job, page))
        fallen = page.poll()
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
    if fallen is not None:
        typer.echo(f"error: the page's server {in_words(fallen)}; the lake is whole, start again", err=True)
        raise typer.Exit(as_shell(fallen) or 1)


def _next(there: str) -> str:
    """What to try after it, as it is called here: in the tree by the environment's path and by make."""
    from dataflow.root import INSTALLED

    name, again, kafka = ".venv/bin/tidemill", "make demo", "make kafka"
    if INSTALLED:
        name, again, kafka = "tidemill", "tidemill demo", "tidemill kafka start"
    return f"""  {name} serve {there}
  {name} query {there} "SELECT * FROM campaign_1m ORDER BY window_start DESC LIMIT 10"
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


def _page(lake: Path, pipeline: str, recovery: Path, port: int) -> "PageBeside":
    from cli.page_beside import start_page

    return start_page(lake, pipeline, recovery, port)


def _stop(job: subprocess.Popen[bytes]) -> int:
    from cli.page_beside import stopped

    return stopped(job, STOP_S)


class _Ended(BaseException):
    """Somebody told this process to end, by a signal other than ^C's."""

    def __init__(self, number: int) -> None:
        self.number = number


@contextmanager
def _told_to_end() -> Iterator[None]:
    """Inside, SIGTERM and a terminal that is closed end the children as ^C does, and this process with their code."""

    def end(number: int, _: object) -> None:
        raise _Ended(number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    except _Ended as ended:
        raise typer.Exit(as_shell(-ended.number)) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Children:
    """Pipeline and page: over as soon as one of them is."""

    def __init__(self, job: subprocess.Popen[bytes], page: "PageBeside") -> None:
        self.job = job
        self.page = page

    def poll(self) -> int | None:
        code = self.job.poll()
        return self.page.poll() if code is None else code


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
    job: _Children,
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
