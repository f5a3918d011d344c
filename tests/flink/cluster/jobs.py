"""A small job by hand: from a topic into sums per key (upsert) and a copy of each record (append), exactly once."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dataflow.sources.kafka.source import KafkaSource
from tests.kafka_fixture import fresh_topic, produce
from tests.slowness import slowness


@dataclass(frozen=True)
class Sums:
    """The topics of one job, and its SQL."""

    bootstrap: str
    source: str
    sums: str
    copies: str

    @property
    def statements(self) -> list[str]:
        """What a session runs to submit it."""
        reading = {
            "format": "json",
            "properties.isolation.level": "read_committed",
            "scan.startup.mode": "earliest-offset",
        }
        writing = {
            "sink.delivery-guarantee": "exactly-once",
            "sink.transactional-id-prefix": self.sums,
            "properties.transaction.timeout.ms": "600000",
        }
        upsert = {**writing, "key.format": "json", "value.format": "json"}
        append = {**writing, "sink.transactional-id-prefix": self.copies, "format": "json"}
        return [
            f"CREATE TABLE src (k STRING, v BIGINT) {self._options('kafka', self.source, reading)}",
            f"CREATE TABLE sums (k STRING, n BIGINT, s BIGINT, PRIMARY KEY (k) NOT ENFORCED) "
            f"{self._options('upsert-kafka', self.sums, upsert)}",
            f"CREATE TABLE copies (v BIGINT) {self._options('kafka', self.copies, append)}",
            "EXECUTE STATEMENT SET BEGIN INSERT INTO sums SELECT k, COUNT(*), SUM(v) FROM src GROUP BY k; "
            "INSERT INTO copies SELECT v FROM src; END",
        ]

    def _options(self, connector: str, topic: str, more: dict[str, str]) -> str:
        options = {
            "connector": connector,
            "topic": topic,
            "properties.bootstrap.servers": self.bootstrap,
            **more,
        }
        return "WITH (" + ", ".join(f"'{key}' = '{value}'" for key, value in options.items()) + ")"

    def produce(self, values: Iterable[int]) -> None:
        """A record of each value, in its partition; of seven keys."""
        by_partition: dict[int, list[bytes]] = {0: [], 1: []}
        for value in values:
            by_partition[value % 2].append(json.dumps({"k": f"k{value % 7}", "v": value}).encode())
        for partition, records in by_partition.items():
            produce(self.bootstrap, self.source, records, partition=partition)

    def summed(self) -> dict[str, tuple[int, int]]:
        """Count and sum of each key, as a reader of committed records sees them."""
        rows = [json.loads(value) for value in committed(self.bootstrap, self.sums)]
        return {row["k"]: (row["n"], row["s"]) for row in rows}

    def copied(self) -> list[int]:
        """The values that were copied, as a reader of committed records sees them."""
        return sorted(json.loads(value)["v"] for value in committed(self.bootstrap, self.copies))


def sums_of(values: Iterable[int]) -> dict[str, tuple[int, int]]:
    """What `Sums.summed` must be."""
    found: dict[str, tuple[int, int]] = {}
    for value in values:
        count, total = found.get(f"k{value % 7}", (0, 0))
        found[f"k{value % 7}"] = (count + 1, total + value)
    return found


def fresh_sums(bootstrap: str) -> Sums:
    """A job with topics of its own, the source's of two partitions."""
    return Sums(bootstrap, fresh_topic(bootstrap, 2), fresh_topic(bootstrap, 2), fresh_topic(bootstrap, 2))


def committed(bootstrap: str, topic: str) -> list[bytes]:
    """The values of all committed records, tombstones left out."""
    source = KafkaSource(bootstrap, [topic])
    values: list[bytes] = []
    for partition, end in source.end_offsets().items():
        reader = source.open(partition, None, None, end)
        while not reader.finished:
            poll = reader.poll(1_000, 1 << 20)
            values += [] if poll is None else poll.records.column("value").to_pylist()
        reader.close()
    return [value for value in values if value is not None]


def until(holds: Callable[[], bool], seconds: float) -> None:
    """Wait until it holds; on a busy machine for longer, and how busy it will be nobody knows."""
    deadline = time.monotonic() + 3 * seconds * slowness()
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.2)
