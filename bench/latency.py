"""Latency from a record's arrival in Kafka to a reader of the lake seeing it, at a steady rate."""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import numpy.typing as npt
from confluent_kafka import Consumer, TopicPartition

from bench.commands import create_topic, produce, run
from bench.measure import BenchError, run_child
from bench.results import write
from bench.stations import STATIONS, Milliseconds, Trace, published_ms, waits_ms
from dataflow.errors import LakeError, QueryError
from deploy.kafka_server import KafkaCluster
from query.reader import Bound, LakeReader
from runtime.ports import HOST, free_ports

ROOT = Path(__file__).resolve().parent.parent
TOPIC = "bench"
POLL_S = 0.005
DELTA_RATE = 1_000
DELTA_EPOCH_MS = 250
WARM_UP_S = 5.0
SEEN = (
    "SELECT partition, max(end_offset) AS seen, max(committed_at) AS at FROM ledger "
    "WHERE committed_at >= $since GROUP BY partition"
)

_COMMIT = re.compile(r'tidemill_commit_seconds_(sum|count)\{step="(\w+)"\} (\S+)')

DELTA = "delta"
"""The run whose figure is the way of a record to its delta rows."""

Seen = list[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Load:
    """What one run has to do, and with epochs of which length."""

    topic: str
    epoch_ms: int
    rate: int
    seconds: int
    partitions: int


class Watcher:
    """A reader that stays, and asks after each commit how far each source partition has become visible.

    `seen` maps a source partition to (end offset, clock time in ms at which a query returned it), both rising.
    """

    def __init__(self, lake: Path) -> None:
        self.seen: dict[str, Seen] = {}
        self.query_ms: list[float] = []
        self._lake = lake
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def start(self) -> None:
        """Begin to ask; the lake may not exist yet."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._ended.set()
        self._thread.join()

    @property
    def alive(self) -> bool:
        """False once it has ended, also by an error."""
        return self._thread.is_alive()

    def total(self) -> int:
        """Offsets visible so far, over all source partitions."""
        return sum(points[-1][0] for points in self.seen.values())

    def _watch(self) -> None:
        since = datetime(1970, 1, 1)
        known = None
        # a second thread would take from the run what it gains for so small a question
        with LakeReader(self._lake, threads=1) as lake:
            while not self._ended.wait(POLL_S):
                started = time.perf_counter()
                bound = Bound("ledger", "committed_at", at_least=since)
                try:
                    snapshot = lake.snapshot()
                    # the same one until something was committed
                    if snapshot is known or "ledger" not in snapshot.tables:
                        continue
                    rows = snapshot.query(SEEN, parameters={"since": since}, bounds=[bound]).to_pylist()
                except (LakeError, QueryError):
                    continue
                known = snapshot
                since = max((row["at"] for row in rows), default=since)
                now_ms = time.time() * 1000
                self.query_ms.append((time.perf_counter() - started) * 1000)
                for row in rows:
                    points = self.seen.setdefault(row["partition"], [])
                    if not points or row["seen"] > points[-1][0]:
                        points.append((row["seen"], now_ms))


def arrivals(brokers: str, topic: str) -> dict[str, tuple[npt.NDArray[np.int64], Milliseconds]]:
    """Offsets and broker timestamps (ms) of every record, per source partition, in offset order."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "latency", "enable.auto.commit": False})
    try:
        found = {}
        for partition in sorted(consumer.list_topics(topic, timeout=30).topics[topic].partitions):
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)
            consumer.assign([TopicPartition(topic, partition, low)])
            offsets: list[int] = []
            times: list[int] = []
            while len(offsets) < high - low:
                for message in consumer.consume(10_000, 1.0):
                    offset = message.offset()
                    assert offset is not None, "a record that was read has one"
                    offsets.append(offset)
                    times.append(message.timestamp()[1])
            found[f"{topic}/{partition}"] = (np.array(offsets, np.int64), np.array(times, np.float64))
        return found
    finally:
        consumer.close()


