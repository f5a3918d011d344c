"""What is fetched directly is what librdkafka gives, record by record, whatever happens on the way."""

import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Timer

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from structlog.testing import capture_logs

from dataflow.event.record_part import KEY, TOPIC, header_column
from dataflow.messages import IN_PLACE_SCHEMA, Poll
from dataflow.sources.kafka.direct.access import Access
from dataflow.sources.kafka.source import KafkaSource
from dataflow.sources.source import Resting
from deploy.kafka_server import KafkaCluster
from tests.kafka_fixture import fresh_topic, produce, silenced, transactional_producer
from tests.kafka_proxy import Spoiler, first_records_at, proxy, with_error

pytestmark = pytest.mark.kafka

SECONDS = 180.0
BESIDE = (KEY, TOPIC, header_column("trace"))
Read = tuple[dict[str, list[object]], list[tuple[int, int]]]
"""Columns of all polls of a partition, and where each poll began and ended."""


def read(
    source: KafkaSource,
    partition: str,
    *,
    start: int | None = None,
    max_records: int = 1_000,
    before_end: Callable[[int], None] = lambda _: None,
) -> Read:
    """A partition from `start` to its end now, with what every poll promises."""
    end = source.end_offsets()[partition]
    reader = source.open(partition, start, None, end)
    columns: dict[str, list[object]] = {}
    ranges = []
    deadline = time.monotonic() + SECONDS
    while not reader.finished:
        assert time.monotonic() < deadline, f"still at {reader.position} of {end}"
        before = reader.position
        poll = reader.poll(max_records, 1 << 24)
        if poll is None:
            time.sleep(0.002)
            continue
        check(poll, before, reader.position, max_records)
        ranges.append((poll.start, poll.end))
        for name in poll.records.schema.names:
            columns.setdefault(name, []).extend(poll.records.column(name).to_pylist())
        before_end(reader.position)
    assert reader.position == end
    reader.close()
    return columns, ranges


def check(poll: Poll, before: int, after: int, max_records: int) -> None:
    offsets = poll.records.column("offset").to_pylist()
    assert (poll.start, poll.end) == (before, after)
    assert offsets == sorted(set(offsets))
    assert all(poll.start <= offset < poll.end for offset in offsets)
    assert len(offsets) <= max_records


def direct(kafka: str, topic: str, access: Access | None = None, beside: Sequence[str] = ()) -> KafkaSource:
    source = KafkaSource(kafka, [topic])
    source.fetch_directly(access or Access.of({}))
    source.ask_for(beside)
    return source


def plain(kafka: str, topic: str, beside: Sequence[str] = ()) -> KafkaSource:
    source = KafkaSource(kafka, [topic])
    source.ask_for(beside)
    return source


def given_up(lines: Sequence[object]) -> list[str]:
    return [str(line) for line in lines if "is fetched by librdkafka" in str(line)]


