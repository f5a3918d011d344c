"""Tidemill beside every other engine that is at hand, on one topic in the order of time, in turns, answers checked.

python -m bench.peers.compare
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from confluent_kafka.admin import AdminClient
from pyarrow import parquet

from bench.commands import TIDEMILL, bare_consume, create_topic
from bench.engines import engines
from bench.engines_flink import Asked, measure_flink
from bench.measure import FEWEST_ROUNDS, BenchError, Sample, Summary, as_markdown, in_turns, run_child, summarise
from bench.names import BARE, DUCKDB, HERE
from bench.one_run import kafka_in
from bench.peers.feed import compared
from bench.peers.known import PEERS, ROOT, ROWS, Peer
from bench.peers.truth import Truth, dump
from bench.results import write
from bench.throughput import COMMITS, steady_rate
from dataflow.pipeline.load import load
from flink.cluster.cluster import FlinkCluster
from proof.parity.produce import fresh_name
from query.reader import LakeReader

ANSWER = "SELECT ad_id AS key, epoch_ms(window_start) AS window_ms, events AS count, spend::DOUBLE AS sum FROM ads_10s"
FLINK = Asked("upsert", 1)
CHANGELOG = "changelog__"
"""How the topics begin that Quix Streams makes for the state of a run."""


class Bench:
    """One topic, which everybody reads whole into a fresh folder; each one's rows are compared with the truth."""

    def __init__(self, brokers: str, topic: str, records: int, work: Path, truth: Truth) -> None:
        self._brokers, self._topic, self._records = brokers, topic, records
        self._work, self._truth = work, truth
        self._runs = 0

    def bare(self) -> Sample:
        """Consume, touch each value, nothing else."""
        usage = run_child(bare_consume(self._brokers, self._topic), log=self._work / "bare.log", cwd=ROOT)
        told = json.loads(usage.output)
        self._all_read(BARE, told["records"])
        return Sample(self._records, usage.wall_s, usage.cpu_s, usage.peak_rss_bytes, self._records / told["seconds"])

    def tidemill(self, flags: Sequence[str] = ()) -> Sample:
        """One bounded run into a fresh lake, every commit made."""
        folder = self._fresh()
        command = [TIDEMILL, "run", "--pipeline", "bench/engines_pipeline.py:ten", "--source", "kafka", "--bounded"]
        command += ["--brokers", self._brokers, "--topic", self._topic, "--no-events", *flags]
        command += ["--lake", str(folder / "lake"), "--recovery", str(folder / "recovery")]
        usage = run_child(command, log=self._work / "run.log", cwd=ROOT)
        rows = folder / "rows.parquet"
        with LakeReader(folder / "lake") as lake:
            commits = lake.query(COMMITS).to_pylist()
            _write_parquet(lake, rows)
        self._all_read(HERE, sum(commit["read"] for commit in commits))
        self._truth.check(HERE, rows)
        return Sample(self._records, usage.wall_s, usage.cpu_s, usage.peak_rss_bytes, steady_rate(commits))

    def batch(self) -> Sample:
        """The truth itself, by a process that finds the topic's values in files already."""
        rows = self._fresh() / "rows.parquet"
        command = [sys.executable, "-m", "bench.peers.truth", str(self._work / "topic"), str(rows)]
        usage = run_child(command, log=self._work / "batch.log", cwd=ROOT)
        self._truth.check(DUCKDB, rows)
        return Sample(self._records, usage.wall_s, usage.cpu_s, usage.peak_rss_bytes)

    def flink(self, cluster: FlinkCluster, asked: Asked) -> Sample:
        """One bounded job on a cluster that runs already."""
        plan = load(f"{ROOT}/bench/engines_pipeline.py:ten")
        ran = measure_flink(cluster, plan, self._brokers, self._topic, self._records, asked)
        rows = self._fresh() / "rows.parquet"
        found = ran.tables["ads_10s"]
        names = {"key": "ad_id", "window_ms": "window_start", "count": "events", "sum": "spend"}
        columns = {name: found.column(of) for name, of in names.items()}
        columns["sum"] = columns["sum"].cast(pa.float64())
        columns["window_ms"] = columns["window_ms"].cast(pa.int64())
        parquet.write_table(pa.table(columns), rows)
        self._truth.check(asked.name, rows)
        return ran.sample

    def peer(self, peer: Peer) -> Sample:
        """One run of another engine's program."""
        folder = self._fresh()
        command = peer.command(self._brokers, self._topic, self._records, compared(self._records), folder)
        usage = run_child(command, log=self._work / f"{peer.library}.log", cwd=ROOT)
        remove_changelogs(self._brokers)
        told = told_by(usage.output)
        self._all_read(peer.name, told["records"])
        self._truth.check(peer.name, folder / ROWS)
        steady = told["steady_records"] / told["steady_s"] if told["steady_s"] > 0 else None
        return Sample(self._records, usage.wall_s, usage.cpu_s, usage.peak_rss_bytes, steady)

    def _all_read(self, who: str, records: int) -> None:
        if records != self._records:
            raise BenchError(f"{who} has read {records:,} of {self._records:,} records")

    def _fresh(self) -> Path:
        # a name of its own each time: it is a consumer group's, too
        self._runs += 1
        shutil.rmtree(self._work / f"run-{self._runs - 1}", ignore_errors=True)
        folder = self._work / f"run-{self._runs}"
        folder.mkdir()
        return folder


def _write_parquet(lake: LakeReader, rows: Path) -> None:
    parquet.write_table(lake.query(ANSWER), rows)


