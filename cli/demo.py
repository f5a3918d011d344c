"""`tidemill demo`: the main job on a made-up ad stream, with live progress and answers from the growing lake."""

import os
import shlex
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exit_code import as_shell, in_words

if TYPE_CHECKING:
    from query.reader import LakeReader

TICK_S = 1.0
ANSWERS_EVERY_S = 6.0
STOP_S = 15.0

LAKE, RECOVERY = Path("demo/lake"), Path("demo/recovery")
"""The demo's own: a lake goes on with the source that filled it, and the settings' lake is that of another."""

_PROGRESS = """
SELECT coalesce(sum(read), 0)::BIGINT, (SELECT count(*) FROM late_events), coalesce(sum(dead), 0)::BIGINT,
       coalesce(sum(duplicate), 0)::BIGINT, epoch_ms(max(committed_at)),
       (SELECT min(seen) FROM (SELECT max(max_event_time) AS seen FROM ledger GROUP BY "partition"))
FROM ledger
"""


def demo(
    seconds: Annotated[
        float, typer.Option(envvar="DEMO_SECONDS", min=1, help="How long it plays.", metavar="SECONDS")
    ] = 30.0,
    rate: Annotated[float, typer.Option(min=1, help="Events per second.")] = 20_000.0,
    lake: Annotated[Path, typer.Option("--lake", help="Folder of its lake.", metavar="DIR")] = LAKE,
    recovery: Annotated[
        Path, typer.Option("--recovery", help="Folder of its recovery store.", metavar="DIR")
    ] = RECOVERY,
) -> None:
    """Play a seeded ad stream through the real pipeline into a lake of its own; answer questions while it grows."""
    from query.reader import LakeReader

    print(f"A made-up ad stream, {rate:,.0f} events/s for {seconds:g} s, goes through the pipeline into {lake}/")
    print("One process writes; this one only reads the lake.\n")
    job = _start(lake, recovery, rate)
    try:
        with LakeReader(lake) as reader:
            _watch(reader, job, lake, seconds)
        code = _stop(job)
    except KeyboardInterrupt:
        code = _stop(job)
    except BaseException:
        _stop(job)
        raise
    if code != 0:
        if code < 0:
            typer.echo(f"error: the pipeline {in_words(code)}; start again, it goes on where it was", err=True)
        raise typer.Exit(as_shell(code))
    with LakeReader(lake) as reader:
        _answers(reader)
        total = reader.query(_PROGRESS).column(0)[0].as_py()
    print(f"The lake holds the result of {total:,} records: each counted once. Try next:\n")
    there = f"--lake {shlex.quote(str(lake))}"
    print(f"""  .venv/bin/tidemill query {there} "SELECT * FROM campaign_1m ORDER BY window_start DESC LIMIT 10"
  .venv/bin/tidemill report clicks_per_ad --minutes 5 --at latest {there}
  .venv/bin/tidemill query {there} "SELECT reason, count(*) AS records FROM dead_letters GROUP BY ALL"
  .venv/bin/tidemill snapshots {there}
  make demo      goes on where this one stopped
  make kafka     starts a real Apache Kafka: the README's next section""")


def _start(lake: Path, recovery: Path, rate: float) -> subprocess.Popen[bytes]:
    from cli.supervise import this_command

    arguments = ["run", "--source", "generator", "--generator-rate", str(rate), "--log-level", "error"]
    command = this_command([*arguments, "--lake", str(lake), "--recovery", str(recovery)])
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


def _watch(reader: "LakeReader", job: subprocess.Popen[bytes], lake: Path, seconds: float) -> None:
    from dataflow.errors import LakeMissing
    from dataflow.tables import LEDGER

    started = time.monotonic()
    answered = started
    before: tuple[float, int] | None = None
    first = 0
    while (passed := time.monotonic() - started) < seconds and job.poll() is None:
        time.sleep(min(TICK_S, max(0.0, seconds - passed)))
        try:
            snapshot = reader.snapshot()
        except LakeMissing:
            continue
        if LEDGER not in snapshot.tables:  # a new lake gets its tables a moment after its catalog
            continue
        row = snapshot.query(_PROGRESS).to_pylist()[0]
        read, late, dead, duplicate, committed_ms, seen_ms = row.values()
        now = time.monotonic()
        if before is None:
            first = read
        elif committed_ms is not None:
            rate = (read - before[1]) / (now - before[0])
            wall_ms = datetime.now(UTC).timestamp() * 1000
            delay = "no event yet" if seen_ms is None else f"{max(0.0, (wall_ms - seen_ms) / 1000):.1f} s"
            _line(
                f"{now - started:5.0f} s  {rate:8,.0f} events/s  read {read:,}  watermark delay {delay}  late {late:,}"
                f"  duplicate {duplicate:,}  dead {dead:,}  last commit {max(0.0, wall_ms - committed_ms):.0f} ms ago"
            )
        before = (now, read)
        if now - answered >= ANSWERS_EVERY_S and read > first:
            answered = now
            _answers(reader)
    if sys.stdout.isatty():
        print()


def _line(text: str) -> None:
    if not sys.stdout.isatty():
        print(text, flush=True)
        return
    width = os.get_terminal_size().columns
    print("\r" + text[: width - 1].ljust(width - 1), end="", flush=True)


def _answers(reader: "LakeReader") -> None:
    from query import reports
    from query.formats import write

    snapshot, now = reader.snapshot(), datetime.now(UTC)
    print()
    for answer in (
        reports.clicks_per_ad(snapshot, now, minutes=5, at="latest", limit=5),
        reports.top_campaigns(snapshot, now, day="today", at="latest", limit=5),
        reports.revenue_per_hour(snapshot, now, hours=24, at="latest", limit=5),
    ):
        print(f"{answer.report}: {answer.note}", flush=True)
        write(answer.table, "table", sys.stdout.buffer, pretty=sys.stdout.isatty())
        sys.stdout.flush()
    print(flush=True)