def assert_equal(kafka: str, topic: str, partitions: int = 1) -> None:
    """All of a topic both ways, with what stands beside the values and without, from several offsets on."""
    with capture_logs() as lines:
        for number in range(partitions):
            name = f"{topic}/{number}"
            for beside in ((), BESIDE):
                wanted, _ = read(plain(kafka, topic, beside), name)
                assert wanted["offset"]
                found, _ = read(direct(kafka, topic, beside=beside), name)
                assert found == wanted
            offsets = [int(str(each)) for each in wanted["offset"]]
            for start in (offsets[len(offsets) // 3], offsets[-1], offsets[-1] + 1):
                end_of = plain(kafka, topic)
                if start >= end_of.end_offsets()[name]:
                    continue
                found, _ = read(direct(kafka, topic), name, start=start, max_records=7)
                assert found["offset"] == [each for each in offsets if each >= start]
    assert given_up(lines) == []


def fill(kafka: str, topic: str, codec: str, values: Sequence[bytes | None], *, flush_every: int) -> None:
    producer = Producer(
        {"bootstrap.servers": kafka, "compression.type": codec, "linger.ms": 50, "batch.num.messages": 10_000}
    )
    for at, value in enumerate(values):
        told: list[str | bytes | None] = [b"%d" % at, None if at % 3 else b"last", b"x"]
        headers = list(zip(("trace", "trace", "else"), told, strict=True))[: at % 4]
        key = None if at % 5 == 0 else b"key-%d" % at
        producer.produce(topic, value, key, 0, timestamp=1_000 + at, headers=headers)
        if at % flush_every == flush_every - 1:
            producer.flush(30)
    assert producer.flush(30) == 0


def some(count: int, size: int = 40) -> list[bytes | None]:
    found = [b'{"user": "u%d", "rest": "%s"}' % (at, b"ab%d" % at * (at % max(1, size // 4))) for at in range(count)]
    return [None if at % 17 == 3 else b"" if at % 17 == 5 else value for at, value in enumerate(found)]


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_every_codec_in_large_batches_and_in_small_ones(kafka: str, codec: str) -> None:
    topic = fresh_topic(kafka)
    fill(kafka, topic, codec, some(30), flush_every=1)
    fill(kafka, topic, codec, some(3_000, 200), flush_every=1_000)
    fill(kafka, topic, codec, [b"x" * 400_000, b"y"], flush_every=10)
    assert_equal(kafka, topic)


def test_transactions_that_were_committed_and_aborted_side_by_side(kafka: str) -> None:
    topic = fresh_topic(kafka)
    producers = [transactional_producer(kafka, f"{topic}-{number}") for number in range(2)]
    produce(kafka, topic, [b"plain"])
    for round_ in range(5):
        for producer in producers:
            producer.begin_transaction()
        for at in range(40):
            producers[at % 2].produce(topic, b"%d.%d" % (round_, at), partition=0)
            if at % 10 == 9:
                for producer in producers:
                    producer.flush(10)
        for number, producer in enumerate(producers):
            producer.flush(10)
            if (round_ + number) % 3 == 0:
                producer.commit_transaction(30)
            else:
                producer.abort_transaction(30)
        produce(kafka, topic, [b"between"])
    # the end is a hole
    producers[0].begin_transaction()
    producers[0].produce(topic, b"never", partition=0)
    producers[0].flush(10)
    producers[0].abort_transaction(30)
    assert_equal(kafka, topic)


def test_an_open_transaction_is_waited_for(kafka: str) -> None:
    topic = fresh_topic(kafka)
    producer = transactional_producer(kafka, topic)
    produce(kafka, topic, [b"before"])
    producer.begin_transaction()
    producer.produce(topic, b"undecided", partition=0)
    producer.flush(10)
    source = direct(kafka, topic)
    assert read(source, f"{topic}/0")[0]["value"] == [b"before"]
    reader = source.open(f"{topic}/0", 1, None)
    for _ in range(30):
        assert reader.poll(10, 1 << 20) is None
        time.sleep(0.01)
    producer.commit_transaction(30)
    deadline = time.monotonic() + SECONDS
    values: list[object] = []
    while reader.position < 3:
        assert time.monotonic() < deadline
        poll = reader.poll(10, 1 << 20)
        values += [] if poll is None else poll.records.column("value").to_pylist()
    assert values == [b"undecided"]
    assert reader.lag() == 0
    reader.close()


def test_times_that_the_broker_gave(kafka: str) -> None:
    topic = fresh_topic(kafka, config={"message.timestamp.type": "LogAppendTime"})
    for codec in ("none", "lz4", "gzip"):
        fill(kafka, topic, codec, some(50), flush_every=20)
    assert_equal(kafka, topic)


def test_holes_that_compaction_left_and_tombstones(kafka: str) -> None:
    eager = {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.01", "segment.bytes": "1048576"}
    topic = fresh_topic(kafka, config={"cleanup.policy": "compact", **eager})
    for number in range(6):
        values = [b"%d" % number, None if number == 2 else b"%d" % number, b"x"]
        produce(kafka, topic, values, keys=[b"same", b"other", b"key-%d" % number])
        time.sleep(0.12)
    deadline = time.monotonic() + SECONDS
    for beside in ((), BESIDE):
        while True:
            assert time.monotonic() < deadline, "the broker did not compact, or does it for ever"
            before, found, after = (
                read(source, f"{topic}/0")[0]
                for source in (
                    plain(kafka, topic, beside),
                    direct(kafka, topic, beside=beside),
                    plain(kafka, topic, beside),
                )
            )
            # it may go on while all is read
            if before == after and len(before["offset"]) < 18:
                break
            time.sleep(0.3)
        assert found == before


def test_many_partitions_in_turns_and_values_in_place(kafka: str) -> None:
    topic = fresh_topic(kafka, partitions=12)
    producer = Producer({"bootstrap.servers": kafka, "compression.type": "lz4", "linger.ms": 50})
    for at in range(24_000):
        producer.produce(topic, b'{"number": %d, "rest": "%s"}' % (at, b"r" * (at % 300)), partition=at % 12)
        if at % 5_000 == 0:
            producer.flush(30)
    producer.flush(30)
    found = {}
    for source in (plain(kafka, topic), direct(kafka, topic)):
        readers = {name: source.open(name, None, None, source.end_offsets()[name]) for name in source.partitions()}
        values: dict[str, list[object]] = {name: [] for name in readers}
        deadline = time.monotonic() + SECONDS
        while not all(reader.finished for reader in readers.values()):
            assert time.monotonic() < deadline
            for name, reader in readers.items():
                poll = reader.poll(500, 1 << 20)
                if poll is not None:
                    values[name] += poll.records.column("value").to_pylist()
                    is_in_place = poll.records.schema == IN_PLACE_SCHEMA
                    # what lies beside in the same memory does not count
                    assert poll.size_bytes < 500 * 400
        source.close()
        found[is_in_place] = values
    assert found[True] == found[False]


def test_the_consumer_group_is_told_how_far_it_was_read(kafka: str) -> None:
    topic = fresh_topic(kafka)
    produce(kafka, topic, [b"x"] * 7)
    source = KafkaSource(kafka, [topic], group=f"{topic}-group")
    source.fetch_directly(Access.of({}))
    assert len(read(source, f"{topic}/0")[0]["offset"]) == 7
    source.close()
    asked = Consumer({"bootstrap.servers": kafka, "group.id": f"{topic}-group", "log_level": 0})
    assert [place.offset for place in asked.committed([TopicPartition(topic, 0)], 30)] == [7]
    asked.close()


@contextmanager
def spoiled(kafka: str, spoiler: Spoiler) -> Iterator[Access]:
    host, _, port = kafka.rpartition(":")
    with proxy((host, int(port)), spoiler) as there:
        yield Access(lambda host, _: socket.create_connection((host, there), 10), "tidemill", "")


def _flipped(number: int, body: bytes) -> bytes:
    begin, end = first_records_at(body)
    if number < 2 or end - begin < 200:
        return body
    changed = bytearray(body)
    changed[begin + (end - begin) * 2 // 3] ^= 1
    return bytes(changed)


def _old(number: int, body: bytes) -> bytes:
    begin, end = first_records_at(body)
    if number < 1 or begin == end:
        return body
    changed = bytearray(body)
    changed[begin + 16] = 1
    return bytes(changed)


def _throttled(number: int, body: bytes) -> bytes:
    return struct.pack(">i", 150) + body[4:] if number in (1, 2) else body


def _elsewhere(number: int, body: bytes) -> bytes:
    """Another replica should be asked."""
    begin, end = first_records_at(body)
    if number != 1 or begin == end:
        return body
    return body[: begin - 8] + struct.pack(">ii", 3, 0) + body[end:]


SMALL = {"fetch.message.max.bytes": 20_000}

FAULTS: dict[str, tuple[Spoiler, bool]] = {
    "answers end in the middle": (Spoiler(cut=lambda number: number in (1, 3, 4, 8)), False),
    "the connection is closed": (Spoiler(lambda number, body: None if number in (0, 2, 5) else body), False),
    "answers end in the middle, for ever": (Spoiler(cut=lambda number: number >= 2), True),
    "the broker asks for a rest": (Spoiler(_throttled), False),
    "a byte is flipped": (Spoiler(_flipped), True),
    "an old format": (Spoiler(_old), True),
    "the leader is another one": (Spoiler(lambda number, body: with_error(body, 6) if number == 2 else body), True),
    "the offset is not there": (Spoiler(lambda number, body: with_error(body, 1) if number == 1 else body), True),
    "another replica": (Spoiler(_elsewhere), True),
    "nonsense": (Spoiler(lambda number, body: b"\x07" * len(body) if number in (1, 3) else body), False),
}


@pytest.fixture(scope="module")
def mixed(kafka: str) -> str:
    """A topic with batches of two codecs, tombstones, and transactions between them, most of them aborted."""
    topic = fresh_topic(kafka)
    producer = transactional_producer(kafka, topic)
    for turn, codec in enumerate(("none", "lz4") * 3):
        fill(kafka, topic, codec, some(500, 160), flush_every=150)
        producer.begin_transaction()
        for value in some(200, 160):
            producer.produce(topic, value, partition=0)
        producer.flush(10)
        if turn % 3 == 2:
            producer.commit_transaction(30)
        else:
            producer.abort_transaction(30)
    return topic


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_goes_wrong_the_records_are_the_same(kafka: str, mixed: str, fault: str) -> None:
    topic = mixed
    wanted, _ = read(plain(kafka, topic), f"{topic}/0")
    spoiler, gives_up = FAULTS[fault]
    with spoiled(kafka, spoiler) as access, capture_logs() as lines:
        source = KafkaSource(kafka, [topic], properties=SMALL)
        source.fetch_directly(access)
        found, _ = read(source, f"{topic}/0", max_records=333)
    assert spoiler.spoiled
    assert found == wanted
    assert len(given_up(lines)) == gives_up, lines


@pytest.mark.parametrize("how", ["killed -9", "frozen"])
def test_a_broker_that_dies_in_the_middle_and_returns(own_kafka: KafkaCluster, how: str) -> None:
    kafka = own_kafka.bootstrap
    topic = fresh_topic(kafka, partitions=2)
    for number in range(2):
        produce(kafka, topic, [b"x" * 6_000] * 2_000, partition=number)
    # of 24 MB, some 9 may be held
    limits = {"fetch.message.max.bytes": 200_000, "queued.max.messages.kbytes": 100}
    source = KafkaSource(kafka, [topic], properties=limits)
    source.fetch_directly(Access.of({}))
    readers = [source.open(f"{topic}/{number}", None, None) for number in range(2)]
    offsets: list[list[int]] = [[], []]

    def poll_all() -> None:
        for reader, found in zip(readers, offsets, strict=True):
            poll = reader.poll(50, 1 << 20)
            if poll is not None:
                found.extend(poll.records.column("offset").to_pylist())
        time.sleep(0.005)

    deadline = time.monotonic() + SECONDS
    while not all(offsets):
        assert time.monotonic() < deadline
        poll_all()
    with silenced(own_kafka, how):
        until = time.monotonic() + 3
        while time.monotonic() < until:
            poll_all()
        assert sum(map(len, offsets)) < 4_000
    while sum(map(len, offsets)) < 4_000:
        assert time.monotonic() < deadline, [reader.position for reader in readers]
        poll_all()
    assert offsets == [list(range(2_000))] * 2
    source.close()


def test_a_broker_that_cannot_be_reached_directly_is_left_to_librdkafka(kafka: str) -> None:
    topic = fresh_topic(kafka, partitions=2)
    for number in range(2):
        produce(kafka, topic, [b"%d" % each for each in range(20)], partition=number)

    def refuse(_host: str, _port: int) -> socket.socket:
        raise ConnectionRefusedError("nobody is there")

    with capture_logs() as lines:
        source = direct(kafka, topic, Access(refuse, "tidemill", ""))
        for number in range(2):
            assert read(source, f"{topic}/{number}")[0]["value"] == [b"%d" % each for each in range(20)]
    assert len(given_up(lines)) == 2
    assert "nobody is there" in given_up(lines)[0]


def test_a_rest_ends_when_a_record_comes_and_when_it_is_woken(kafka: str) -> None:
    topic = fresh_topic(kafka, 1)
    produce(kafka, topic, [b"1", b"2"])
    reader = direct(kafka, topic).open(f"{topic}/0", 0, None, None)
    assert isinstance(reader, Resting)
    deadline = time.monotonic() + SECONDS
    while not (reader.position == 2 and reader.at_rest()):
        assert time.monotonic() < deadline
        reader.poll(1_000, 1 << 20)
        time.sleep(0.01)
    while reader.await_records(1.0):
        # what was told of the end may still be on its way
        assert reader.poll(1_000, 1 << 20) is None
    waker = Timer(0.2, reader.wake)
    waker.start()
    began = time.monotonic()
    assert not reader.await_records(SECONDS)
    assert time.monotonic() - began < SECONDS / 2
    Timer(0.2, produce, (kafka, topic, [b"3"])).start()
    found = None
    while found is None:
        assert reader.await_records(SECONDS)
        found = reader.poll(1_000, 1 << 20)
    assert found.records.column("value").to_pylist() == [b"3"]
    reader.close()
