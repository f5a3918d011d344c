"""Latency from a record's arrival in Kafka to a reader of the lake seeing it, at a steady rate."""

import argparse
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from confluent_kafka import Consumer, TopicPartition

from bench.commands import create_topic, produce, run
from bench.measure import BenchError, run_child
from bench.results import write
from dataflow.errors import LakeError, QueryError
from deploy.kafka_server import KafkaCluster
from query.reader import Bound, LakeReader

ROOT = Path(__file__).resolve().parent.parent
TOPIC = "bench"
POLL_S = 0.02
WARM_UP_S = 5.0
SEEN = (
    "SELECT partition, max(end_offset) AS seen, max(committed_at) AS at FROM ledger "
    "WHERE committed_at >= $since GROUP BY partition"
)

Seen = list[tuple[int, float]]
Milliseconds = npt.NDArray[np.float64]


class Watcher:
    """A reader that asks the lake again and again how far each source partition has become visible.

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
        with LakeReader(self._lake) as lake:
            while not self._ended.wait(POLL_S):
                started = time.perf_counter()
                bound = Bound("ledger", "committed_at", at_least=since)
                try:
                    snapshot = lake.snapshot()
                    if "ledger" not in snapshot.tables:
                        continue
                    rows = snapshot.query(SEEN, parameters={"since": since}, bounds=[bound]).to_pylist()
                except (LakeError, QueryError):
                    continue
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


def main() -> None:
    """Produce at a rate, run the pipeline, watch the lake, write bench/results/latency.*."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=20_000, help="events a second")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--partitions", type=int, default=4)
    arguments = parser.parse_args()
    count = arguments.rate * arguments.seconds
    with tempfile.TemporaryDirectory(prefix="tidemill-bench-") as folder:
        work = Path(folder)
        kafka = KafkaCluster(work / "kafka")
        kafka.start()
        try:
            # The broker's clock stamps the records: one clock for both ends, whatever event times they carry.
            create_topic(kafka.bootstrap, TOPIC, partitions=arguments.partitions, timestamps="LogAppendTime")
            watcher = _watch_run(kafka.bootstrap, work, count, arguments.rate)
            records = arrivals(kafka.bootstrap, TOPIC)
        finally:
            kafka.stop()
    sample = latencies_ms(records, watcher.seen, WARM_UP_S)
    quantiles = {f"p{q}": round(float(np.percentile(sample, q)), 1) for q in (50, 90, 99)}
    figures = {**quantiles, "max": round(float(sample.max()), 1), "events": int(sample.size)}
    facts = {
        "load": f"{arguments.rate:,} events/s, {arguments.seconds} s, {arguments.partitions} partitions, one machine",
        "epoch": "250 ms (the default)",
        "measured": "from the broker's timestamp of a record until a reader's query over the ledger returned it",
        "the reader's own query": f"{statistics.median(watcher.query_ms):.1f} ms at the median",
    }
    body = "| p50 ms | p90 ms | p99 ms | max ms |\n| ---: | ---: | ---: | ---: |\n"
    body += "| " + " | ".join(f"{figures[key]:,.0f}" for key in ("p50", "p90", "p99", "max")) + " |\n"
    write("latency", "Latency from Kafka to the lake", facts, body, figures)


def _watch_run(brokers: str, work: Path, count: int, rate: int) -> Watcher:
    watcher = Watcher(work / "lake")
    with (work / "run.log").open("wb") as log:
        pipeline = subprocess.Popen(
            run(brokers, TOPIC, work, bounded=False), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT
        )
        try:
            watcher.start()
            run_child(produce(brokers, TOPIC, count=count, rate=rate), log=work / "produce.log", cwd=ROOT)
            deadline = time.monotonic() + 30
            while watcher.total() < count:
                if pipeline.poll() is not None or not watcher.alive or time.monotonic() > deadline:
                    tail = (work / "run.log").read_text(errors="replace")[-2000:]
                    raise BenchError(f"the lake shows {watcher.total()} of {count} events; the pipeline said:\n{tail}")
                time.sleep(0.1)
        finally:
            pipeline.send_signal(signal.SIGTERM)
            pipeline.wait()
            watcher.stop()
    print(f"{count:,} events visible", file=sys.stderr)
    return watcher


if __name__ == "__main__":
    main()
