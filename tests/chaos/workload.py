"""What the pipeline reads: a seeded ad stream, written to a topic in several honest and dishonest ways."""

import logging
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from dataflow.sources.generator.adstream import AdStream

ROOT = Path(__file__).resolve().parents[2]
STREAM_RATE = 40.0
"""Events per second of event time: a few thousand records span windows, lateness and the memory of ids."""

CHUNK_RECORDS = 60

QUIET = logging.getLogger("tests.chaos.producers")
"""Fenced producers tell of it on standard error otherwise."""
QUIET.addHandler(logging.NullHandler())
QUIET.propagate = False

Style = str
STYLES: tuple[Style, ...] = ("plain", "transactional", "hostile")


class Topic:
    """One topic of the ad stream. `write` continues each partition where it stands; contents depend on the seed alone.

    Styles: plain (idempotent producer); transactional (every third transaction is aborted, then written again);
    hostile (also producers that are fenced in mid-transaction by a second one of the same id, and child processes
    that are killed -9 between flush and commit).
    """

    def __init__(
        self,
        bootstrap: str,
        name: str,
        *,
        seed: int,
        partitions: int = 4,
        style: Style = "plain",
        copies: int = 1,
        rate: float = STREAM_RATE,
    ) -> None:
        """Makes the topic; its records are kept for ever."""
        self.bootstrap = bootstrap
        self.name = name
        self.style = style
        self.seed = seed
        self.stream = AdStream(seed, partitions, rate, start_ms=1_700_000_000_000)
        self.next = [0] * partitions
        self.aborted_records = 0
        self.fenced = 0
        self.dead_producers = 0
        self._copies = copies
        self._random = random.Random(seed)
        self._turn = 0
        self._lock = threading.Lock()
        self._producer: Producer | None = None
        self.admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        self.create()

    def create(self) -> None:
        """Make it, also anew after it was deleted."""
        new = NewTopic(self.name, self.stream.partitions, self._copies, config={"retention.ms": "-1"})
        deadline = time.monotonic() + 120
        while True:
            try:
                self.admin.create_topics([new])[self.name].result(timeout=30)
                return
            except KafkaException:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.3)

    def delete(self) -> None:
        """Delete it; what was written is forgotten here, too."""
        self.admin.delete_topics([self.name])[self.name].result(timeout=30)
        self.next = [0] * self.stream.partitions
        self._producer = None

    def grow(self, partitions: int) -> None:
        """More partitions, which get a stream of their own."""
        self.admin.create_partitions([NewPartitions(self.name, partitions)])[self.name].result(timeout=30)
        self.stream = AdStream(self.seed, partitions, self.stream.rate, start_ms=1_700_000_000_000)
        with self._lock:
            self.next += [0] * (partitions - len(self.next))
            self._producer = None
        while len(self.admin.list_topics(self.name, timeout=30).topics[self.name].partitions) < partitions:
            time.sleep(0.05)

    @property
    def written(self) -> int:
        """Records written for good."""
        return sum(self.next)

    def write(self, records: int) -> None:
        """Write about so many records more, spread over the partitions, in chunks of this topic's style."""
        with self._lock:
            goal = self.written + records
            while self.written < goal:
                self._turn += 1
                chunk = [
                    self._random.randrange(max(2, 2 * CHUNK_RECORDS // len(self.next))) for _ in range(len(self.next))
                ]
                self._write_chunk(chunk)
                self.next = [at + count for at, count in zip(self.next, chunk, strict=True)]

    def _write_chunk(self, chunk: list[int]) -> None:
        if self.style == "plain":
            producer = self._plain()
            self._send(producer, chunk)
            flush(producer)
            return
        if self.style == "hostile" and self._turn % 11 == 5:
            self._die_in_a_transaction(chunk)
        producer = self._transactional()
        if self.style == "hostile" and self._turn % 7 == 3:
            producer = self._fence(producer, chunk)
        if self._turn % 3 == 0:
            producer.begin_transaction()
            self._send(producer, chunk)
            flush(producer)
            producer.abort_transaction(60)
            self.aborted_records += sum(chunk)
        producer.begin_transaction()
        self._send(producer, chunk)
        producer.commit_transaction(60)

    def _plain(self) -> Producer:
        if self._producer is None:
            self._producer = Producer({**self._base(), "enable.idempotence": True}, logger=QUIET)
        return self._producer

    def _transactional(self) -> Producer:
        if self._producer is None:
            self._producer = Producer({**self._base(), "transactional.id": f"{self.name}-writer"}, logger=QUIET)
            self._producer.init_transactions(60)
        return self._producer

    def _fence(self, victim: Producer, chunk: list[int]) -> Producer:
        """Leave a transaction of `victim` open and take its id: the broker aborts it, its commit must fail."""
        victim.begin_transaction()
        self._send(victim, chunk)
        flush(victim)
        self._producer = None
        successor = self._transactional()
        try:
            victim.commit_transaction(30)
        except KafkaException:
            self.fenced += 1
        else:
            raise AssertionError("a fenced producer could commit")
        self.aborted_records += sum(chunk)
        return successor

    def _die_in_a_transaction(self, chunk: list[int]) -> None:
        """A child writes the chunk in a transaction of its own and is killed before it can commit."""
        places = ",".join(f"{at}:{count}" for at, count in zip(self.next, chunk, strict=True))
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.dying_producer", self.bootstrap, self.name, str(self.seed), places],
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        assert child.stdout is not None
        assert child.stdout.readline().strip() == b"flushed"
        child.kill()
        child.wait()
        child.stdout.close()
        self.dead_producers += 1
        self.aborted_records += sum(chunk)

    def _send(self, producer: Producer, chunk: list[int]) -> None:
        send_chunk(producer, self.name, self.stream, self.next, chunk)

    def _base(self) -> dict[str, object]:
        return base_properties(self.bootstrap)


def base_properties(bootstrap: str) -> dict[str, object]:
    """A producer that outlives a broker's restart and writes nothing to the terminal."""
    return {
        "bootstrap.servers": bootstrap,
        "linger.ms": 2,
        "log_level": 0,
        "acks": "all",
        "message.timeout.ms": 120_000,
        "transaction.timeout.ms": 120_000,
        "reconnect.backoff.max.ms": 500,
    }


def send_chunk(producer: Producer, topic: str, stream: AdStream, starts: list[int], counts: list[int]) -> None:
    """Hand the stream's records [start, start + count) of each partition to the producer."""
    for partition, (start, count) in enumerate(zip(starts, counts, strict=True)):
        for stamp_ms, value in stream.records(partition, start, count):
            producer.produce(topic, value, None, partition, None, None, stamp_ms)


def flush(producer: Producer) -> None:
    """Wait until the broker has everything; AssertionError after two minutes."""
    left = producer.flush(120)
    assert left == 0, f"{left} records got no answer from the broker"


class Feed:
    """Writes to a topic in a thread, so many records a second, until stopped. A producer's error shows at the stop."""

    def __init__(self, topic: Topic, rate: float, limit: int) -> None:
        self._topic = topic
        self._rate = rate
        self._limit = limit
        self._stopping = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._guarded, args=(self._run,), name="feed", daemon=True)

    def __enter__(self) -> "Feed":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self._error = error

    def _run(self) -> None:
        started, first = time.monotonic(), self._topic.written
        while not self._stopping.is_set() and self._topic.written < self._limit:
            due = first + (time.monotonic() - started) * self._rate - self._topic.written
            if due >= CHUNK_RECORDS:
                self._topic.write(CHUNK_RECORDS)
            else:
                self._stopping.wait(0.02)


def write_compacted(bootstrap: str, name: str, seed: int, records: int) -> int:
    """A topic of four partitions that the broker has compacted: keys repeat, some end in tombstones.

    Returns how many of the written records are gone; waits until the broker has compacted and rests.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    config = {
        "retention.ms": "-1",
        "cleanup.policy": "compact",
        "segment.ms": "100",
        "min.cleanable.dirty.ratio": "0.01",
        "segment.bytes": "1048576",
        "delete.retention.ms": "86400000",
    }
    admin.create_topics([NewTopic(name, 4, config=config)])[name].result(timeout=30)
    stream = AdStream(seed, 4, STREAM_RATE, start_ms=1_700_000_000_000)
    producer = Producer({**base_properties(bootstrap), "enable.idempotence": True})
    rng = random.Random(seed)
    rounds = 6
    for turn in range(rounds):
        for partition in range(4):
            count = records // 4 // rounds
            for stamp_ms, value in stream.records(partition, turn * count, count):
                key = b"%d" % rng.randrange(records // 2)
                told = None if rng.random() < 0.02 else value
                producer.produce(name, told, key, partition, None, None, stamp_ms)
        flush(producer)
        # the next batch finds a segment old enough to be closed
        time.sleep(0.15)
    return _await_compaction(bootstrap, name, rounds * 4 * (records // 4 // rounds))


def _await_compaction(bootstrap: str, name: str, written: int) -> int:
    from tests.chaos.recount import read_topic

    deadline = time.monotonic() + 60
    before = written
    while time.monotonic() < deadline:
        time.sleep(1.5)
        with suppress(KafkaException):
            now = sum(len(records) for records in read_topic(bootstrap, name).values())
            if now < written and now == before:
                return written - now
            before = now
    raise AssertionError(f"the broker did not compact {name} within 60 s")
