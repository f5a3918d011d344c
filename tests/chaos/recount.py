"""The topic counted again by separate code: read committed records, then the row-by-row model of the rules."""

import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from tests.model import adapter, dump, engine
from tests.model.spec import PipelineSpec, Record

Topics = dict[str, list[Record]]


@dataclass(frozen=True)
class Expected:
    """What the lake must hold: `tables` of the model, `texts` of the dump, committed `records` per source partition."""

    spec: PipelineSpec
    tables: engine.Tables
    texts: dict[str, str]
    records: Topics


def await_decided(bootstrap: str, topic: str, seconds: float = 120) -> None:
    """Wait until no transaction is open in the topic: until then its end is not the same for all who ask."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    partitions = admin.list_topics(topic, timeout=30).topics[topic].partitions
    asked = {TopicPartition(topic, number): OffsetSpec.latest() for number in partitions}
    deadline = time.monotonic() + seconds
    ends: list[dict[int, int]] = []
    while True:
        # a broker that has just come back does not know yet whether it leads
        with suppress(KafkaException):
            ends = [
                {place.partition: future.result().offset for place, future in told.items()}
                for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
                for told in [admin.list_offsets(asked, isolation_level=level, request_timeout=30)]
            ]
            if ends[0] == ends[1]:
                return
        assert time.monotonic() < deadline, f"a transaction in {topic} stays open: {ends}"
        time.sleep(0.1)


def read_topic(bootstrap: str, topic: str) -> Topics:
    """Every committed record up to the last stable offset, per source partition, in offset order."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "recount",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
    )
    try:
        partitions = sorted(consumer.list_topics(topic, timeout=30).topics[topic].partitions)
        found: Topics = {f"{topic}/{number}": [] for number in partitions}
        waiting = set(partitions)
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        heard = time.monotonic()
        while waiting:
            messages = consumer.consume(5000, 0.2)
            if messages:
                heard = time.monotonic()
            assert time.monotonic() < heard + 60, f"{topic}: silence for 60 s before {sorted(waiting)} was read"
            for message in messages:
                error = message.error()
                if error is None:
                    kind, stamp = message.timestamp()
                    offset = message.offset()
                    assert offset is not None
                    record = Record(offset, message.value(), stamp if kind else None)
                    found[f"{topic}/{message.partition()}"].append(record)
                elif error.code() == KafkaError._PARTITION_EOF:
                    waiting.discard(message.partition())
                elif not error.retriable() and error.code() != KafkaError._ALL_BROKERS_DOWN:
                    raise KafkaException(error)
        return found
    finally:
        consumer.close()


def expect(
    pipeline: Path,
    records: Topics,
    *,
    events: bool = True,
    held: engine.Held | None = None,
    lost: engine.Lost | None = None,
) -> Expected:
    """What the model makes of the records. Partitions without any record leave no trace.

    `held`: which records went by other rules than those of the pipeline. `lost`: which were gone before they were read.
    """
    spec = adapter.load(pipeline)
    tables = engine.run(spec, records, held=held, lost=lost)
    return Expected(spec, tables, dump.texts_of(spec, tables, events=events), records)


def expect_topic(bootstrap: str, topic: str, pipeline: Path, held: engine.Held | None = None) -> Expected:
    """Read the topic to its end, and count it."""
    return expect(pipeline, read_topic(bootstrap, topic), held=held)


def expect_topic_apart(bootstrap: str, topic: str, pipeline: Path, held: engine.Held | None = None) -> Expected:
    """The same in a process of its own: counting in Python would hold up the scenarios that play beside it."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(expect_topic, bootstrap, topic, pipeline, held).result()


def before(records: Topics, ends: dict[str, int]) -> Topics:
    """The records below each partition's end offset."""
    return {
        partition: [record for record in each if record.offset < ends[partition]]
        for partition, each in records.items()
        if partition in ends
    }
