"""What `--fetch direct` brings: the shipped pipeline with it and without, and a bare consume loop, in turns."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench.commands import create_topic, produce, run
from bench.measure import BenchError, Sample, Summary, in_turns, run_child, summarise
from bench.results import write_summaries
from bench.throughput import BARE, COMMITS, ROOT, TOPIC, measure_bare, steady_rate
from deploy.kafka_server import KafkaCluster
from query.reader import LakeReader

PLAIN = "tidemill run"
DIRECT = "tidemill run --fetch direct"
GIVEN_UP = "is fetched by librdkafka"


def measure_run(brokers: str, events: int, work: Path, *flags: str) -> Sample:
    """One bounded run into a fresh lake, whose ledger must name every record; none may fall back to librdkafka."""
    folder = work / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    usage = run_child([*run(brokers, TOPIC, folder, bounded=True), *flags], log=work / "run.log", cwd=ROOT)
    with LakeReader(folder / "lake") as lake:
        commits = lake.query(COMMITS).to_pylist()
    read = sum(commit["read"] for commit in commits)
    if read != events:
        raise BenchError(f"the ledger names {read} of {events} records")
    if GIVEN_UP in (work / "run.log").read_text(errors="replace"):
        raise BenchError(f"a partition was not fetched directly; {work / 'run.log'} says why")
    return Sample(events, usage.wall_s, usage.cpu_s, usage.peak_rss_bytes, steady_rate(commits))


def ratios(summaries: Mapping[str, Summary]) -> dict[str, str]:
    """What stands beside the figures: the direct way against each of the others, and the CPU of one event."""
    direct = summaries[DIRECT]
    found = {}
    for name, other in summaries.items():
        found[f"CPU of one event, {name}"] = f"{other.cpu_s_per_million:.2f} us"
        if name == DIRECT:
            continue
        found[f"rate against {name}"] = f"{direct.events_per_s / other.events_per_s:.2f}, start and stop included"
        if direct.steady_per_s is not None and other.steady_per_s is not None:
            found[f"rate against {name}, while running"] = f"{direct.steady_per_s / other.steady_per_s:.2f}"
    return found


def main() -> None:
    """Fill a topic, measure in turns, write bench/results/direct.*."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pipeline", type=Path, help="another pipeline file of the same records")
    arguments = parser.parse_args()
    flags = () if arguments.pipeline is None else ("--pipeline", str(arguments.pipeline.resolve()))
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
                PLAIN: lambda _: measure_run(kafka.bootstrap, arguments.events, work, *flags),
                DIRECT: lambda _: measure_run(kafka.bootstrap, arguments.events, work, *flags, "--fetch", "direct"),
            }
            samples = in_turns(contenders, arguments.rounds)
        finally:
            kafka.stop()
    summaries = {name: summarise(name, runs) for name, runs in samples.items()}
    facts = {
        "events": f"{arguments.events:,} JSON records, {arguments.partitions} partitions, broker on the same machine",
        "pipeline": "pipelines/ads.py" if arguments.pipeline is None else arguments.pipeline.name,
        "runs": f"{arguments.rounds} of each, in turns; medians",
        **ratios(summaries),
    }
    write_summaries("direct", "Fetching without librdkafka", facts, list(summaries.values()))


if __name__ == "__main__":
    main()
