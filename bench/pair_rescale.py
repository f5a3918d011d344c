"""A rule over pairs of events beside ten million keys, whose run starts again with other numbers of workers: exact?

python -m bench.pair_rescale
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from bench.pair_figures import MOST_KEYS
from bench.results import write
from query.reader import LakeReader

ROOT = Path(__file__).resolve().parents[1]
CLICKS = 20_000
FILES = 4
START_MS = 1_764_000_000_000
HOUR_MS = 3_600_000

_Numbers = npt.NDArray[np.int64]

JOB = """
from typing import Literal
from pydantic import BaseModel
from tidemill import EventTime, Pipeline, alerts

class Event(BaseModel):
    at: EventTime
    kind: Literal["impression", "click"]
    user_id: str
    price: int

pipeline = Pipeline(
    "rescale", Event, [], out_of_orderness="1h", idle_timeout="30d",
    alerts=[alerts.sequence("pairs", key="user_id", first="kind = 'impression'", then="kind = 'click'", within="1h",
                            having="then.price > first.price")],
)
"""


def write_events(path: Path, kind: str, users: _Numbers, at_ms: _Numbers, price: _Numbers) -> None:
    """A file of NDJSON."""
    events = {"users": users, "at_ms": at_ms, "price": price}
    with duckdb.connect() as connection:
        connection.register("events", events)
        connection.execute(
            f"COPY (SELECT at_ms AS at, '{kind}' AS kind, 'user-' || users AS user_id, price FROM events)"
            f" TO '{path}' (FORMAT json)"
        )


def run(folder: Path, workers: int) -> dict[str, float]:
    """A bounded run of so many workers: how long it took, and the most memory of a process so far."""
    command = [sys.executable, str(ROOT / "run.py"), "run", "--pipeline", "job.py", "--source", "files"]
    command += ["--input", "data", "--bounded", "-w", str(workers), "--log-level", "error", "--quiet"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEMILL_", "BYTEWAX_"))}
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, env={**clean, "PYTHONPATH": str(ROOT)}, check=True)
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3
    return {"workers": workers, "seconds": time.perf_counter() - began, "peak_mb": peak_mb}


def expected(folder: Path) -> set[tuple[str, int, int]]:
    """The user of each pair and its window, by one query over the files. Each user has one impression."""
    asked = (
        f"WITH e AS (SELECT * FROM read_json('{folder}/data/*.ndjson', format = 'newline_delimited'))"
        " SELECT i.user_id, i.at, c.at + 1 FROM e c JOIN e i ON i.user_id = c.user_id AND i.kind = 'impression'"
        f" AND c.kind = 'click' AND i.at <= c.at AND c.at < i.at + {HOUR_MS} AND c.price > i.price"
    )
    with duckdb.connect() as connection:
        return set(connection.execute(asked).fetchall())


def raised(folder: Path) -> list[tuple[str, int, int]]:
    """The same, of the lake's alerts that stand; more than once where one is there more than once."""
    with LakeReader(folder / "lake") as reader:
        rows = reader.query(
            "SELECT key->>'user_id' AS user_id, epoch_ms(window_start) AS a, epoch_ms(window_end) AS b FROM alerts"
            " WHERE state = 'raised'"
        ).to_pylist()
    return [(row["user_id"], row["a"], row["b"]) for row in rows]


def measured(folder: Path, keys: int) -> list[dict[str, float]]:
    """Runs with one worker, two, and one again, each over what has come since. Ends where one is not exact."""
    rng = np.random.default_rng(1)
    (folder / "data").mkdir()
    (folder / "job.py").write_text(JOB)
    bounds = [keys * part // FILES for part in range(FILES + 1)]
    for part, (first, end) in enumerate(pairwise(bounds)):
        users = np.arange(first, end)
        at_ms = START_MS + rng.integers(0, HOUR_MS // 2, len(users))
        write_events(folder / "data" / f"shown{part}.ndjson", "impression", users, at_ms, users % 7)
    steps = []
    for step, workers in enumerate((1, 2, 1)):
        for part in range(2):
            users = rng.integers(0, keys, CLICKS)
            at_ms = START_MS + HOUR_MS // 2 + rng.integers(0, HOUR_MS // 2, CLICKS)
            path = folder / "data" / f"clicked{step}{part}.ndjson"
            write_events(path, "click", users, at_ms, rng.integers(0, 9, CLICKS))
        told = run(folder, workers)
        found = raised(folder)
        if len(set(found)) != len(found) or set(found) != expected(folder):
            raise SystemExit(f"step {step}, -w {workers}: the alerts are not those of one query over the events")
        steps.append({**told, "alerts": len(found)})
    return steps


def main() -> None:
    """Measure and write bench/results/pair_rescale.*."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=MOST_KEYS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        steps = measured(Path(name), arguments.keys)
    facts = {
        "events": f"an impression of each of {arguments.keys:,} users in {FILES} files, read by the first run; before "
        f"each run {2 * CLICKS:,} clicks of random ones in two more files",
        "exact": "after each run its alerts equal those of one DuckDB query over all files",
    }
    table = "| workers | alerts | s, start and end included | peak so far, MB |\n| ---: | ---: | ---: | ---: |\n"
    for each in steps:
        table += f"| {each['workers']} | {each['alerts']:,} | {each['seconds']:.1f} | {each['peak_mb']:,.0f} |\n"
    write("pair_rescale", "Rules over pairs with other numbers of workers", facts, table, steps)


if __name__ == "__main__":
    main()
