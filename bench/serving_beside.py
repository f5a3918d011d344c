"""The reports after each commit, in turns: by the official DuckLake client, files, memory, and a real server."""

import http.client
import re
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pyarrow as pa

from bench.commands import TIDEMILL
from bench.questions import shelf
from bench.serving_lake import START, Growing, make_lake
from bench.serving_official import Official, plain
from bench.serving_reports import NAMES, ask, parameters
from bench.serving_server import child
from query.reader import LakeReader
from query.recent import RecentReader
from query.reports import Report
from sinks.lake.tables.specs import specs_of_lake
from sinks.lake.upkeep.compact import compact

SHOWN_S = 60.0


class Line(NamedTuple):
    """One figure: what was measured, what came out, what was wanted of it, if anything."""

    what: str
    found: str
    wanted: str = ""


class Reports(NamedTuple):
    """One round at a server, by report: seconds, and rows. `shown_s`: from the commit until it is seen."""

    seconds: dict[str, float]
    rows: dict[str, list[dict[str, Any]]]
    shown_s: float


def beside(work: Path, amount: tuple[int, int], rounds: int, seed: int) -> tuple[list[Line], str]:
    """All ways after each commit, of a lake of so many events and commits, then merged; all rows equal."""
    lake = make_lake(work / "beside", *amount, seed)
    compact(lake.catalog, specs_of_lake(lake.catalog), clock=lambda: lake.now)
    taken: dict[tuple[str, str], list[float]] = {}
    taking_in: list[float] = []
    shown: list[float] = []
    with (
        settled(lake) as reader,
        LakeReader(lake.folder) as files,
        Official(lake.folder) as official,
        answering(lake) as place,
    ):
        reports_of(lake, *place)
        for _ in range(rounds):
            served = reports_of(lake, *place)
            shown.append(served.shown_s)
            taking_in.append(seconds(reader.tend))
            for name in NAMES:
                taken.setdefault((name, "server"), []).append(served.seconds[name])
                for which, each in {"memory": reader, "files": files}.items():
                    taken.setdefault((name, which), []).append(
                        seconds(lambda each=each, name=name: ask(each.snapshot(), name, lake.now))  # type: ignore[misc]  # bound now
                    )
                took, rows = official.ask(_sql(name), parameters(name, lake.now))
                taken.setdefault((name, "official"), []).append(took)
                if plain(ask(reader.snapshot(), name, lake.now).table.to_pylist()) != rows:
                    raise SystemExit(f"{name}: the official client answers otherwise")
                if plain(served.rows[name]) != rows:
                    raise SystemExit(f"{name}: the server answers otherwise")
    lake.close()
    medians = {key: statistics.median(values) * 1000 for key, values in taken.items()}
    lines = [
        Line(
            f"{name}: official client / at the server, asked after every commit",
            f"{medians[name, 'official']:.1f} / {medians[name, 'server']:.1f} ms,"
            f" 1/{medians[name, 'official'] / medians[name, 'server']:.0f}",
            "at most 1/10",
        )
        for name in NAMES
    ]
    lines += [
        Line(
            f"{name}, asked for the first time: from files / from memory",
            f"{medians[name, 'files']:.1f} / {medians[name, 'memory']:.1f} ms",
        )
        for name in NAMES
    ]
    lines.append(Line("from a commit until the server answers by it", f"{statistics.median(shown) * 1000:.0f} ms"))
    lines.append(Line("of that, taking it in", f"{statistics.median(taking_in) * 1000:.1f} ms"))
    return lines, official.version


@contextmanager
def answering(lake: Growing) -> Iterator[tuple[str, int]]:
    """A real server over the lake: its host and port."""
    serve = [TIDEMILL, "serve", "--lake", str(lake.folder), "--serve-port", "0", "--log-level", "error"]
    log = lake.folder.parent / f"{lake.folder.name}-serve.log"
    with child(serve, log, subprocess.PIPE) as server:
        assert server.stdout is not None
        found = re.search(r"http://[\w.:]+", server.stdout.readline())
        if found is None:
            raise SystemExit(f"the server did not start:\n{log.read_text()}")
        address = urlsplit(found[0])
        assert address.hostname is not None
        assert address.port is not None
        yield address.hostname, address.port


def reports_of(lake: Growing, host: str, port: int) -> Reports:
    """Ask for the reports again and again, commit meanwhile, and time each once the commit is shown."""
    connection = http.client.HTTPConnection(host, port, timeout=60)
    day = f"{START:%Y-%m-%d}"
    paths = {name: f"/api/v1/reports/{name}?at=latest" for name in NAMES}
    paths["top_campaigns"] += f"&day={day}"
    for path in paths.values():
        _get(connection, path)
    number = lake.commit(timedelta(seconds=1))
    committed_s = time.perf_counter()
    while _get(connection, paths[NAMES[0]])[0] < number:
        if time.perf_counter() - committed_s > SHOWN_S:
            raise SystemExit(f"the server does not show snapshot {number}")
        time.sleep(0.002)
    shown_s = time.perf_counter() - committed_s
    taken, rows = {}, {}
    for name, path in paths.items():
        started = time.perf_counter()
        _get(connection, path)
        taken[name] = time.perf_counter() - started
    for name, path in paths.items():
        # JSON has times and amounts in other forms than the official client
        at, body = _get(connection, f"{path}&format=arrow")
        if at != number:
            raise SystemExit(f"the server shows snapshot {at} after {number}")
        rows[name] = pa.ipc.open_stream(body).read_all().to_pylist()
    connection.close()
    return Reports(taken, rows, shown_s)


def _get(connection: http.client.HTTPConnection, path: str) -> tuple[int, bytes]:
    """Of which snapshot, and the body."""
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{path} was answered with {answer.status}: {body[:500]!r}")
    return int(answer.headers["X-Snapshot-Id"]), body


def settled(lake: Growing) -> RecentReader:
    """A reader that has all in memory that it keeps."""
    reader = RecentReader(lake.folder, clock=lambda: lake.now)
    while reader.tend():
        pass
    return reader


def _sql(name: str) -> str:
    found = shelf().find(name)
    assert isinstance(found, Report)
    return found.sql


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
