"""A real server over a lake that a real pipeline fills, asked by clients that poll and one that listens."""

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from bench.commands import TIDEMILL
from bench.serving_reports import NAMES

PATHS = tuple(f"/api/v1/reports/{name}" for name in NAMES)
PANELS = "?" + "&".join(f"panel=p{at}:reports/{name}" for at, name in enumerate(NAMES))
START_S = 90.0


class Polled(NamedTuple):
    """What clients saw and what the server's own histogram says: milliseconds, and requests in all."""

    requests: int
    client_ms: Sequence[float]
    server_ms: dict[str, float]
    events_per_s: float


@contextmanager
def child(command: Sequence[str], log: Path, output: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """A process that ends with this block."""
    with log.open("w") as errors:
        process = subprocess.Popen(command, stdout=output or errors, stderr=errors, text=True)
        try:
            yield process
        finally:
            if process.stdout is not None:
                process.stdout.close()
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def served(folder: Path, rate: int) -> Iterator[tuple[str, int]]:
    """A pipeline that reads `rate` made-up events a second, and a server over its lake: its host and port."""
    run = [TIDEMILL, "run", "--source", "generator", "--generator-rate", str(rate), "--no-events"]
    run += ["--lake", str(folder / "lake"), "--recovery", str(folder / "recovery"), "--log-level", "error"]
    serve = [TIDEMILL, "serve", "--lake", str(folder / "lake"), "--serve-port", "0", "--log-level", "error"]
    with child(run, folder / "run.log"), child(serve, folder / "serve.log", subprocess.PIPE) as server:
        assert server.stdout is not None
        found = re.search(r"http://[\w.:]+", server.stdout.readline())
        if found is None:
            raise SystemExit(f"the server did not start:\n{(folder / 'serve.log').read_text()}")
        place = urlsplit(found[0])
        assert place.hostname is not None
        assert place.port is not None
        _wait(place.hostname, place.port)
        yield place.hostname, place.port


def poll(host: str, port: int, clients: int, seconds: float, pause_s: float) -> Polled:
    """Ask the reports in turns by `clients` connections for so long, each after a pause."""
    taken: list[float] = []
    before, read_before, began = _histogram(host, port), _records(host, port), time.perf_counter()
    until = began + seconds

    def client(number: int) -> None:
        connection = http.client.HTTPConnection(host, port, timeout=30)
        turn = number
        while time.perf_counter() < until:
            started = time.perf_counter()
            _get(connection, PATHS[turn % len(PATHS)])
            taken.append((time.perf_counter() - started) * 1000)
            turn += 1
            time.sleep(pause_s)
        connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = _histogram(host, port)
    rate = (_records(host, port) - read_before) / (time.perf_counter() - began)
    counts = {upto: count - before.get(upto, 0) for upto, count in after.items()}
    return Polled(len(taken), taken, {f"p{at}": _quantile_ms(counts, at / 100) for at in (50, 95, 99)}, rate)


def listen(host: str, port: int, commits: int) -> list[float]:
    """Milliseconds from a commit to the moment a client of the change feed has its event, of so many commits."""
    connection = http.client.HTTPConnection(host, port, timeout=60)
    connection.request("GET", f"/api/v1/stream{PANELS}", headers={"Accept": "text/event-stream"})
    answer = connection.getresponse()
    taken: list[float] = []
    event = ""
    while len(taken) <= commits:
        line = answer.readline().decode().rstrip()
        if not line and not event and answer.closed:
            raise SystemExit("the change feed has ended")
        if line.startswith("event:"):
            event = line.partition(":")[2].strip()
        elif line.startswith("data:") and event == "snapshot":
            told = json.loads(line.partition(":")[2])
            taken.append(time.time() * 1000 - told["committed_at_ms"])
    connection.close()
    # the first one tells of a commit from before
    return taken[1:]


def _get(connection: http.client.HTTPConnection, path: str) -> bytes:
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{path} was answered with {answer.status}: {body[:500]!r}")
    return body


def _wait(host: str, port: int) -> None:
    """Until the reports are answered."""
    until = time.perf_counter() + START_S
    while True:
        try:
            with closing(http.client.HTTPConnection(host, port, timeout=30)) as connection:
                for path in PATHS:
                    _get(connection, path)
            return
        except (OSError, SystemExit):
            if time.perf_counter() > until:
                raise
            time.sleep(0.2)


def _metrics(host: str, port: int) -> str:
    with closing(http.client.HTTPConnection(host, port, timeout=30)) as connection:
        return _get(connection, "/metrics").decode()


def _histogram(host: str, port: int) -> dict[float, float]:
    """Requests for reports by the upper limits of their seconds, each with all below."""
    found: dict[float, float] = {}
    pattern = re.compile(r"tidemill_serve_request_seconds_bucket\{(.*)\} (\S+)")
    for labels, count in pattern.findall(_metrics(host, port)):
        upto = re.search(r'le="([^"]+)"', labels)
        if "reports/{name}" in labels and upto is not None:
            found[float(upto[1])] = found.get(float(upto[1]), 0) + float(count)
    return found


def _records(host: str, port: int) -> int:
    connection = http.client.HTTPConnection(host, port, timeout=30)
    told = json.loads(_get(connection, "/api/v1/status"))
    connection.close()
    return int(told["records"])


def _quantile_ms(counts: dict[float, float], share: float) -> float:
    """As Prometheus has it: inside a bucket as if its requests were spread evenly."""
    total = max(counts.values(), default=0)
    low = below = 0.0
    for upto in sorted(counts):
        if counts[upto] >= share * total and counts[upto] > below:
            if upto == float("inf"):
                return low * 1000
            return (low + (upto - low) * (share * total - below) / (counts[upto] - below)) * 1000
        low, below = upto, counts[upto]
    return float("nan")


if __name__ == "__main__":
    sys.exit("this is a part of bench.serving")
