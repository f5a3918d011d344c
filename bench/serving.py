"""How fast answers are while data comes in, beside the official DuckLake client, over small and large lakes.

    python -m bench.serving --write

Lakes are made with the seed that is told; the server and the pipeline of the second part are real processes.
`--short` makes all figures small: they then say only that the parts work together.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from bench import results
from bench.measure import FEWEST_ROUNDS
from bench.serving_beside import Line, answering, beside, reports_of, seconds, settled
from bench.serving_lake import Growing, make_lake
from bench.serving_reports import NAMES, ask
from bench.serving_server import listen, poll, served
from bench.viewers import play, quantile

PAGE = Path(__file__).resolve().parent.parent / "docs" / "serving.md"
_MARKED = re.compile(r"(<!-- figures: written by `make bench-serving` -->\n).*?(<!-- end of figures -->)", re.DOTALL)


class Size(NamedTuple):
    """How much of everything: `lakes` are (events, commits), each commit five files."""

    lakes: Sequence[tuple[int, int]]
    beside: tuple[int, int]
    hours: tuple[int, int]
    rounds: int
    poll_s: float
    pause_s: float
    rate: int
    commits: int
    viewers: tuple[int, float]


FULL = Size(
    lakes=tuple((events, commits) for events in (1_000_000, 10_000_000, 100_000_000) for commits in (2, 100, 1_000)),
    beside=(10_000_000, 300),
    hours=(2, 18),
    rounds=15,
    poll_s=30,
    pause_s=0.1,
    rate=100_000,
    commits=120,
    viewers=(200, 60),
)
SHORT = Size(
    lakes=((200_000, 2), (400_000, 6)),
    beside=(400_000, 4),
    hours=(1, 2),
    rounds=FEWEST_ROUNDS,
    poll_s=2,
    pause_s=0.1,
    rate=2_000,
    commits=5,
    viewers=(5, 12),
)
CLIENTS = 8
VIEWED_RATE = 20_000


def cold(work: Path, size: Size, seed: int) -> list[Line]:
    """A reader in a new process: until the first report is answered, and until all three are."""
    lines = []
    for events, commits in size.lakes:
        lake = make_lake(work / f"cold-{events}-{commits}", events, commits, seed)
        lake.close()
        runs = [_cold_once(lake) for _ in range(FEWEST_ROUNDS)]
        shutil.rmtree(lake.folder)
        first = statistics.median(run[NAMES[0]] for run in runs)
        last = statistics.median(run[NAMES[-1]] for run in runs)
        lines.append(
            Line(f"{events:,} events, {lake.files:,} files", f"{first:.2f} s, all three {last:.2f} s", "under 1 s")
        )
    return lines


def over_the_day(work: Path, size: Size, seed: int) -> list[Line]:
    """top_campaigns of the whole day early and late in it."""
    asked, first = [], []
    for hours in size.hours:
        lake = make_lake(work / f"hours-{hours}", hours * 60 * 70_000, hours * 12, seed)
        with settled(lake) as reader, answering(lake) as place:
            taken = []
            for _ in range(size.rounds):
                lake.commit(timedelta(seconds=1))
                reader.tend()
                taken.append(seconds(lambda: ask(reader.snapshot(), "top_campaigns", lake.now)))  # noqa: B023  # now
            first.append(statistics.median(taken) * 1000)
            taken = [reports_of(lake, *place).seconds["top_campaigns"] for _ in range(size.rounds)]
            asked.append(statistics.median(taken) * 1000)
        lake.close()
        shutil.rmtree(lake.folder)
    told = f"top_campaigns of the day after {size.hours[0]} h and after {size.hours[1]} h"
    return [
        Line(f"{told}, asked at the server after every commit", _grown(asked), "no slower"),
        Line(f"{told}, asked for the first time", _grown(first)),
    ]


def _grown(medians: Sequence[float]) -> str:
    early, late = medians
    return f"{early:.1f} and {late:.1f} ms, {late / early:.2f} times"


def server(work: Path, size: Size) -> list[Line]:
    """Polling clients and a listening one at a real server while a real pipeline reads."""
    with served(work, size.rate) as (host, port):
        time.sleep(min(size.poll_s, 5))
        polled = poll(host, port, CLIENTS, size.poll_s, size.pause_s)
        heard = listen(host, port, size.commits)
    theirs = sorted(polled.client_ms)
    seen = " / ".join(f"{_at(theirs, share):.1f}" for share in (50, 95, 99))
    own = " / ".join(f"{polled.server_ms[f'p{share}']:.1f}" for share in (50, 95, 99))
    told = f"{polled.requests:,} requests at {polled.events_per_s:,.0f} events/s"
    return [
        Line(f"p50 / p95 / p99 at the server, {CLIENTS} clients, {told}", f"{own} ms", "p95 under 10 ms"),
        Line("the same as the clients see it", f"{seen} ms"),
        Line(
            f"commit to a client of the change feed, p50 / p99 of {len(heard)}",
            f"{_at(sorted(heard), 50):.0f} / {_at(sorted(heard), 99):.0f} ms",
            "p99 under 150 ms",
        ),
    ]


def _cold_once(lake: Growing) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.serving_cold", str(lake.folder), lake.now.isoformat()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PAGE.parents[1])
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _at(ordered: Sequence[float], percent: int) -> float:
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)]


def as_markdown(lines: Sequence[Line]) -> str:
    """One line a figure, as a Markdown table."""
    rows = [f"| {line.what} | {line.found} | {line.wanted} |" for line in lines]
    return "\n".join(["| what | found | wanted |", "| --- | --- | --- |", *rows]) + "\n"


def write_page(body: str, page: Path = PAGE) -> None:
    """Put the figures between their marks. Raises SystemExit for a page without them."""
    text, count = _MARKED.subn(lambda found: f"{found[1]}{body}{found[2]}", page.read_text())
    if count != 1:
        raise SystemExit(f"{page} has no place for the figures")
    page.write_text(text)


def viewers(work: Path, size: Size) -> list[Line]:
    """Many viewers of the change feed beside a pipeline: how soon each hears of a commit, and the server's memory."""
    found = play(work / "viewers", *size.viewers, VIEWED_RATE)
    first, last = statistics.median(found.rss_mib[:10]), statistics.median(found.rss_mib[-10:])
    told = f"{size.viewers[0]} viewers of the change feed for {size.viewers[1]:g} s at {VIEWED_RATE:,} events/s"
    half, most = quantile(found.delays_ms, 0.5), quantile(found.delays_ms, 0.99)
    return [
        Line(f"{told}, commit to each, p50 / p99", f"{half:.0f} / {most:.0f} ms", "p99 under 500 ms"),
        Line("memory of that server in the first and last 10 s", f"{first:.0f} and {last:.0f} MiB", "flat"),
    ]