def latencies_ms(
    records: Mapping[str, tuple[npt.NDArray[np.int64], Milliseconds]], seen: Mapping[str, Seen], warm_up_s: float
) -> Milliseconds:
    """From arrival to first sight, for every record that arrived after the warm-up.

    A record is seen by the first answer whose end offset lies above its own. Raises BenchError if one never was.
    """
    begin_ms = min(times[0] for _, times in records.values() if times.size) + warm_up_s * 1000
    parts = []
    for partition, (offsets, times) in records.items():
        ends = np.array([end for end, _ in seen.get(partition, [])], np.int64)
        at_ms = np.array([at for _, at in seen.get(partition, [])], np.float64)
        first = np.searchsorted(ends, offsets, side="right")
        if offsets.size and first.max() >= ends.size:
            raise BenchError(f"{partition}: the lake never showed offset {offsets[-1]}")
        late_enough = times >= begin_ms
        parts.append(at_ms[first[late_enough]] - times[late_enough])
    return np.concatenate(parts)


def commit_ms(metrics: str) -> dict[str, float]:
    """Means of the steps of a commit (stage, publish), in ms, from what /metrics says."""
    found: dict[str, dict[str, float]] = {}
    for line in metrics.splitlines():
        if match := _COMMIT.fullmatch(line):
            part, step, value = match.groups()
            found.setdefault(step, {})[part] = float(value)
    return {step: 1000 * each["sum"] / each["count"] for step, each in found.items() if each["count"]}