def told_by(output: str) -> dict[str, Any]:
    """The last line of what a peer's program has written; raises BenchError where that is nothing of it."""
    try:
        told = json.loads(output.strip().splitlines()[-1])
        return {name: told[name] for name in ("records", "steady_records", "steady_s", "version")}
    except (IndexError, ValueError, KeyError, TypeError) as error:
        raise BenchError(f"a peer's program did not say at its end what it has read, but: {output[-300:]!r}") from error


def remove_changelogs(brokers: str) -> None:
    """What Quix Streams leaves behind, so that the broker's disk does not fill."""
    admin = AdminClient({"bootstrap.servers": brokers, "log_level": 0})
    names = [name for name in admin.list_topics(timeout=30).topics if name.startswith(CHANGELOG)]
    if names:
        for future in admin.delete_topics(names).values():
            future.result(timeout=30)


def contenders(
    bench: Bench, peers: Sequence[Peer], cluster: FlinkCluster | None = None
) -> dict[str, Callable[[int], Sample]]:
    """By name, the bare loop, Tidemill and the batch query first; Flink where there is a cluster."""
    found: dict[str, Callable[[int], Sample]] = {
        BARE: lambda _: bench.bare(),
        HERE: lambda _: bench.tidemill(),
        DUCKDB: lambda _: bench.batch(),
    }
    if cluster is not None:
        found[FLINK.name] = lambda _: bench.flink(cluster, FLINK)
    for peer in peers:
        found[peer.name] = partial(_peer, bench, peer)
    return found


def _peer(bench: Bench, peer: Peer, _turn: int) -> Sample:
    return bench.peer(peer)


def facts(events: int, keys: int, partitions: int, rounds: int, asked: Sequence[Peer]) -> dict[str, str]:
    """What was measured, with which settings, and who was not there."""
    found = {
        "events": f"{events:,} JSON records of 132 bytes in the order of their times, partitions: {partitions}, "
        f"{keys:,} keys, broker on the same machine",
        "rule": "counts and sums per key in windows of 10 s; Tidemill: 5 s out of order, 1 minute late, by partition",
        "why in order": "whose newest event decides what is late differs: a key's, a partition's, a topic's or a "
        "batch's; over one partition in the order of time all say the same",
        "runs": f"{rounds} of each, in turns; medians; start and end of the process included, steady without them",
        "answers": "each run's rows are those of one DuckDB query over the topic; floating sums within 1e-9 of theirs",
        "Tidemill": "exactly once, commits every 250 ms, compactor included",
        "DuckDB": "one query over the topic's values, which it finds in files; the truth of all others",
        "Flink": "where it is there, the generated job with the same rule, on a cluster that runs before",
    }
    for peer in asked:
        if peer.is_here:
            found[f"{peer.name} {peer.version()}"] = f"{peer.settings}; {peer.rule}"
        else:
            found[peer.name] = f"not measured: its environment is not here (`{peer.how_to_get}`)"
    return found


def ratios(summaries: Sequence[Summary]) -> str:
    """Tidemill's rates over each other one's, as lines of a list."""
    here = next(each for each in summaries if each.name == HERE)
    lines = []
    for other in summaries:
        if other is here:
            continue
        whole = here.events_per_s / other.events_per_s
        line = f"- {HERE} over {other.name}: {whole:.2f} times, start and end included"
        if here.steady_per_s and other.steady_per_s:
            line += f", {here.steady_per_s / other.steady_per_s:.2f} times while running"
        lines.append(f"{line}; {other.cpu_s_per_million / here.cpu_s_per_million:.2f} times less CPU time per event")
    return "\n".join(lines) + "\n"


def chosen_peers(names: Sequence[str]) -> list[Peer]:
    """All of them, or those whose library is named; raises BenchError for a name that none has."""
    known: Mapping[str, Peer] = {peer.library: peer for peer in PEERS}
    if unknown := sorted(set(names) - known.keys()):
        raise BenchError(f"no engine is called {', '.join(unknown)}; choose of {', '.join(known)}")
    return [known[name] for name in names] if names else list(PEERS)


def main() -> None:
    """Fill a topic, measure in turns, write bench/results/peers.*."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--partitions", type=int, default=1)
    parser.add_argument("--keys", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=FEWEST_ROUNDS)
    parser.add_argument("--only", nargs="*", default=[], help="libraries, like bytewax; none is all that are here")
    parser.add_argument("--brokers", help="a Kafka that runs; without it one is started, and Flink beside it")
    parser.add_argument("--no-flink", action="store_true", help="without Flink")
    given = parser.parse_args()
    asked = chosen_peers(given.only)
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tidemill-peers-")))
        cluster: FlinkCluster | None = None
        if given.no_flink or given.brokers is not None:
            brokers = stack.enter_context(kafka_in(work, given.brokers))
        else:
            brokers, cluster = stack.enter_context(engines(work))
        topic = fresh_name("peers")
        create_topic(brokers, topic, partitions=given.partitions)
        feed = [sys.executable, "-m", "bench.peers.feed", "--brokers", brokers, "--topic", topic]
        feed += ["--count", str(given.events), "--keys", str(given.keys)]
        run_child(feed, log=work / "feed.log", cwd=ROOT)
        records = dump(brokers, topic, work / "topic")
        bench = Bench(brokers, topic, records, work, stack.enter_context(Truth(work / "topic")))
        runs = in_turns(contenders(bench, [peer for peer in asked if peer.is_here], cluster), given.rounds)
    summaries = [summarise(name, samples) for name, samples in runs.items()]
    told = facts(given.events, given.keys, given.partitions, given.rounds, asked)
    body = f"{as_markdown(summaries)}\n{ratios(summaries)}"
    write("peers", "Tidemill beside other engines on one topic", told, body, [asdict(each) for each in summaries])


if __name__ == "__main__":
    main()