def measure(work: Path, size: Size, seed: int, parts: Sequence[str]) -> tuple[list[Line], Mapping[str, object]]:
    """All figures of these parts, and what is to be said of the run."""
    facts: dict[str, object] = {"seed": seed}
    lines: list[Line] = []
    if "beside" in parts:
        found, version = beside(work, size.beside, size.rounds, seed)
        facts["official client"] = f"DuckDB {version} with its DuckLake extension, the same SQL on the same lake"
        lines += found
    if "server" in parts:
        lines += server(work, size)
    if "cold" in parts:
        lines += cold(work, size, seed)
    if "day" in parts:
        lines += over_the_day(work, size, seed)
    if "viewers" in parts:
        lines += viewers(work, size)
    return lines, facts


PARTS = ("beside", "server", "cold", "day", "viewers")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write bench/results/serving.json and serving.md; with --write also docs/serving.md."""
    parser = argparse.ArgumentParser(prog="python -m bench.serving", description=main.__doc__)
    parser.add_argument("--write", action="store_true", help="put the figures into docs/serving.md")
    parser.add_argument("--short", action="store_true", help="everything small, in a minute or two")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    memory = Path("/dev/shm")
    parser.add_argument("--folder", type=Path, default=memory if memory.is_dir() else None)
    parser.add_argument("--results", type=Path, default=results.RESULTS)
    chosen = parser.parse_args(arguments)
    work = Path(tempfile.mkdtemp(prefix="tidemill-serving-", dir=chosen.folder))
    started = time.perf_counter()
    load = os.getloadavg()[0]
    try:
        lines, facts = measure(work, SHORT if chosen.short else FULL, chosen.seed, chosen.parts)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    took = f"{time.perf_counter() - started:.0f} s"
    facts = {
        **facts,
        "disk": "memory" if chosen.folder == memory else "disk",
        "load before": f"{load:.1f}",
        "took": took,
    }
    body = as_markdown(lines)
    results.write(
        "serving", "Answers while data comes in", facts, body, [line._asdict() for line in lines], chosen.results
    )
    if chosen.write:
        write_page(f"{_told(facts)}\n\n{body}")


def _told(facts: Mapping[str, object]) -> str:
    from bench.measure import machine

    return f"{machine()}; " + "; ".join(f"{name}: {fact}" for name, fact in facts.items()) + "."


if __name__ == "__main__":
    main()
