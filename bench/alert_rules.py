"""What alert rules cost: CPU time of judging one commit, and of a whole run with ten rules and without.

python -m bench.alert_rules
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel

from bench.results import write
from bench.shown import show
from dataflow import EventTime, Money, Pipeline
from dataflow import aggregates as agg
from dataflow.alerts.judge import RuleJudge, Stored
from dataflow.alerts.windows import Span
from dataflow.fold.merge import merge_rows
from dataflow.messages import NEVER_MS
from dataflow.pipeline.alert_plan import AlertPlan
from dataflow.pipeline.alert_rules import threshold
from dataflow.pipeline.plan import make_plan
from dataflow.pipeline.tables import ALERT_SCHEMA, rollup_tables
from dataflow.windows import tumble

ROOT = Path(__file__).resolve().parents[1]
TOUCHED = 20_000
WINDOW_MS = 10_000


class Click(BaseModel):
    """One event."""

    at: EventTime
    user_id: str
    ad_id: int
    cost: Money


class Empty:
    """A store that has nothing."""

    def __init__(self, rule: AlertPlan) -> None:
        self._schema = rollup_tables(rule.rollup)[0].schema

    def read(self, windows: set[Span]) -> Stored:
        """No rows."""
        return Stored(self._schema.empty_table(), {}, ALERT_SCHEMA.empty_table())


def farm() -> AlertPlan:
    aggregates = {"clicks": agg.count(), "spend": agg.sum("cost")}
    keys = ["user_id", "ad_id"]
    rule = threshold("farm", keys=keys, window=tumble("10s"), aggregates=aggregates, having="clicks > 20 AND spend > 1")
    (plan,) = make_plan(Pipeline("bench", Click, [], alerts=[rule]), ".").alerts
    assert isinstance(plan, AlertPlan)
    return plan


def delta(rule: AlertPlan, keys: int, rng: np.random.Generator, rows: int = TOUCHED) -> pa.Table:
    """Merged rows of so many clicks of random keys in one window."""
    spec = rollup_tables(rule.rollup)[0]
    key = rng.integers(0, keys, rows)
    at = pa.array(np.zeros(rows, np.int64)).cast(pa.timestamp("ms"))
    end = pa.array(np.full(rows, WINDOW_MS)).cast(pa.timestamp("ms"))
    cost = pa.array(np.full(rows, 0.25)).cast(spec.schema.field("spend").type)
    one, none = np.ones(rows, np.int64), np.zeros(rows, np.int64)
    users = pa.array([f"user-{each}" for each in key.tolist()])
    columns: list[Any] = [users, key % 97, at, end, one, cost, one, none]
    named = dict(zip(spec.schema.names, columns, strict=True))
    return merge_rows(spec, pa.table(named, schema=spec.schema))


def judge_ms(keys: int, commits: int) -> dict[str, float]:
    """CPU time of one commit's rows, once `keys` of a window are known."""
    rule, rng = farm(), np.random.default_rng(1)
    judge = RuleJudge(rule, Empty(rule))
    while judge.rows < 0.9 * keys:
        judge.changes(delta(rule, keys, rng), {}, over_ms=NEVER_MS)
    taken, merging = [], []
    for _ in range(commits):
        rows = delta(rule, keys, rng)
        began = time.process_time()
        judge.changes(rows, {}, over_ms=NEVER_MS)
        judge.forget(NEVER_MS)
        taken.append((time.process_time() - began) * 1000)
        began = time.process_time()
        merge_rows(rollup_tables(rule.rollup)[0], rows)
        merging.append((time.process_time() - began) * 1000)
    ordered = sorted(taken)
    return {
        "p50_ms": statistics.median(taken),
        "p90_ms": ordered[int(0.9 * len(ordered))],
        "merge_ms": statistics.median(merging),
    }


def run_cpu_s(name: str, records: int) -> float:
    """CPU seconds of a whole bounded run of the generator's stream."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        # beside it, a dimension is looked for
        shutil.copytree(ROOT / "pipelines" / "dimensions", folder / "dimensions")
        job = folder / "job.py"
        job.write_text(f"from bench.alert_rules_pipeline import {name} as pipeline\n")
        source = ["--source", "generator", "--generator-records", str(records), "--generator-unpaced"]
        environ = {**os.environ, "PYTHONPATH": str(ROOT), "TIDEMILL_GENERATOR_RECORDS": str(records)}
        command = [sys.executable, str(ROOT / "run.py"), "run", *source, "--pipeline", str(job), "--log-level", "error"]
        child = subprocess.Popen([*command, "--quiet"], cwd=folder, env=environ)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            raise SystemExit(f"the run of {name} ended with exit code {child.returncode}")
        return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and write bench/results/alert_rules.*."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=40)
    parser.add_argument("--records", type=int, default=400_000)
    parser.add_argument("--keys", type=int, nargs="+", default=[20_000, 200_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    judged = {keys: judge_ms(keys, arguments.commits) for keys in arguments.keys}
    runs: dict[str, list[float]] = {"without": [], "pipeline": []}
    for _ in range(arguments.rounds):
        for name, taken in runs.items():
            taken.append(run_cpu_s(name, arguments.records))
    facts = {
        "judged": f"{TOUCHED:,} events of random keys of one window per commit, as merged rows; count and exact sum",
        "measured": f"CPU time of {arguments.commits} commits; of whole runs, the least of {arguments.rounds} in turns",
        "ten rules": "bench/alert_rules_pipeline.py: five over declared rollups, five with rollups of their own",
        "runs": f"{arguments.records:,} made-up records, read without a pause",
    }
    figures = {"judged": {str(keys): each for keys, each in judged.items()}, "cpu_s": runs}
    write("alert_rules", "What alert rules cost", facts, as_markdown(figures), figures)
    show("rules.md", "alert_rules", as_markdown(figures))


def kept(figures: Mapping[str, Any]) -> float:
    """The part of its rate that a pipeline keeps with ten rules, by CPU time."""
    cpu = figures["cpu_s"]
    return float(min(cpu["without"]) / min(cpu["pipeline"]))


def as_markdown(figures: Mapping[str, Any]) -> str:
    """Whole runs, and what judging a commit takes."""
    cpu = {name: min(taken) for name, taken in figures["cpu_s"].items()}
    table = "| pipeline of ads | CPU time, s | rate that it keeps |\n| --- | ---: | ---: |\n"
    table += f"| without rules | {cpu['without']:.2f} | 1.00 |\n"
    table += f"| with ten rules | {cpu['pipeline']:.2f} | {kept(figures):.2f} |\n\n"
    table += "| keys known | judging a commit, p50 ms | p90 ms | merging its rows alone, ms |\n"
    table += "| ---: | ---: | ---: | ---: |\n"
    for keys, each in figures["judged"].items():
        table += f"| {int(keys):,} | {each['p50_ms']:.1f} | {each['p90_ms']:.1f} | {each['merge_ms']:.1f} |\n"
    return table


if __name__ == "__main__":
    main()