def main() -> None:
    """Produce at a rate, run the pipeline, watch the lake, write bench/results/latency.*."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=20_000, help="events a second")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--epochs-ms", type=int, nargs="+", default=[250, 100], help="one run for each")
    parser.add_argument("--delta-rate", type=int, default=DELTA_RATE, help="events a second of the run for delta rows")
    given = parser.parse_args()
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="tidemill-bench-") as folder:
        kafka = KafkaCluster(Path(folder) / "kafka")
        kafka.start()
        try:
            runs = {str(each): (each, given.rate) for each in given.epochs_ms}
            for name, (epoch_ms, rate) in {**runs, DELTA: (DELTA_EPOCH_MS, given.delta_rate)}.items():
                work = Path(folder) / name
                work.mkdir()
                load = Load(f"{TOPIC}-{name}", epoch_ms, rate, given.seconds, given.partitions)
                figures[name] = measure(kafka.bootstrap, work, load)
        finally:
            kafka.stop()
    facts = {
        "load": f"{given.rate:,} events/s, {given.seconds} s, {given.partitions} partitions, one machine",
        "pipeline": "pipelines/ads.py; 250 ms is the default epoch",
        "measured": "from the broker's timestamp of a record until a query over the ledger returned it, by a reader "
        "that stays and asks after each commit",
        "commit": "mean of the run's commits: files written and synced (stage), and put into the catalog (publish)",
        "delta rows": f"{given.delta_rate:,} events/s: from the beginning of the poll that has a record until its "
        "delta rows are made",
        "stations": "what a record waits for, at the mean: " + ", ".join(STATIONS),
    }
    write("latency", "Latency from Kafka to the lake", facts, as_markdown(figures), figures)


def as_markdown(figures: Mapping[str, Mapping[str, float]]) -> str:
    """A line per length of epochs; what its records waited for; the line of the delta rows."""
    columns = ("p50", "p90", "p99", "max", "query", "stage", "publish", "publish_p50")
    epochs = {name: row for name, row in figures.items() if name != DELTA}
    delta = figures[DELTA]
    lines = [
        f"| epoch ms | {' | '.join(f'{each} ms'.replace('_', ' ') for each in columns)} |",
        "| ---: |" + " ---: |" * len(columns),
        *(f"| {name} | {' | '.join(f'{row[each]:,.1f}' for each in columns)} |" for name, row in epochs.items()),
        "",
        f"| epoch ms | {' | '.join(f'{each} ms' for each in STATIONS)} |",
        "| ---: |" + " ---: |" * len(STATIONS),
        *(
            f"| {name} | {' | '.join(f'{row[waited(each)]:,.1f}' for each in STATIONS)} |"
            for name, row in epochs.items()
        ),
        "",
        "| from poll to delta row | p50 ms | p90 ms | p99 ms |",
        "| :--- | ---: | ---: | ---: |",
        f"| in the process | {' | '.join(f'{delta[each]:,.1f}' for each in ('p50', 'p90', 'p99'))} |",
    ]
    return "\n".join(lines) + "\n"


def measure(brokers: str, work: Path, load: Load) -> dict[str, float]:
    """One run over a topic of its own: quantiles in ms, what a commit takes, and what records waited for."""
    # The broker's clock stamps the records: one clock for both ends, whatever event times they carry.
    create_topic(brokers, load.topic, partitions=load.partitions, timestamps="LogAppendTime")
    watcher, metrics, trace = _watch_run(brokers, work, load)
    records = arrivals(brokers, load.topic)
    sample = latencies_ms(records, watcher.seen, WARM_UP_S)
    waits = waited_ms(trace, records, WARM_UP_S)
    told = waits["delta"] if load.topic.endswith(DELTA) else sample
    figures = {f"p{q}": float(np.percentile(told, q)) for q in (50, 90, 99)}
    figures |= {"max": float(told.max()), "query": statistics.median(watcher.query_ms), **commit_ms(metrics)}
    figures["publish_p50"] = float(np.median(published_ms(trace)))
    figures |= {waited(name): float(each.mean()) for name, each in waits.items()}
    figures[waited("seen")] = float(sample.mean() - sum(each.mean() for each in waits.values()))
    return {**{name: round(value, 2) for name, value in figures.items()}, "events": sample.size}


def waited(station: str) -> str:
    """The name of the figure of a station."""
    return f"waited_{station}"


def waited_ms(
    trace: Trace, records: Mapping[str, tuple[npt.NDArray[np.int64], Milliseconds]], warm_up_s: float
) -> dict[str, Milliseconds]:
    """What the records that arrived after the warm-up waited for, by station."""
    begin_ms = min(times[0] for _, times in records.values() if times.size) + warm_up_s * 1000
    found: dict[str, list[Milliseconds]] = {}
    for partition, (offsets, times) in records.items():
        counts = times >= begin_ms
        for name, each in waits_ms(trace, partition, offsets[counts], times[counts]).items():
            found.setdefault(name, []).append(each)
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _watch_run(brokers: str, work: Path, load: Load) -> tuple[Watcher, str, Trace]:
    """The watcher of a run that has shown all events, the run's metrics then, and its trace."""
    watcher, count = Watcher(work / "lake"), load.rate * load.seconds
    port = free_ports(1)[0]
    told = work / "trace.json"
    _, *command = run(brokers, load.topic, work, bounded=False)
    command = [sys.executable, "-m", "bench.stations", str(told), *command]
    command += ["--epoch-ms", str(load.epoch_ms), "--metrics-port", str(port)]
    with (work / "run.log").open("wb") as log:
        # what the command sets for itself before anything is loaded, which the notes around it are too late for
        own = {"OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
        pipeline = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, env={**own, **os.environ}
        )
        try:
            watcher.start()
            run_child(produce(brokers, load.topic, count=count, rate=load.rate), log=work / "produce.log", cwd=ROOT)
            deadline = time.monotonic() + 30
            while watcher.total() < count:
                if pipeline.poll() is not None or not watcher.alive or time.monotonic() > deadline:
                    tail = (work / "run.log").read_text(errors="replace")[-2000:]
                    raise BenchError(f"the lake shows {watcher.total()} of {count} events; the pipeline said:\n{tail}")
                time.sleep(0.1)
            with urlopen(f"http://{HOST}:{port}/metrics", timeout=10) as answer:
                metrics = answer.read().decode()
        finally:
            pipeline.send_signal(signal.SIGTERM)
            pipeline.wait()
            watcher.stop()
    print(f"{count:,} events visible with epochs of {load.epoch_ms} ms", file=sys.stderr)
    return watcher, metrics, json.loads(told.read_text())


if __name__ == "__main__":
    main()
