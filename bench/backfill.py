"""Reading files that are there: `tidemill run` with one worker, two, and two processes, beside one DuckDB query.

python -m bench.backfill
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pyarrow import parquet

from bench.commands import TIDEMILL
from bench.engines import engines
from bench.engines_feed import record
from bench.engines_files import over_files
from bench.engines_flink import Asked, job_of, measure_job
from bench.measure import FEWEST_ROUNDS, BenchError, Sample, Summary, in_turns, run_child, summarise
from bench.results import write_summaries
from bench.throughput import COMMITS, steady_rate
from dataflow.pipeline.load import load
from flink.cluster.cluster import FlinkCluster
from query.reader import LakeReader

ROOT = Path(__file__).resolve().parent.parent
ONE, TWO, PROCESSES = "tidemill run", "tidemill run -w 2", "tidemill run -p 2"
FLAGS: Mapping[str, Sequence[str]] = {ONE: (), TWO: ("-w", "2"), PROCESSES: ("-p", "2")}
APART = "two runs apart, half of the files each"
JOBS = (Asked("upsert", 1), Asked("upsert", 2))
BATCH = "DuckDB, one query, 2 threads"
START_MS, SPAN_MS = 1_764_000_000_000, 600_000
LATE_EVERY, LATE_MS = 100, 150_000
USERS = 50_000
ANSWER = "SELECT ad_id, epoch_ms(window_start) AS window_ms, events, spend FROM ads_1m WHERE events > 0 ORDER BY ALL"

Answer = list[tuple[object, ...]]
"""Ad, beginning of the minute in ms, count and spend of each group, in order."""


def events(count: int, keys: int, file: int, files: int) -> Iterator[bytes]:
    """What one of `files` files holds: of `count` events in all those that are its own, a hundredth of them late."""
    for number in range(file, count, files):
        at_ms = START_MS + number * SPAN_MS // count
        late_ms = LATE_MS if number // files % LATE_EVERY == 0 else 0
        yield record(number, at_ms - late_ms, number * 7_919 % keys, number * 104_729 % USERS) + b"\n"


def fill(folder: Path, count: int, keys: int, files: int) -> None:
    """Write the files."""
    folder.mkdir()
    for file in range(files):
        with (folder / f"part-{file}.ndjson").open("wb") as out:
            out.writelines(events(count, keys, file, files))


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run cost, over as many records as its ledger names, and what its lake answers."""

    sample: Sample
    answer: Answer


def _run(folder: Path, out: Path, flags: Sequence[str] = ()) -> Ran:
    out.mkdir(exist_ok=True)
    command = [TIDEMILL, "run", "--pipeline", "bench/engines_pipeline.py:one", "--source", "files", "--bounded"]
    command += ["--input", str(folder), "--no-events", *flags]
    command += ["--lake", str(out / "lake"), "--recovery", str(out / "recovery")]
    usage = run_child(command, log=out / "run.log", cwd=ROOT)
    with LakeReader(out / "lake") as lake:
        commits = lake.query(COMMITS).to_pylist()
        answer = [tuple(row.values()) for row in lake.query(ANSWER).to_pylist()]
    read = sum(commit["read"] for commit in commits)
    return Ran(Sample(read, usage.wall_s, usage.cpu_s, usage.peak_rss_bytes, steady_rate(commits)), answer)


def _every_other(folder: Path, into: Path, first: int) -> Path:
    into.mkdir()
    for file in sorted(folder.iterdir())[first::2]:
        os.link(file, into / file.name)
    return into


def added_up(answers: Iterable[Answer]) -> Answer:
    """The answer over all source partitions from those over some of them each."""
    groups: dict[tuple[object, ...], tuple[Any, ...]] = {}
    for answer in answers:
        for *group, count, spend in answer:
            before = groups.get(tuple(group), (0, 0))
            groups[tuple(group)] = (before[0] + count, before[1] + spend)
    return [(*group, *groups[group]) for group in sorted(groups)]


