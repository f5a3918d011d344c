"""Tidemill beside Flink and Spark on the same topics, in turns: rate, CPU, memory, state, and growth with keys."""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from pyarrow import parquet

from bench import names
from bench.commands import TIDEMILL, bare_consume, create_topic, knows_flag, produce
from bench.engines_flink import Asked, Ran, measure_flink
from bench.engines_latency import Watched, latencies, of_flink, of_tidemill
from bench.measure import FEWEST_ROUNDS, BenchError, Sample, Summary, as_markdown, in_turns, run_child, summarise
from bench.results import write
from bench.throughput import COMMITS, steady_rate
from dataflow.pipeline.load import load
from dataflow.pipeline.plan import Plan
from deploy.kafka_server import KafkaCluster
from flink.cluster.cluster import FlinkCluster, new_shape
from flink.cluster.shape import Shape
from query.reader import LakeReader

ROOT = Path(__file__).resolve().parent.parent
PIPELINES = "bench/engines_pipeline.py"
TOTALS = {"one": ("ads_1m", "events"), "ads": ("revenue_1h", "events"), "ysb": ("views_10s", "views")}
"""Of each pipeline a rollup and its count: what must be equal whoever counted."""
HERE, DIRECT, BARE, SPARK = names.HERE, names.DIRECT, names.BARE, names.SPARK
SPARK_FORMS = {"batch": SPARK, "stream": names.SPARK_STREAM}
DIRECT_FLAGS = ("--fetch", "direct")
SPARK_HEAP_MB = 3_072
JOBS = {
    "one": (Asked("upsert", 1), Asked("upsert", 2), Asked("final", 1), Asked("final", 2)),
    # the shipped event's times have no bounds, without which final rows are refused
    "ads": (Asked("upsert", 1), Asked("upsert", 2)),
}
MIB = 1024 * 1024


