"""Latency from a record's arrival in Kafka to its alert at a consumer: told early, and with the commit.

python -m bench.early_alerts [--rate 20000] [--seconds 60] [--epochs-ms 250 1000]
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from confluent_kafka import Consumer, TopicPartition

from bench.commands import create_topic, produce, run
from bench.early_alerts_pipeline import ALERTS, EARLY
from bench.measure import BenchError, run_child
from bench.results import write
from deploy.kafka_server import KafkaCluster

ROOT = Path(__file__).resolve().parent.parent
PIPELINE = ROOT / "bench" / "early_alerts_pipeline.py"
TOPIC = "bench"
WARM_UP_S = 5.0
PATIENCE_S = 90.0
QUIET_S = 5.0
RULE = "sampled"

Milliseconds = npt.NDArray[np.float64]
Arrivals = dict[str, float]
"""Event id -> clock time in ms."""


class Listener:
    """A consumer of a topic of alerts: when the first record of each event came, by the clock of this machine."""

    def __init__(self, brokers: str, topic: str) -> None:
        self.seen: Arrivals = {}
        self.records = 0
        """Of the rule that is measured, repeats included."""
        settings = {"bootstrap.servers": brokers, "group.id": "alerts", "enable.auto.commit": False}
        self._consumer = Consumer({**settings, "isolation.level": "read_committed"})
        self._topic = topic
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, name=f"listen-{topic}", daemon=True)

    def start(self) -> None:
        """Begin to listen at the beginning of the topic."""
        self._consumer.assign([TopicPartition(self._topic, 0, 0)])
        self._thread.start()

    def stop(self) -> None:
        """Listen no more."""
        self._ended.set()
        self._thread.join()
        self._consumer.close()

    def _listen(self) -> None:
        while not self._ended.is_set():
            message = self._consumer.poll(0.1)
            if message is None or message.error() is not None:
                continue
            now_ms = time.time() * 1000
            value = message.value()
            told = json.loads(value) if value is not None else {}
            if told.get("rule") == RULE:
                self.records += 1
                self.seen.setdefault(told["key"]["event_id"], now_ms)


def arrivals(brokers: str, topic: str) -> Arrivals:
    """The broker's timestamps of the events that the rule is about: the first one of each."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "arrivals", "enable.auto.commit": False})
    found: Arrivals = {}
    try:
        for partition in sorted(consumer.list_topics(topic, timeout=30).topics[topic].partitions):
            _, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)
            consumer.assign([TopicPartition(topic, partition, 0)])
            read = 0
            while read < high:
                for message in consumer.consume(10_000, 1.0):
                    read = (message.offset() or 0) + 1
                    name = event_of(message.value() or b"")
                    if name is not None:
                        at_ms = float(message.timestamp()[1])
                        found[name] = min(at_ms, found.get(name, at_ms))
        return found
    finally:
        consumer.close()


def event_of(value: bytes) -> str | None:
    """The id of an event that the rule is about; None of all others, and of what is no event."""
    if b'00"' not in value:
        return None
    try:
        name = json.loads(value)["event_id"]
    except (ValueError, KeyError, TypeError):
        return None
    return name if isinstance(name, str) and name.endswith("00") else None


def latencies_ms(records: Arrivals, seen: Mapping[str, float], warm_up_s: float) -> Milliseconds:
    """From arrival to alert, for events that arrived after the warm-up. Raises BenchError for none."""
    begin_ms = min(records.values(), default=0.0) + warm_up_s * 1000
    found = [at_ms - records[name] for name, at_ms in seen.items() if records.get(name, 0.0) >= begin_ms]
    if not found:
        raise BenchError(f"no alert came for an event after the first {warm_up_s:g} s")
    return np.array(found)


def quantiles(sample: Milliseconds) -> dict[str, float]:
    """What a run is told by, in ms."""
    figures = {f"p{q}": float(np.percentile(sample, q)) for q in (50, 90, 99)}
    return {name: round(value, 1) for name, value in {**figures, "max": float(sample.max())}.items()}


