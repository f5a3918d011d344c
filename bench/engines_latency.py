"""How old an event is when a committed reader can count it: the same measure for a lake and for a Flink job's topic."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from confluent_kafka import Consumer, TopicPartition

from bench.commands import create_topic
from bench.engines_flink import Asked, job_of, started
from bench.latency import arrivals
from bench.measure import BenchError, run_child
from dataflow.errors import LakeError, QueryError
from proof.parity.produce import make_topics, remove_topics
from proof.parity.records import Kafka
from query.reader import LakeReader

if TYPE_CHECKING:
    from bench.engines import Bench

ROOT = Path(__file__).resolve().parent.parent
POLL_S = 0.02
WARM_UP_S = 10.0
PATIENCE_S = 60.0
TOTAL = "SELECT coalesce(sum(events), 0)::BIGINT AS n FROM ads_1m"


@dataclass(frozen=True, slots=True)
class Watched:
    """`arrived_ms`: when each event reached the broker, sorted; `counted`: (events a reader counted, when in ms)."""

    arrived_ms: npt.NDArray[np.float64]
    counted: tuple[tuple[int, float], ...]


def latencies(watched: Watched, warm_up_s: float = WARM_UP_S) -> dict[str, float]:
    """Quantiles in ms over the events that arrived after the warm-up.

    The n-th event to arrive is seen by the first answer that counts n events or more: exact where events become visible
    in the order of their arrival, and for the mean in any order. Raises BenchError if an event was never counted.
    """
    totals = np.array([total for total, _ in watched.counted])
    at_ms = np.array([at for _, at in watched.counted])
    count = watched.arrived_ms.size
    first = np.searchsorted(totals, np.arange(1, count + 1))
    if not totals.size or totals[-1] < count:
        raise BenchError(f"a reader has counted {totals[-1] if totals.size else 0} of {count} events")
    kept = watched.arrived_ms >= watched.arrived_ms[0] + warm_up_s * 1000
    sample = at_ms[first[kept]] - watched.arrived_ms[kept]
    return {
        **{f"p{q}": float(np.percentile(sample, q)) for q in (50, 90, 99)},
        "max": float(sample.max()),
        "events": float(sample.size),
    }


def of_tidemill(bench: "Bench", rate: int, seconds: int) -> Watched:
    """A run beside the feed; a reader of its lake asks for the total again and again."""
    from bench.engines import tidemill_run

    topic, folder = "latency-tidemill", bench.work / "latency"
    folder.mkdir()
    create_topic(bench.brokers, topic, partitions=bench.partitions, timestamps="LogAppendTime")

    def totals() -> Iterator[int]:
        with LakeReader(folder / "lake") as lake:
            while True:
                try:
                    yield int(lake.query(TOTAL).to_pylist()[0]["n"])
                except (LakeError, QueryError):
                    yield 0
                time.sleep(POLL_S)

    with (folder / "run.log").open("wb") as log:
        command = tidemill_run("one", bench.brokers, topic, folder, bounded=False)
        run = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT)
        try:
            return _watched(bench, topic, rate, seconds, totals)
        finally:
            run.send_signal(signal.SIGTERM)
            run.wait()


def of_flink(bench: "Bench", asked: Asked, rate: int, seconds: int) -> Watched:
    """A job beside the feed; a committed reader of its topic adds up the newest count of each key and window."""
    topic = f"latency-flink-{asked.checkpoint_ms}"
    create_topic(bench.brokers, topic, partitions=bench.partitions, timestamps="LogAppendTime")
    job, kafka = job_of(bench.plan("one"), bench.brokers, topic, asked, bounded=False), Kafka(bench.brokers, {})
    make_topics(kafka, job.topics, 2)
    sink = next(table.topic for table in job.tables if table.name == "ads_1m")
    assert sink is not None

    def totals() -> Iterator[int]:
        properties = {"bootstrap.servers": bench.brokers, "group.id": "bench-latency", "enable.auto.commit": False}
        with closing(Consumer({**properties, "isolation.level": "read_committed"})) as consumer:
            consumer.assign([TopicPartition(sink, number, 0) for number in range(2)])
            counts: dict[bytes, int] = {}
            total = 0
            while True:
                for message in consumer.consume(10_000, POLL_S):
                    key, value = message.key(), message.value()
                    if message.error() is None and isinstance(key, bytes) and isinstance(value, bytes):
                        now = int(json.loads(value)["events"])
                        total += now - counts.get(key, 0)
                        counts[key] = now
                yield total

    running = started(bench.cluster, "bench-latency", job)
    try:
        return _watched(bench, topic, rate, seconds, totals)
    finally:
        bench.cluster.jobmanager.cancel(running)
        remove_topics(kafka, job.topics)


def _watched(bench: "Bench", topic: str, rate: int, seconds: int, totals: Callable[[], Iterator[int]]) -> Watched:
    counted: list[tuple[int, float]] = []
    over = threading.Event()

    def watch() -> None:
        for total in totals():
            if total > (counted[-1][0] if counted else 0):
                counted.append((total, time.time() * 1000))
            if over.is_set():
                return

    watcher = threading.Thread(target=watch, name="watcher", daemon=True)
    watcher.start()
    count = rate * seconds
    command = [sys.executable, "-m", "bench.engines_feed", "--brokers", bench.brokers, "--topic", topic]
    command += ["--partitions", str(bench.partitions), "--count", str(count), "--rate", str(rate)]
    run_child(command, log=bench.work / "feed.log", cwd=ROOT)
    deadline = time.monotonic() + PATIENCE_S
    while watcher.is_alive() and (not counted or counted[-1][0] < count) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    over.set()
    watcher.join()
    times = np.sort(np.concatenate([times for _, times in arrivals(bench.brokers, topic).values()]))
    return Watched(times, tuple(counted))
