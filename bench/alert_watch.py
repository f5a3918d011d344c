"""When alerts were there: by the broker's stamps, at a consumer that waits for them, and by the lake's commits."""

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt
from confluent_kafka import Consumer, Message, TopicPartition

from bench.measure import BenchError
from sinks.lake.catalog.sqlite import CATALOG_NAME, connect_readonly

RULE = "sampled"
"""The rule that is measured: it is true of each event whose id ends with SAMPLED."""
SAMPLED = "00"
LOOK_S = 0.002

Milliseconds = npt.NDArray[np.float64]
Moments = dict[str, float]
"""Event id -> clock time in ms."""
Place = tuple[str, int]
"""Source partition and offset."""


class Arrivals:
    """Of the events that the rule is about, the first record of each: when it came, and where it is."""

    def __init__(self) -> None:
        self.at_ms: Moments = {}
        self.places: dict[str, Place] = {}

    def see(self, message: Message) -> None:
        """One record of the topic."""
        name, at_ms = event_of(message.value() or b""), float(message.timestamp()[1])
        if name is not None and at_ms < self.at_ms.get(name, float("inf")):
            self.at_ms[name] = at_ms
            self.places[name] = (f"{message.topic()}/{message.partition()}", message.offset() or 0)


class Told:
    """Alerts of the rule, by their records: when the first of each event was there, and how many there were."""

    def __init__(self) -> None:
        self.at_ms: Moments = {}
        self.records = 0

    def see(self, message: Message, at_ms: float | None = None) -> None:
        """One record of a topic of alerts; its own stamp counts where no other time is given."""
        name = alerted(message.value())
        if name is not None:
            self.records += 1
            self.at_ms.setdefault(name, float(message.timestamp()[1]) if at_ms is None else at_ms)


class Listener:
    """A consumer of a topic of alerts that reads what is committed: when each came, by the clock of this machine."""

    def __init__(self, brokers: str, topic: str) -> None:
        self.told = Told()
        self._consumer = Consumer({**_settings(brokers), "isolation.level": "read_committed"})
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
            if message is not None and message.error() is None:
                self.told.see(message, time.time() * 1000)


class LakeWatch:
    """How far each source partition is committed: (next offset, clock time in ms), both rising."""

    def __init__(self, lake: Path) -> None:
        self.seen: dict[str, list[tuple[int, float]]] = {}
        self._catalog = lake / CATALOG_NAME
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="lake-watch", daemon=True)

    def start(self) -> None:
        """Begin to look; the lake may not exist yet."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    def moments(self, places: Mapping[str, Place]) -> Moments:
        """When the commit of each of these places was seen first."""
        found: Moments = {}
        for name, (partition, offset) in places.items():
            for end, at_ms in self.seen.get(partition, ()):
                if end > offset:
                    found[name] = at_ms
                    break
        return found

    def _watch(self) -> None:
        while not self._catalog.exists():
            if self._ended.wait(0.1):
                return
        with closing(connect_readonly(self._catalog, busy_ms=5_000)) as connection:
            version = None
            while not self._ended.wait(LOOK_S):
                try:
                    (now,) = connection.execute("PRAGMA data_version").fetchone()
                    if now == version:
                        continue
                    rows = connection.execute('SELECT "partition", next FROM own_offset').fetchall()
                except sqlite3.Error:
                    # it is only being made
                    continue
                version, at_ms = now, time.time() * 1000
                for partition, end in rows:
                    points = self.seen.setdefault(partition, [])
                    if not points or end > points[-1][0]:
                        points.append((end, at_ms))


def read_all(brokers: str, topic: str, see: Callable[[Message], object]) -> None:
    """Every record of a topic as it stands, those of transactions that were ended badly too."""
    with closing(Consumer({**_settings(brokers), "enable.partition.eof": True})) as consumer:
        for partition in sorted(consumer.list_topics(topic, timeout=30).topics[topic].partitions):
            _, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)
            consumer.assign([TopicPartition(topic, partition, 0)])
            read = 0
            while read < high:
                for message in consumer.consume(10_000, 1.0):
                    # behind the last record there may be a transaction's marker
                    read = high if message.error() is not None else (message.offset() or 0) + 1
                    if message.error() is None:
                        see(message)


def records_in(brokers: str, topic: str) -> int:
    """How many records a topic has had, markers of transactions among them."""
    with closing(Consumer(_settings(brokers))) as consumer:
        parts = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        return sum(consumer.get_watermark_offsets(TopicPartition(topic, each), timeout=30)[1] for each in parts)


def event_of(value: bytes) -> str | None:
    """The id of an event that the rule is about; None of all others, and of what is no event."""
    if SAMPLED.encode() + b'"' not in value:
        return None
    try:
        name = json.loads(value)["event_id"]
    except (ValueError, KeyError, TypeError):
        return None
    return name if isinstance(name, str) and name.endswith(SAMPLED) else None


def alerted(value: bytes | None) -> str | None:
    """The event that an alert of the rule is about, whoever told it: `key` is the event, or has it."""
    told = json.loads(value) if value else {}
    if told.get("rule") != RULE:
        return None
    key = told["key"]
    name: str = key["event_id"] if isinstance(key, dict) else key
    return name


def latencies_ms(records: Moments, seen: Mapping[str, float], warm_up_s: float) -> Milliseconds:
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


def _settings(brokers: str) -> dict[str, str | bool]:
    return {"bootstrap.servers": brokers, "group.id": "alerts", "enable.auto.commit": False}
