"""Viewers of the change feed while a pipeline writes: how soon each hears of a commit, and in how much memory."""

import argparse
import asyncio
import json
import math
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit
from urllib.request import urlopen

from bench.measure import BenchError
from bench.results import write

ROOT = Path(__file__).resolve().parent.parent
PANELS = (
    "a:reports/clicks_per_ad?at=latest",
    "b:reports/campaign_1m?every=1m&group=&last=30m",
    "c:reports/top_campaigns?at=latest",
    "d:status",
)
WARM_UP_S = 10.0
START_S = 60.0
_MIB = 2**20


class Viewer:
    """One connection. `delays_ms`: from each commit to the first event that a panel had of it, while `is_counted`."""

    def __init__(self, url: str, panels: Sequence[str]) -> None:
        place = urlsplit(url)
        self._host, self._port = place.hostname or "127.0.0.1", place.port or 80
        query = "&".join(f"panel={quote(panel)}" for panel in panels)
        self._request = f"GET /api/v1/stream?{query} HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode()
        self._told: dict[str, int] = {}
        self.delays_ms: list[float] = []
        self.snapshots = 0
        self.is_counted = False

    async def watch(self) -> None:
        """Read until it is cancelled. Raises BenchError where the server ends the feed or tells a problem."""
        reader, writer = await asyncio.open_connection(self._host, self._port, limit=2**24)
        writer.write(self._request)
        event = ""
        try:
            while line := await reader.readline():
                if line.startswith(b"event: "):
                    event = line[7:].strip().decode()
                elif line.startswith(b"data: "):
                    self.take(event, line[6:], time.time() * 1000)
            raise BenchError("the server ended a feed")
        finally:
            writer.close()

    def take(self, event: str, data: bytes, arrived_ms: float) -> None:
        """One event as it arrives."""
        told = json.loads(data)
        if event == "problem":
            raise BenchError(f"the feed told a problem: {told}")
        if event == "snapshot":
            self.snapshots += 1
            return
        number = told["snapshot"]["id"]
        # a panel also changes with the clock alone: only its first event of a snapshot came with the commit
        if number != self._told.get(told["panel"], -1):
            self._told[told["panel"]] = number
            if self.is_counted:
                self.delays_ms.append(arrived_ms - datetime.fromisoformat(told["snapshot"]["time"]).timestamp() * 1000)


class Measured(NamedTuple):
    """What the viewers met; resident memory of the server in MiB, a sample a second."""

    delays_ms: list[float]
    rss_mib: list[float]
    commits: int


async def measure(url: str, pid: int, viewers: int, seconds: float) -> Measured:
    """So many viewers for so many seconds after a warm-up. Raises BenchError where one of them loses its feed."""
    watching = [Viewer(url, PANELS) for _ in range(viewers)]
    tasks = [asyncio.create_task(viewer.watch()) for viewer in watching]
    try:
        await _quietly(tasks, WARM_UP_S)
        before = watching[0].snapshots
        for viewer in watching:
            viewer.is_counted = True
        rss = []
        for _ in range(round(seconds)):
            await _quietly(tasks, 1.0)
            rss.append(rss_mib(pid))
        delays = [delay for viewer in watching for delay in viewer.delays_ms]
        if not all(viewer.delays_ms for viewer in watching):
            raise BenchError("a viewer was told nothing")
        return Measured(delays, rss, watching[0].snapshots - before)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _quietly(tasks: Sequence["asyncio.Task[None]"], seconds: float) -> None:
    """Wait; the error of a viewer that ended meanwhile."""
    done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    for task in done:
        task.result()


def rss_mib(pid: int) -> float:
    """Resident memory of a process."""
    lines = (Path("/proc") / str(pid) / "status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / _MIB for line in lines if line.startswith("VmRSS:"))


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of all does not exceed."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * share) - 1)]


def main() -> None:
    """Run it and write bench/results/viewers.*."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=20_000, help="events per second of the pipeline beside it")
    wish = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="viewers-") as work:
        found = play(Path(work), wish.viewers, wish.seconds, wish.rate)
    first, last = statistics.median(found.rss_mib[:10]), statistics.median(found.rss_mib[-10:])
    figures = {
        "median_ms": round(statistics.median(found.delays_ms), 1),
        "p99_ms": round(quantile(found.delays_ms, 0.99), 1),
        "largest_ms": round(max(found.delays_ms), 1),
        "events": len(found.delays_ms),
        "commits": found.commits,
        "rss_first_10_s_mib": round(first, 1),
        "rss_last_10_s_mib": round(last, 1),
    }
    facts = {
        "viewers": wish.viewers,
        "panels of each": len(PANELS),
        "seconds": wish.seconds,
        "pipeline beside it": f"{wish.rate:,.0f} events/s, a commit every 250 ms",
        "delay": "from the snapshot's time in the catalog to the event's arrival at its viewer, first of each panel",
    }
    lines = [f"| {name} | {value:,} |" for name, value in figures.items()]
    table = "\n".join(["| figure | value |", "| --- | --- |", *lines])
    write("viewers", "Many viewers of the change feed", facts, table + "\n", figures)


def play(work: Path, viewers: int, seconds: float, rate: float) -> Measured:
    """A pipeline and a server over its lake, both processes of their own, and the viewers in this one."""
    work.mkdir(exist_ok=True)
    program = [sys.executable, "-c", "import run\nrun.main()"]
    places = ["--lake", str(work / "lake"), "--recovery", str(work / "recovery")]
    quiet = ["--quiet", "--log-level", "error"]
    job = [*program, "run", "--source", "generator", "--generator-rate", str(rate), *places, *quiet]
    asking = [*program, "serve", "--serve-port", "0", "--no-serve-sql", *places, "--log-level", "error"]
    pipeline = subprocess.Popen(job, cwd=ROOT)
    server = subprocess.Popen(asking, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        _wait_until_ready(url)
        return asyncio.run(measure(url, server.pid, viewers, seconds))
    finally:
        if server.stdout is not None:
            server.stdout.close()
        for process in (server, pipeline):
            process.send_signal(signal.SIGTERM)
        for process in (server, pipeline):
            with suppress(subprocess.TimeoutExpired):
                process.wait(15)
            process.kill()
            process.wait()


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with suppress(OSError), urlopen(f"{url}/readyz", timeout=5) as answer:
            if answer.status == 200:
                return
        time.sleep(0.2)
    raise BenchError(f"no lake was there to answer from within {START_S:g} s")


if __name__ == "__main__":
    main()
