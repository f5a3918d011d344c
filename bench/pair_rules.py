"""What rules over pairs of events hold and cost: memory, judging a commit, and reading it all back after a restart.

python -m bench.pair_rules
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel

from bench.pair_figures import MOST_KEYS, name_of, table_of
from bench.results import write
from dataflow import EventTime, Pipeline
from dataflow.messages import Parcel, Range, RollupCount
from dataflow.pipeline.pair_plan import PairPlan
from dataflow.pipeline.pair_rules import absence, sequence
from dataflow.pipeline.plan import Plan, make_plan
from dataflow.pipeline.tables import rollup_tables, tables_of
from sinks.lake.alerting import alerting
from sinks.lake.frontier import Stand
from sinks.lake.tables.prepare import open_lake
from sinks.lake.writer import LakeWriter, commit

TOUCHED = 20_000
COMMIT_ROWS = 250_000
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Event(BaseModel):
    """One event."""

    at: EventTime
    kind: Literal["impression", "click"]
    user_id: str
    price: int


def plan_of(kind: str) -> Plan:
    told: dict[str, Any] = {
        "key": "user_id",
        "first": "kind = 'impression'",
        "then": "kind = 'click'",
        "within": "1h",
        "having": "then.price > first.price",
    }
    rule = sequence("pairs", **told) if kind == "sequence" else absence("pairs", **told)
    return make_plan(Pipeline("bench", Event, [], out_of_orderness="5s", alerts=[rule]), ".")


def evidence(rule: PairPlan, users: npt.NDArray[np.int64], at_ms: int, offset: int, *, first: bool) -> pa.Table:
    """An event of each of these users, at about one time. Of a hundred clicks one has a higher price."""
    schema = rollup_tables(rule.rollup)[0].schema
    rows = len(users)
    start = pa.array(at_ms + np.arange(rows) * 100 // rows).cast(pa.timestamp("ms"))
    end = pa.array(at_ms + 1 + np.arange(rows) * 100 // rows).cast(pa.timestamp("ms"))
    one, none = np.ones(rows, np.int64), np.zeros(rows, np.int64)
    columns: dict[str, Any] = {
        "user_id": pa.array(np.char.add("user-", users.astype("U8"))),
        "price": none if first else (np.arange(rows) % 100 == 0).astype(np.int64),
        "partition": pa.repeat(pa.scalar("events/0"), rows),
        "offset": offset + np.arange(rows),
        "window_start": start,
        "window_end": end,
        "is_first": one if first else none,
        "is_then": none if first else one,
        "row_count": one,
        "late_count": none,
    }
    return pa.table({field.name: columns[field.name] for field in schema}, schema=schema)


def writer_on(folder: Path, plan: Plan) -> LakeWriter:
    catalog = open_lake(folder, plan, NOW, events=False)
    specs = tables_of(plan, events=False)
    writer = LakeWriter(catalog, specs, pipeline=plan.name, lineage="bench", clock=lambda: NOW)
    writer.alerts = alerting(catalog, plan)
    writer.resume(None)
    return writer


def parcel(plan: Plan, rows: pa.Table, offset: int, watermark_ms: int) -> Parcel:
    count = rows.num_rows
    line = Range("events/0", "events", offset, offset + count, count, count, rules=plan.rules)
    line.max_event_time, line.watermark = watermark_ms + 5_000, watermark_ms
    line.rollups = {"pairs": RollupCount(0, count, 0)}
    return Parcel(line, {"pairs_delta": rows.combine_chunks().to_batches()[0]})


def held_mb() -> float:
    """Resident memory of this process."""
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def measured(kind: str, keys: int, commits: int) -> dict[str, float]:
    """A lake of so many keys with an event each within the rule's hour; then commits of clicks of random ones."""
    plan, rng = plan_of(kind), np.random.default_rng(1)
    rule = plan.alerts[0]
    assert isinstance(rule, PairPlan)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "lake"
        writer = writer_on(folder, plan)
        writer.alerts, epoch = None, 0
        for first in range(0, keys, COMMIT_ROWS):
            epoch += 1
            users = np.arange(first, min(first + COMMIT_ROWS, keys))
            rows = evidence(rule, users, 1_000 * epoch, first, first=True)
            commit(writer, [parcel(plan, rows, first, 0)], epoch)
        writer.close()
        before_mb = held_mb()
        writer = writer_on(folder, plan)
        taken, restart_s, restart_cpu_s, offset = [], 0.0, 0.0, keys
        for number in range(commits + 1):
            epoch += 1
            rows = evidence(rule, rng.integers(0, keys, TOUCHED), 1_000 * epoch, offset, first=False)
            assert writer.alerts is not None
            began, used = time.perf_counter(), time.process_time()
            writer.alerts.reach(Stand(1, [parcel(plan, rows, offset, 0).range], set(), NOW), ())
            writer.alerts.changes({"pairs_delta": rows})
            if number == 0:
                restart_s, restart_cpu_s = time.perf_counter() - began, time.process_time() - used
            else:
                taken.append((time.process_time() - used) * 1000)
            offset += TOUCHED
        found = {
            "restart_s": restart_s,
            "restart_cpu_s": restart_cpu_s,
            "held_mb": held_mb() - before_mb,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
            "p50_ms": statistics.median(taken),
            "p90_ms": sorted(taken)[int(0.9 * len(taken))],
        }
        writer.close()
        return found


def apart(kind: str, keys: int, commits: int) -> dict[str, float]:
    """`measured` in a process of its own, whose memory is all that it took."""
    command = [sys.executable, "-m", "bench.pair_rules", "--one", kind, "--keys", str(keys), "--commits", str(commits)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure and write bench/results/pair_rules.*."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=20)
    parser.add_argument("--keys", type=int, nargs="+", default=[100_000, 1_000_000, MOST_KEYS])
    parser.add_argument("--one", choices=("sequence", "absence"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        sys.stdout.write(json.dumps(measured(arguments.one, arguments.keys[0], arguments.commits)))
        return
    found = {
        name_of(kind, keys): apart(kind, keys, arguments.commits)
        for kind in ("sequence", "absence")
        for keys in arguments.keys
    }
    facts = {
        "held": "an impression of each key, all within the rule's hour: up to 13 letters, a price, its place and time",
        "judged": f"{TOUCHED:,} clicks of random keys per commit, 200 of them alerts; CPU time of {arguments.commits}",
        "restart": "until the first commit is judged: the ledger and all impressions are read from the lake",
        "peak": "of the process, which has made the lake before",
    }
    write("pair_rules", "What rules over pairs of events hold and cost", facts, table_of(found), found)


if __name__ == "__main__":
    main()