class Bench:
    """Both engines beside one Kafka; a topic is filled once and read by all in turns."""

    def __init__(self, brokers: str, cluster: FlinkCluster, work: Path, partitions: int) -> None:
        self.brokers, self.cluster, self.work, self.partitions = brokers, cluster, work, partitions
        self.counted: dict[str, dict[str, int]] = {}
        self.state_bytes: dict[tuple[str, str], int] = {}

    def fill(self, topic: str, count: int, keys: int) -> None:
        """Events of `one`."""
        create_topic(self.brokers, topic, partitions=self.partitions)
        command = [sys.executable, "-m", "bench.engines_feed", "--brokers", self.brokers, "--topic", topic]
        command += ["--partitions", str(self.partitions), "--count", str(count), "--keys", str(keys)]
        run_child(command, log=self.work / "feed.log", cwd=ROOT)

    def fill_ads(self, topic: str, count: int) -> None:
        """Events of the shipped pipeline, late ones, repeats and broken ones among them."""
        create_topic(self.brokers, topic, partitions=self.partitions)
        run_child(produce(self.brokers, topic, count=count), log=self.work / "feed.log", cwd=ROOT)

    def bare(self, topic: str, events: int) -> Sample:
        """Consume, touch each value, nothing else."""
        usage = run_child(bare_consume(self.brokers, topic), log=self.work / "bare.log", cwd=ROOT)
        told = json.loads(usage.output)
        if told["records"] != events:
            raise BenchError(f"the bare loop read {told['records']:,} of {events:,} records of {topic}")
        return Sample(events, usage.wall_s, usage.cpu_s, usage.peak_rss_bytes, events / told["seconds"])

    def tidemill(self, name: str, topic: str, events: int, flags: Sequence[str] = ()) -> Sample:
        """One bounded run into a fresh lake."""
        folder = self.work / "run"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        command = [*tidemill_run(name, self.brokers, topic, folder, bounded=True), *flags]
        usage = run_child(command, log=self.work / "run.log", cwd=ROOT)
        rollup, count = TOTALS[name]
        with LakeReader(folder / "lake") as lake:
            commits = lake.query(COMMITS).to_pylist()
            total = lake.query(f"SELECT sum({count})::BIGINT AS n FROM {rollup}").to_pylist()[0]["n"]
        if (read := sum(commit["read"] for commit in commits)) != events:
            raise BenchError(f"the ledger names {read} of {events} records")
        self.agree(topic, HERE, total)
        return Sample(events, usage.wall_s, usage.cpu_s, usage.peak_rss_bytes, steady_rate(commits))

    def flink(self, name: str, topic: str, events: int, asked: Asked) -> Sample:
        """One bounded job."""
        ran: Ran = measure_flink(self.cluster, self.plan(name), self.brokers, topic, events, asked)
        rollup, count = TOTALS[name]
        self.agree(topic, asked.name, sum(ran.tables[rollup].column(count).to_pylist()))
        at = (topic, asked.name)
        self.state_bytes[at] = max(self.state_bytes.get(at, 0), ran.state_bytes)
        return ran.sample

    def spark(self, name: str, topic: str, events: int, form: str = "batch") -> Sample:
        """All of a topic by a Spark that is started for it: in one batch, or in micro-batches until it is read."""
        out = self.work / "spark"
        shutil.rmtree(out, ignore_errors=True)
        command = [TIDEMILL, "spark", "run", "--pipeline", f"{PIPELINES}:{name}", "--brokers", self.brokers]
        command += ["--topic", topic, "--out", str(out), "--memory-mb", str(SPARK_HEAP_MB), "--form", form]
        usage = run_child(command, log=self.work / "spark.log", cwd=ROOT)
        rollup, count = TOTALS[name]
        total = sum(parquet.read_table(out / rollup, columns=[count]).column(count).to_pylist())
        self.agree(topic, SPARK_FORMS[form], total)
        return Sample(events, usage.wall_s, usage.cpu_s, usage.peak_rss_bytes)

    def agree(self, topic: str, who: str, total: int) -> None:
        """Raises BenchError where somebody has counted another number of events."""
        known = self.counted.setdefault(topic, {})
        known[who] = total
        if len(set(known.values())) > 1:
            raise BenchError(f"{topic}: {', '.join(f'{name} has counted {n:,}' for name, n in known.items())}")

    @staticmethod
    def plan(name: str) -> Plan:
        """Of a pipeline here."""
        return load(f"{ROOT / PIPELINES}:{name}")

    def compare(
        self, name: str, topic: str, events: int, rounds: int, jobs: tuple[Asked, ...], *, with_others: bool = False
    ) -> list[Summary]:
        """Everyone over one topic, in turns; with others, Spark, the bare loop and the direct path are among them."""
        contenders: dict[str, Callable[[int], Sample]] = {HERE: lambda _: self.tidemill(name, topic, events)}
        if with_others and knows_flag("run", DIRECT_FLAGS[0]):
            contenders[DIRECT] = lambda _: self.tidemill(name, topic, events, DIRECT_FLAGS)
        if with_others:
            contenders[BARE] = lambda _: self.bare(topic, events)
        for asked in jobs:
            contenders[asked.name] = partial(_once, self, name, topic, events, asked)
        if name == "one" and with_others:
            for form, who in SPARK_FORMS.items():
                contenders[who] = partial(_spark, self, name, topic, events, form)
        return [summarise(who, runs) for who, runs in in_turns(contenders, rounds).items()]


def _spark(bench: Bench, name: str, topic: str, events: int, form: str, _turn: int) -> Sample:
    return bench.spark(name, topic, events, form)


def _once(bench: Bench, name: str, topic: str, events: int, asked: Asked, _turn: int) -> Sample:
    return bench.flink(name, topic, events, asked)


def tidemill_run(name: str, brokers: str, topic: str, folder: Path, *, bounded: bool) -> list[str]:
    """The command that runs a pipeline here on a topic, into a lake in `folder`."""
    command = [TIDEMILL, "run", "--pipeline", f"{PIPELINES}:{name}", "--source", "kafka", "--brokers", brokers]
    command += ["--topic", topic, "--no-events", "--lake", str(folder / "lake"), "--recovery", str(folder / "recovery")]
    return [*command, "--bounded"] if bounded else command


@contextmanager
def engines(work: Path) -> Iterator[tuple[str, FlinkCluster]]:
    """A Kafka and a Flink with a TaskManager of 2 slots and 2 GiB of heap; both end with the context."""
    kafka = KafkaCluster(work / "kafka")
    kafka.start()
    try:
        cluster = FlinkCluster(work / "flink", shape_for_bench())
        cluster.start()
        try:
            yield kafka.bootstrap, cluster
        finally:
            cluster.stop()
    finally:
        kafka.stop()


def shape_for_bench() -> Shape:
    """As `tidemill flink up` starts it, with more memory."""
    return replace(new_shape(), slots=2, heap_mb=2_048)