def measure(brokers: str, work: Path, epoch_ms: int, *, rate: int, seconds: int, partitions: int) -> dict[str, object]:
    """One run with epochs of that length over topics of its own: quantiles in ms, of both topics."""
    create_topic(brokers, TOPIC, partitions=partitions, timestamps="LogAppendTime")
    listeners = {name: Listener(brokers, topic) for name, topic in (("early", EARLY), ("committed", ALERTS))}
    for topic in (ALERTS, EARLY):
        create_topic(brokers, topic, partitions=1)
    for listener in listeners.values():
        listener.start()
    command = [*run(brokers, TOPIC, work, bounded=False), "--epoch-ms", str(epoch_ms), "--pipeline", str(PIPELINE)]
    with (work / "run.log").open("wb") as log:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT)
        try:
            _await_lake(work / "lake", child)
            run_child(produce(brokers, TOPIC, count=rate * seconds, rate=rate), log=work / "produce.log", cwd=ROOT)
            records = arrivals(brokers, TOPIC)
            # late events raise nothing, so that all are there once no more come
            known, since_s = -1, time.monotonic()
            while time.monotonic() < since_s + QUIET_S:
                if child.poll() is not None:
                    tail = (work / "run.log").read_text(errors="replace")[-2000:]
                    raise BenchError(f"the run has ended:\n{tail}")
                if len(listeners["committed"].seen) != known:
                    known, since_s = len(listeners["committed"].seen), time.monotonic()
                time.sleep(0.1)
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait()
            for listener in listeners.values():
                listener.stop()
    found: dict[str, object] = {"events": len(records)}
    for name, listener in listeners.items():
        print(f"{name}: {len(listener.seen):,} of {len(records):,} alerts", file=sys.stderr)
        found[name] = quantiles(latencies_ms(records, listener.seen, WARM_UP_S))
        found[f"{name}_alerts"], found[f"{name}_records"] = len(listener.seen), listener.records
    return found


def _await_lake(lake: Path, child: "subprocess.Popen[bytes]") -> None:
    """Until the run is ready to read: what came before would have to be caught up with."""
    deadline = time.monotonic() + PATIENCE_S
    while not any(lake.rglob("*.parquet")) and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)


def as_markdown(figures: Mapping[str, Mapping[str, object]]) -> str:
    """A line per length of epochs and topic."""
    columns = ("p50", "p90", "p99", "max")
    lines = [
        f"| epoch ms | alerts | {' | '.join(f'{each} ms' for each in columns)} |",
        "| ---: | :--- |" + " ---: |" * 4,
    ]
    for epoch_ms, found in figures.items():
        for name in ("early", "committed"):
            told = found[name]
            assert isinstance(told, dict)
            lines.append(f"| {epoch_ms} | {name} | {' | '.join(f'{told[each]:,.1f}' for each in columns)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Produce at a rate, run the pipeline, listen to both topics, write bench/results/early_alerts.*."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=20_000, help="events a second")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--epochs-ms", type=int, nargs="+", default=[250, 1000], help="one run for each")
    given = parser.parse_args()
    figures: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory(prefix="tidemill-bench-") as folder:
        for epoch_ms in given.epochs_ms:
            work = Path(folder) / str(epoch_ms)
            work.mkdir()
            # a broker for each: the topics have the names that the pipeline file says
            kafka = KafkaCluster(work / "kafka")
            kafka.start()
            try:
                figures[str(epoch_ms)] = measure(
                    kafka.bootstrap, work, epoch_ms, rate=given.rate, seconds=given.seconds, partitions=given.partitions
                )
            finally:
                kafka.stop()
    facts = {
        "load": f"{given.rate:,} events/s, {given.seconds} s, {given.partitions} partitions, one machine",
        "pipeline": "bench/early_alerts_pipeline.py: pipelines/ads.py with two rules",
        "measured": "from the broker's timestamp of a record until a consumer had the alert that it raised",
    }
    write("early_alerts", "Latency from Kafka to an alert", facts, as_markdown(figures), figures)


if __name__ == "__main__":
    main()
