"""Where the time of a run goes: CPU nanoseconds a record by stage, for pipelines and shapes that are compared.

python -m bench.profile
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import backfill, growth, record_shapes
from bench.commands import create_topic, produce
from bench.decode_shapes import shapes
from bench.measure import BenchError, run_child
from bench.one_run import ROOT, fill, kafka_in
from bench.profile_child import COMPILING, START
from bench.profile_table import stages_table
from bench.results import write
from proof.parity.produce import fresh_name

KEYS, PARTITIONS, FILES = 1_000, 4, 4
ENDED = "threads that have ended"
ONCE = (START, COMPILING)
"""Stages that take as long for any number of records."""
_ORDER = ("broker client", "reading of files", "decode", "judge", "fold", "publish", "run")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A run to look into. `prepare` fills a topic, or a folder below another one; `flags` are those of the run."""

    what: str
    prepare: Callable[[str, str, Path, int], None]
    pipeline: str
    flags: tuple[str, ...] = ()
    of_files: bool = False


def _plain(brokers: str, topic: str, _work: Path, count: int) -> None:
    fill(brokers, topic, growth.events(count, KEYS, 0), PARTITIONS)


def _ads(brokers: str, topic: str, work: Path, count: int) -> None:
    create_topic(brokers, topic, partitions=PARTITIONS)
    run_child(produce(brokers, topic, count=count), log=work / "produce.log", cwd=ROOT)


def _shape(name: str) -> Callable[[str, str, Path, int], None]:
    def prepare(brokers: str, topic: str, _work: Path, count: int) -> None:
        _, values = shapes(min(record_shapes.DISTINCT, count))[name]
        fill(brokers, topic, record_shapes.records(values, count), PARTITIONS)

    return prepare


def _files(_brokers: str, name: str, work: Path, count: int) -> None:
    backfill.fill(work / name, count, KEYS, FILES)


_ONE, _AD = "bench/engines_pipeline.py:one", "bench/shapes_pipeline.py:ad"
SCENARIOS: Mapping[str, Scenario] = {
    "one": Scenario("one rollup from Kafka, one worker", _plain, _ONE),
    "ads": Scenario("the ads pipeline from Kafka, one worker", _ads, "pipelines/ads.py"),
    "direct": Scenario("one rollup from Kafka, --fetch direct", _plain, _ONE, ("--fetch", "direct")),
    "unknown": Scenario("records with an unknown key", _shape("one unknown key"), _AD),
    "UTF-8": Scenario("records with UTF-8", _shape("UTF-8"), _AD),
    "escapes": Scenario("records with escapes", _shape("escapes"), _AD),
    "shuffled": Scenario("records with keys in random order", _shape("shuffled keys"), _AD),
    "files": Scenario("one rollup from files, -w 2", _files, _ONE, ("-w", "2"), of_files=True),
}


def once(told: Mapping[str, Any]) -> dict[str, float]:
    """Seconds of what is done once, however many records there are."""
    return {name: round(told["stages"][name] / 1e9, 3) for name in ONCE if name in told["stages"]}


def stages(told: Mapping[str, Any], records: int) -> dict[str, float]:
    """Nanoseconds a record by stage, in the order of the data; what no look has seen is a stage, too."""
    ns: dict[str, int] = {name: spent for name, spent in told["stages"].items() if name not in ONCE}
    names = [*(name for name in _ORDER if name in ns), *sorted(ns.keys() - set(_ORDER))]
    found = {name: round(ns[name] / records, 1) for name in names}
    unseen = told["cpu_ns"] - sum(told["stages"].values())
    return {**found, ENDED: round(unseen / records, 1)} if unseen > 0 else found


def profile(scenario: Scenario, brokers: str, name: str, work: Path, count: int) -> dict[str, Any]:
    """Run it once; there is no compactor beside it. What is stored of it."""
    folder = work / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    out = folder / "profile.json"
    command = [sys.executable, "-m", "bench.profile_child", str(out), "run", "--pipeline", scenario.pipeline]
    command += ["--bounded", "--no-events", "--compact-every", "0s", *scenario.flags]
    if scenario.of_files:
        command += ["--source", "files", "--input", str(work / name)]
    else:
        command += ["--source", "kafka", "--brokers", brokers, "--topic", name]
    command += ["--lake", str(folder / "lake"), "--recovery", str(folder / "recovery")]
    run_child(command, log=work / f"{name}.log", cwd=ROOT)
    told = json.loads(out.read_text())
    return {"what": scenario.what, "records": count, "stages": stages(told, count), "once_s": once(told)}


def main() -> None:
    """Measure and write bench/results/profile.*."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=3_000_000)
    parser.add_argument("--only", nargs="*", default=[], choices=SCENARIOS, metavar="NAME")
    parser.add_argument("--brokers", help="a Kafka that runs; without it one is started")
    given = parser.parse_args()
    figures, left_out = [], []
    with tempfile.TemporaryDirectory(prefix="tidemill-profile-") as folder:
        work = Path(folder)
        with kafka_in(work, given.brokers) as brokers:
            for name in given.only or SCENARIOS:
                scenario, place = SCENARIOS[name], fresh_name("profile")
                scenario.prepare(brokers, place, work, given.events)
                try:
                    found = profile(scenario, brokers, place, work, given.events)
                except BenchError as error:
                    left_out.append(f"{name}: {str(error).strip().splitlines()[-1]}")
                    continue
                figures.append({"name": name, **found})
    told = {
        "events": f"{given.events:,} of each, the whole life of the process",
        "measured": "a look at all stacks every 2 ms books each thread's CPU time since the look before; no compactor; "
        "what the looks take is left out",
    }
    if left_out:
        told["left out"] = "; ".join(left_out)
    parts = []
    for run in figures:
        parts.append(f"## {run['name']}\n\n{stages_table(run)}")
    write("profile", "Where the time goes", told, "\n".join(parts), figures)


if __name__ == "__main__":
    main()
