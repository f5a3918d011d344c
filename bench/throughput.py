"""Throughput from a real Kafka: the shipped pipeline against a bare consume loop on the same topic, in turns."""

import argparse
import itertools
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.commands import bare_consume, create_topic, produce, run
from bench.measure import BenchError, Sample, Summary, as_markdown, in_turns, run_child, summarise
from bench.results import write_summaries
from deploy.kafka_server import KafkaCluster
from query.reader import LakeReader

ROOT = Path(__file__).resolve().parent.parent
TOPIC = "bench"
BARE = "bare consume loop"
PIPELINE = "tidemill run, one worker"
AGAINST = "the other checkout's"
COMMITS = "SELECT committed_at, sum(read)::BIGINT AS read FROM ledger GROUP BY committed_at ORDER BY committed_at"


def measure_bare(brokers: str, events: int, work: Path) -> Sample:
    """One pass of the bare loop."""
    usage = run_child(bare_consume(brokers, TOPIC), log=work / "bare.log", cwd=ROOT)
    told = json.loads(usage.output)
    if told["records"] != events:
        raise BenchError(f"the bare loop read {told['records']} of {events} records")
    return Sample(events, usage.wall_s, usage.cpu_s, usage.peak_rss_bytes, events / told["seconds"])


def measure_pipeline(brokers: str, events: int, work: Path, checkout: Path = ROOT) -> Sample:
    """One bounded run of a checkout into a fresh lake, whose ledger must name every record."""
    folder = work / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    command = run(brokers, TOPIC, folder, bounded=True, tidemill=str(checkout / ".venv" / "bin" / "tidemill"))
    usage = run_child(command, log=work / "run.log", cwd=checkout)
    with LakeReader(folder / "lake") as lake:
        commits = lake.query(COMMITS).to_pylist()
    read = sum(commit["read"] for commit in commits)
    if read != events:
        raise BenchError(f"the ledger names {read} of {events} records")
    return Sample(events, usage.wall_s, usage.cpu_s, usage.peak_rss_bytes, steady_rate(commits))


def steady_rate(commits: list[dict[str, Any]]) -> float | None:
    """Events a second between the first commit and the last one that holds any; None with fewer than three.

    `commits` are {committed_at: datetime, read: int} in time order. The first commit's records were read
    before the interval begins, so they do not count.
    """
    full = list(itertools.dropwhile(lambda commit: not commit["read"], commits))
    while full and not full[-1]["read"]:
        full.pop()
    if len(full) < 3:
        return None
    seconds: float = (full[-1]["committed_at"] - full[0]["committed_at"]).total_seconds()
    return sum(int(commit["read"]) for commit in full[1:]) / seconds


def compared(here: Summary, there: Summary) -> str:
    """The pipeline of this checkout over that of another one: above 1 is quicker, or needs more."""
    ratios = {
        "events/s": here.events_per_s / there.events_per_s,
        "CPU time": here.cpu_s_per_million / there.cpu_s_per_million,
        "peak memory": here.peak_rss_mib / there.peak_rss_mib,
    }
    if here.steady_per_s is not None and there.steady_per_s is not None:
        ratios["steady events/s"] = here.steady_per_s / there.steady_per_s
    return "".join(f"{name}, this checkout over the other: {ratio:.3f}\n" for name, ratio in ratios.items())


def main() -> None:
    """Fill a topic, measure in turns, write bench/results/throughput.*."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--against", type=Path, help="another checkout, set up: its pipeline in turns with this one's")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tidemill-bench-") as folder:
        work = Path(folder)
        kafka = KafkaCluster(work / "kafka")
        kafka.start()
        try:
            create_topic(kafka.bootstrap, TOPIC, partitions=arguments.partitions)
            print(f"filling a topic with {arguments.events:,} events", file=sys.stderr)
            run_child(produce(kafka.bootstrap, TOPIC, count=arguments.events), log=work / "produce.log", cwd=ROOT)
            contenders = {
                BARE: lambda _: measure_bare(kafka.bootstrap, arguments.events, work),
                PIPELINE: lambda _: measure_pipeline(kafka.bootstrap, arguments.events, work),
            }
            if arguments.against is not None:
                other = arguments.against.resolve()
                contenders[AGAINST] = lambda _: measure_pipeline(kafka.bootstrap, arguments.events, work, other)
            samples = in_turns(contenders, arguments.rounds)
        finally:
            kafka.stop()
    summaries = [summarise(name, runs) for name, runs in samples.items()]
    bare, pipeline = summaries[:2]
    if arguments.against is not None:
        # a comparison for who changes the code: nothing to keep beside the figures of this checkout
        print(as_markdown(summaries) + compared(pipeline, summaries[2]))
        return
    facts = {
        "events": f"{arguments.events:,} JSON records, {arguments.partitions} partitions, broker on the same machine",
        "runs": f"{arguments.rounds} of each, in turns; medians",
        "rate against the bare loop": f"{pipeline.events_per_s / bare.events_per_s:.2f}, start and stop included",
    }
    facts["CPU time against the bare loop"] = f"{pipeline.cpu_s_per_million / bare.cpu_s_per_million:.2f} times"
    facts["peak memory of the pipeline"] = f"{pipeline.peak_rss_mib:,.0f} MiB"
    if pipeline.steady_per_s is not None and bare.steady_per_s is not None:
        facts["rate against the bare loop, while running"] = f"{pipeline.steady_per_s / bare.steady_per_s:.2f}"
    write_summaries("throughput", "Throughput from Kafka", facts, summaries)


if __name__ == "__main__":
    main()