def ratios(summaries: list[Summary]) -> str:
    """The first one's rates over the others', as lines of a list."""
    here, *others = summaries
    lines = []
    for other in others:
        steady = (
            f", {here.steady_per_s / other.steady_per_s:.1f} times while running"
            if here.steady_per_s and other.steady_per_s
            else ""
        )
        cpu = other.cpu_s_per_million / here.cpu_s_per_million
        lines.append(
            f"- {here.name} over {other.name}: {here.events_per_s / other.events_per_s:.1f} times, start and stop "
            f"included{steady}; {cpu:.1f} times less CPU time per event"
        )
    return "\n".join(lines) + "\n"


def latency_table(watched: Mapping[str, Watched]) -> tuple[str, dict[str, dict[str, float]]]:
    """Quantiles per engine: Markdown and figures."""
    body = "| what | p50 ms | p90 ms | p99 ms | max ms |\n| --- | ---: | ---: | ---: | ---: |\n"
    figures = {}
    for name, seen in watched.items():
        figures[name] = latencies(seen)
        body += (
            f"| {name} | " + " | ".join(f"{figures[name][key]:,.0f}" for key in ("p50", "p90", "p99", "max")) + " |\n"
        )
    return body, figures


def main() -> None:
    """Measure and write bench/results/engines.*."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=3_000_000)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=FEWEST_ROUNDS)
    parser.add_argument("--keys", type=int, nargs="*", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--latency-rate", type=int, default=5_000)
    parser.add_argument("--latency-seconds", type=int, default=40)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tidemill-bench-") as folder, engines(Path(folder)) as (brokers, cluster):
        bench = Bench(brokers, cluster, Path(folder), given.partitions)
        parts: list[str] = []
        figures: dict[str, object] = {}
        bench.fill("one", given.events, 1_000)
        bench.fill_ads("ads", given.events)
        for name, title in (("one", "One rollup, 1,000 keys"), ("ads", "The shipped pipeline without its sketch")):
            summaries = bench.compare(name, name, given.events, given.rounds, JOBS[name], with_others=True)
            parts.append(f"## {title}\n\n{as_markdown(summaries)}\n{ratios(summaries)}")
            figures[name] = [asdict(each) for each in summaries]
        parts.append(_growth(bench, given.events, given.keys, given.rounds, figures))
        watched = {
            "tidemill run, epochs of 250 ms": of_tidemill(bench, given.latency_rate, given.latency_seconds),
            **{
                f"{asked.name}, checkpoints every {asked.checkpoint_ms} ms": of_flink(
                    bench, asked, given.latency_rate, given.latency_seconds
                )
                for asked in (Asked("upsert", 1, 1_000), Asked("upsert", 1, 250))
            },
        }
        body, figures["latency"] = latency_table(watched)
        parts.append(f"## From Kafka to a committed reader, {given.latency_rate:,} events/s\n\n{body}")
        version = cluster.jobmanager.overview().version
    facts = {
        "events": f"{given.events:,} JSON records a topic, {given.partitions} partitions, broker on the same machine",
        "runs": f"{given.rounds} of each, in turns; medians; all have counted the same",
        "Flink": f"{version}, one TaskManager of 2 slots and 2 GiB of heap, generated SQL with `strict_event`, object "
        "reuse, mini-batch in the form upsert, checkpoints every second, exactly-once sinks; the cluster runs before",
        "Spark": f"pyspark 4.2, started for each run, {SPARK_HEAP_MB} MB of heap",
        "bare loop": "confluent-kafka consumes and touches each value, a process for each run",
        "Tidemill": "a whole process for each run, compactor included; commits every 250 ms",
    }
    write("engines", "Tidemill, Flink and Spark on the same topics", facts, "\n".join(parts), figures)


def _growth(bench: Bench, events: int, keys: list[int], rounds: int, figures: dict[str, object]) -> str:
    body = "## With the number of keys\n\nOne rollup, ten windows of a minute.\n\n"
    body += "| keys | what | events/s | CPU s per million | peak MiB | largest checkpoint MiB |\n"
    body += "| ---: | --- | ---: | ---: | ---: | ---: |\n"
    told = []
    for count in keys:
        topic = f"keys-{count}"
        bench.fill(topic, events, count)
        for each in bench.compare("one", topic, events, rounds, (Asked("upsert", 2),)):
            state = bench.state_bytes.get((topic, each.name))
            kept = "" if state is None else f"{state / MIB:,.1f}"
            body += f"| {count:,} | {each.name} | {each.events_per_s:,.0f} | {each.cpu_s_per_million:.2f} "
            body += f"| {each.peak_rss_mib:,.0f} | {kept} |\n"
            told.append({"keys": count, "checkpoint_bytes": state, **asdict(each)})
    figures["keys"] = told
    return body


if __name__ == "__main__":
    main()