class Bench:
    """The same files for all; whoever answers otherwise than the first one ends it."""

    def __init__(self, folder: Path, work: Path, count: int) -> None:
        self._folder, self._work, self._count = folder, work, count
        self._answer: Answer | None = None

    def tidemill(self, flags: Sequence[str]) -> Sample:
        """One bounded run into a fresh lake."""
        ran = _run(self._folder, self._fresh(), flags)
        self._agree([ran])
        return ran.sample

    def apart(self) -> Sample:
        """Two runs of one worker at the same time, which share nothing but the machine: what it gives two workers."""
        out = self._fresh()
        folders = [_every_other(self._folder, out / f"in-{first}", first) for first in range(2)]
        with ThreadPoolExecutor(len(folders)) as threads:
            ran = list(threads.map(_run, folders, [out / folder.name.replace("in", "out") for folder in folders]))
        self._agree(ran)
        rates = [each.sample.steady_per_s for each in ran]
        return Sample(
            self._count,
            max(each.sample.wall_s for each in ran),
            sum(each.sample.cpu_s for each in ran),
            sum(each.sample.peak_rss_bytes for each in ran),
            None if None in rates else sum(rate for rate in rates if rate is not None),
        )

    def _agree(self, ran: Sequence["Ran"]) -> None:
        if (read := sum(each.sample.events for each in ran)) != self._count:
            raise BenchError(f"the ledger names {read:,} of {self._count:,} records")
        self.agree(added_up(each.answer for each in ran))

    def batch(self) -> Sample:
        """The query in a process of its own."""
        out = self._fresh() / "answer.parquet"
        command = [sys.executable, "-m", "bench.backfill_batch", str(self._folder), str(out)]
        usage = run_child(command, log=self._work / "batch.log", cwd=ROOT)
        order = [(name, "ascending") for name in ("ad_id", "window_ms")]
        self.agree([tuple(row.values()) for row in parquet.read_table(out).sort_by(order).to_pylist()])
        return Sample(self._count, usage.wall_s, usage.cpu_s, usage.peak_rss_bytes)

    def flink(self, brokers: str, cluster: FlinkCluster, asked: Asked) -> Sample:
        """The generated job over the files, on a cluster that runs already; it writes into Kafka."""
        plan = load(f"{ROOT}/bench/engines_pipeline.py:one")
        job = over_files(job_of(plan, brokers, "none", asked, bounded=True), self._folder)
        ran = measure_job(cluster, plan, brokers, job, self._count)
        found = ran.tables["ads_1m"]
        columns = [found.column(name).to_pylist() for name in ("ad_id", "window_start", "events", "spend")]
        self.agree(sorted(zip(*columns, strict=True)))
        return ran.sample

    def agree(self, answer: Answer) -> None:
        """Raises BenchError where an answer is not the first one's."""
        if self._answer is None:
            self._answer = answer
        if answer != self._answer:
            differing = set(answer) ^ set(self._answer)
            raise BenchError(f"{len(differing):,} groups are not those of the first answer, like {min(differing)}")

    def _fresh(self) -> Path:
        out = self._work / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        return out


def facts(summaries: Sequence[Summary]) -> dict[str, str]:
    """What is held against what, start and end included."""
    rate = {each.name: each.events_per_s for each in summaries}
    steady = {each.name: each.steady_per_s for each in summaries}
    one, two, both, apart = (steady[name] for name in (ONE, TWO, PROCESSES, APART))
    found = {
        "-w 2 against one worker": f"{rate[TWO] / rate[ONE]:.2f}",
        "two processes against one": f"{rate[PROCESSES] / rate[ONE]:.2f}",
        "two runs apart, which share nothing, against one: what the machine gives": f"{rate[APART] / rate[ONE]:.2f}",
        "-w 2 against the DuckDB query": f"{rate[TWO] / rate[BATCH]:.2f}",
        "one worker against the DuckDB query": f"{rate[ONE] / rate[BATCH]:.2f}",
    }
    if one is not None and two is not None and both is not None and apart is not None:
        ratios = ", ".join(f"{each / one:.2f}" for each in (two, both, apart))
        found["while running, -w 2, two processes and two runs apart against one worker"] = ratios
    return found


def main() -> None:
    """Fill a folder, measure in turns, write bench/results/backfill.*."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument("--files", type=int, default=4)
    parser.add_argument("--keys", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=FEWEST_ROUNDS)
    parser.add_argument("--no-flink", action="store_true", help="without Flink over the same files")
    given = parser.parse_args()
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tidemill-backfill-")))
        fill(work / "in", given.events, given.keys, given.files)
        bench = Bench(work / "in", work, given.events)
        contenders: dict[str, Callable[[int], Sample]] = {
            **{name: partial(_once, bench, flags) for name, flags in FLAGS.items()},
            APART: lambda _: bench.apart(),
            BATCH: lambda _: bench.batch(),
        }
        if not given.no_flink:
            brokers, cluster = stack.enter_context(engines(work))
            for asked in JOBS:
                contenders[asked.name] = partial(_flink, bench, brokers, cluster, asked)
        summaries = [summarise(name, runs) for name, runs in in_turns(contenders, given.rounds).items()]
    told = {
        "events": f"{given.events:,} JSON records of 132 bytes in {given.files} files, {given.keys:,} keys, 1 % late",
        "rounds": f"{given.rounds} of each, in turns; medians; start and end included",
        "answers": "equal, group by group",
        "Flink": "where it is there, the generated job over the same files, format raw, on a cluster that runs before",
        **facts(summaries),
        "load when it ended": f"{os.getloadavg()[0]:.1f} (1 minute)",
    }
    # no contender, but the bound of those that are
    summaries = [each for each in summaries if each.name != APART]
    write_summaries("backfill", "Files read from beginning to end", told, summaries)


def _flink(bench: Bench, brokers: str, cluster: FlinkCluster, asked: Asked, _turn: int) -> Sample:
    return bench.flink(brokers, cluster, asked)


def _once(bench: Bench, flags: Sequence[str], _turn: int) -> Sample:
    return bench.tidemill(flags)


if __name__ == "__main__":
    main()
