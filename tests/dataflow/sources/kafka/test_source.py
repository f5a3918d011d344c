"""The Kafka source against a real broker: holes, ends, lost offsets, topics that change."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import NewPartitions
from structlog.testing import capture_logs

from dataflow.errors import BrokerUnreachable, ConfigError, OffsetLost, UnknownTopic
from dataflow.messages import IN_PLACE_SCHEMA, POLL_SCHEMA, Poll
from dataflow.sources.kafka import ends as kafka_ends
from dataflow.sources.kafka import hub as kafka_hub
from dataflow.sources.kafka import source as kafka_module
from dataflow.sources.kafka import topics as kafka_topics
from dataflow.sources.kafka.direct.access import Access
from dataflow.sources.kafka.drain_plain import PlainDrain
from dataflow.sources.kafka.source import KafkaSource
from dataflow.sources.source import Reader, Source
from tests.kafka_fixture import admin, create_topic, delete_topic, fresh_topic, produce, transactional_producer

pytestmark = pytest.mark.kafka

SECONDS = 120.0


def polls_until(
    reader: Reader, done: Callable[[], bool], max_records: int = 1_000, into: list[Poll] | None = None
) -> list[Poll]:
    """Poll until `done`; checks what every poll promises. `into`: where polls are kept when one of them raises."""
    polls: list[Poll] = [] if into is None else into
    deadline = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < deadline, f"still at {reader.position}"
        before = reader.position
        poll = reader.poll(max_records, 1 << 24)
        if poll is None:
            time.sleep(0.002)
            continue
        assert poll.records.schema in (POLL_SCHEMA, IN_PLACE_SCHEMA)
        assert (poll.start, poll.end) == (before, reader.position)
        offsets = poll.records.column("offset").to_pylist()
        assert offsets == sorted(set(offsets))
        assert all(poll.start <= offset < poll.end for offset in offsets)
        polls.append(poll)
    return polls


def read_bounded(source: Source, partition: str, next_offset: int | None = None, end: int | None = None) -> list[Poll]:
    end = source.end_offsets()[partition] if end is None else end
    reader = source.open(partition, next_offset, None, end)
    polls = polls_until(reader, lambda: reader.finished)
    assert reader.position == end
    reader.close()
    return polls


def values(polls: list[Poll]) -> list[bytes | None]:
    return [value for poll in polls for value in poll.records.column("value").to_pylist()]


def offsets(polls: list[Poll]) -> list[int]:
    return [offset for poll in polls for offset in poll.records.column("offset").to_pylist()]


def test_records_come_with_offset_timestamp_and_value_and_tombstones_as_null(kafka: str) -> None:
    topic = fresh_topic(kafka)
    produce(kafka, topic, [b"a", None, b"", b"d"], keys=[b"k"] * 4, timestamps_ms=[1_000, 2_000, 3_000, 4_000])
    source = KafkaSource(kafka, [topic])
    polls = read_bounded(source, f"{topic}/0")
    assert values(polls) == [b"a", None, b"", b"d"]
    assert offsets(polls) == [0, 1, 2, 3]
    assert [stamp for poll in polls for stamp in poll.records.column("timestamp").to_pylist()] == [
        1_000,
        2_000,
        3_000,
        4_000,
    ]
    assert source.topic_of(f"{topic}/0") == topic


def test_reading_goes_on_at_any_offset_in_polls_of_any_size(kafka: str) -> None:
    topic = fresh_topic(kafka, partitions=2)
    produce(kafka, topic, [b"%d" % n for n in range(100)], partition=1)
    source = KafkaSource(kafka, [topic])
    assert source.partitions() == [f"{topic}/0", f"{topic}/1"]
    for max_records in (1, 7):
        reader = source.open(f"{topic}/1", None, None, 60)
        assert values(polls_until(reader, lambda r=reader: r.finished, max_records)) == [b"%d" % n for n in range(60)]  # type: ignore[misc]  # a default binds the loop's value
        reader.close()
    assert values(read_bounded(source, f"{topic}/1", 60)) == [b"%d" % n for n in range(60, 100)]
    assert read_bounded(source, f"{topic}/0") == []


def test_aborted_transactions_are_holes_that_polls_cover(kafka: str) -> None:
    topic = fresh_topic(kafka)
    producer = transactional_producer(kafka, f"{topic}-a")
    for round_ in range(4):
        producer.begin_transaction()
        for n in range(5):
            producer.produce(topic, b"%d.%d" % (round_, n), partition=0)
        if round_ % 2:
            producer.flush(10)
            producer.abort_transaction(30)
        else:
            producer.commit_transaction(30)
    source = KafkaSource(kafka, [topic])
    end = source.end_offsets()[f"{topic}/0"]
    assert end == 24
    polls = read_bounded(source, f"{topic}/0")
    assert values(polls) == [b"%d.%d" % (r, n) for r in (0, 2) for n in range(5)]
    assert offsets(polls) == [*range(5), *range(12, 17)]
    assert polls[-1].end == 24
    # Unbounded, too, the position moves over the aborted records at the end.
    reader = source.open(f"{topic}/0", 17, None)
    moved = polls_until(reader, lambda: reader.position == 24)
    assert values(moved) == []
    assert reader.lag() == 0
    reader.close()


def test_an_open_transaction_does_not_hold_up_a_bounded_end(kafka: str) -> None:
    topic = fresh_topic(kafka)
    produce(kafka, topic, [b"before"])
    producer = transactional_producer(kafka, f"{topic}-open")
    producer.begin_transaction()
    producer.produce(topic, b"undecided", partition=0)
    producer.flush(10)
    source = KafkaSource(kafka, [topic])
    assert source.end_offsets() == {f"{topic}/0": 1}
    assert values(read_bounded(source, f"{topic}/0")) == [b"before"]
    reader = source.open(f"{topic}/0", 1, None)
    for _ in range(50):
        assert reader.poll(10, 1 << 20) is None
        time.sleep(0.005)
    producer.commit_transaction(30)
    assert values(polls_until(reader, lambda: reader.position == 3)) == [b"undecided"]
    reader.close()


@pytest.mark.parametrize("end", ["commit", "abort"])
def test_what_may_be_read_and_what_waits_behind_a_transaction_are_told_apart(
    kafka: str, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_ends, "ENDS_SECONDS", 0.1)
    topic = fresh_topic(kafka)
    produce(kafka, topic, [b"before"] * 50)
    producer = transactional_producer(kafka, f"{topic}-held")
    producer.begin_transaction()
    producer.produce(topic, b"undecided", partition=0)
    producer.flush(10)
    produce(kafka, topic, [b"behind"] * 100)
    source = KafkaSource(kafka, [topic])
    assert source.waiting() == {}
    reader = source.open(f"{topic}/0", None, None, source.end_offsets()[f"{topic}/0"])
    assert len(values(polls_until(reader, lambda: reader.finished))) == 50
    assert source.waiting() == {f"{topic}/0": 101}
    reader.close()
    assert (reader.lag(), reader.waiting()) == (None, None)
    # a run that goes on, and is behind
    reader = source.open(f"{topic}/0", 20, None)
    polls_until(reader, lambda: reader.waiting() is not None, max_records=1)
    assert reader.position < 50
    assert (reader.lag(), reader.waiting()) == (50 - reader.position, 101)
    polls_until(reader, lambda: reader.position == 50)
    assert (reader.lag(), reader.waiting()) == (0, 101)
    getattr(producer, f"{end}_transaction")(30)
    polls = polls_until(reader, lambda: reader.position == 152 and reader.waiting() == 0)
    assert values(polls) == [b"undecided"] * (end == "commit") + [b"behind"] * 100
    assert reader.lag() == 0
    assert source.waiting() == {}
    reader.close()


def test_another_member_of_the_group_keeps_no_record_out_and_is_told_once(
    kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_hub, "COMMIT_EVERY_SECONDS", 0.05)
    topic, other_topic = fresh_topic(kafka), fresh_topic(kafka)
    group = f"{topic}-group"
    other = Consumer({"bootstrap.servers": kafka, "group.id": group, "log_level": 0})
    joined: list[object] = []
    other.subscribe([other_topic], on_assign=lambda _, places: joined.append(places))
    deadline = time.monotonic() + SECONDS
    while not joined:
        assert time.monotonic() < deadline, "it did not join"
        other.poll(0.1)
    with capture_logs() as lines:
        reader = KafkaSource(kafka, [topic], group=group).open(f"{topic}/0", None, None)
        refused = lambda: [line for line in lines if line["event"] == "kafka_group_refuses_our_offsets"]  # noqa: E731
        count = 0
        while not refused() or count < 10:
            assert time.monotonic() < deadline, lines
            produce(kafka, topic, [b"x"])
            count += 1
            polls_until(reader, lambda: reader.position == count)  # noqa: B023
            other.poll(0)
            time.sleep(0.06)
        assert len(refused()) == 1
        assert (refused()[0]["group"], refused()[0]["log_level"]) == (group, "warning")
        other.close()
        while lines[-1]["event"] != "kafka_group_takes_our_offsets_again":
            assert time.monotonic() < deadline + SECONDS, lines
            produce(kafka, topic, [b"x"])
            count += 1
            polls_until(reader, lambda: reader.position == count)  # noqa: B023
            time.sleep(0.06)
        reader.close()
        assert len(refused()) == 1


def test_workers_that_ask_for_the_ends_at_the_same_time_are_told_the_same(
    kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = fresh_topic(kafka, partitions=2)
    produce(kafka, topic, [b"x"] * 3)
    source = KafkaSource(kafka, [topic])
    told = kafka_topics.KafkaTopics.stable_ends
    asked: list[str] = []

    def slowly(self: kafka_topics.KafkaTopics, topic: str, partitions: Sequence[int]) -> dict[int, int]:
        asked.append(topic)
        time.sleep(0.3)
        return told(self, topic, partitions)

    monkeypatch.setattr(kafka_topics.KafkaTopics, "stable_ends", slowly)
    with ThreadPoolExecutor(3) as workers:
        ends = list(workers.map(lambda _: dict(source.end_offsets()), range(3)))
    assert ends == [{f"{topic}/0": 3, f"{topic}/1": 0}] * 3
    assert asked == [topic]


def test_a_bounded_end_is_fixed_while_more_is_written(kafka: str) -> None:
    topic = fresh_topic(kafka)
    produce(kafka, topic, [b"old"] * 10)
    source = KafkaSource(kafka, [topic])
    assert source.end_offsets() == {f"{topic}/0": 10}
    produce(kafka, topic, [b"new"] * 10)
    assert values(read_bounded(source, f"{topic}/0")) == [b"old"] * 10


def test_compaction_leaves_holes_that_are_no_loss(kafka: str) -> None:
    eager = {
        "cleanup.policy": "compact",
        "segment.ms": "100",
        "min.cleanable.dirty.ratio": "0.01",
        "segment.bytes": "1048576",
    }
    topic = fresh_topic(kafka, config=eager)
    for n in range(6):
        produce(kafka, topic, [b"%d" % n] * 3, keys=[b"same", b"same", b"key-%d" % n])
        time.sleep(0.12)
    deadline = time.monotonic() + SECONDS
    while True:
        polls = read_bounded(KafkaSource(kafka, [topic]), f"{topic}/0")
        if len(offsets(polls)) < 18:
            break
        assert time.monotonic() < deadline, "the broker did not compact"
        time.sleep(0.3)
    assert polls[0].start == 0
    assert polls[-1].end == 18
    assert {b"%d" % n for n in range(6)} == set(values(polls))


def test_latest_starts_at_the_end_but_only_without_a_stored_offset(kafka: str) -> None:
    topic = fresh_topic(kafka)
    produce(kafka, topic, [b"old"] * 3)
    source = KafkaSource(kafka, [topic], start="latest")
    reader, stored = source.open(f"{topic}/0", None, None), source.open(f"{topic}/0", 1, None)
    assert (reader.position, stored.position) == (3, 1)
    produce(kafka, topic, [b"new"])
    assert values(polls_until(reader, lambda: reader.position == 4)) == [b"new"]
    assert values(polls_until(stored, lambda: stored.position == 4)) == [b"old", b"old", b"new"]
    reader.close()
    stored.close()


def test_deleted_records_below_our_offset_stop_the_run_with_the_range(kafka: str) -> None:
    topic = fresh_topic(kafka)
    produce(kafka, topic, [b"x"] * 20)
    source = KafkaSource(kafka, [topic])
    place = TopicPartition(topic, 0, 10)
    admin(kafka).delete_records([place])[place].result(timeout=30)
    with pytest.raises(OffsetLost, match=rf"{topic}/0: offset 5 .* only offsets 10 to 20: 5 offsets were deleted"):
        source.open(f"{topic}/0", 5, None)
    with pytest.raises(OffsetLost, match=r"offset 21 .* only offsets 10 to 20"):
        source.open(f"{topic}/0", 21, None)
    assert len(values(read_bounded(source, f"{topic}/0"))) == 10


def test_a_gap_that_is_accepted_is_told_with_the_first_records_behind_it(kafka: str) -> None:
    topic = fresh_topic(kafka)
    produce(kafka, topic, [b"x"] * 20)
    source = KafkaSource(kafka, [topic])
    source.accept_gap()
    place = TopicPartition(topic, 0, 10)
    admin(kafka).delete_records([place])[place].result(timeout=30)
    reader = source.open(f"{topic}/0", 5, None)
    assert reader.position == 5
    first, *others = polls_until(reader, lambda: reader.position == 20)
    assert (first.start, first.lost, offsets([first, *others])) == (5, 5, list(range(10, 20)))
    assert [poll.lost for poll in others] == [0] * len(others)
    reader.close()
    cut = read_bounded(source, f"{topic}/0", 5, end=8)
    assert [(poll.start, poll.end, poll.lost) for poll in cut] == [(5, 8, 3)]
    with pytest.raises(OffsetLost, match=r"offset 21 .* only offsets 10 to 20"):
        source.open(f"{topic}/0", 21, None)


def confirmed(reader: Reader) -> bool:
    """An epoch ends, and more follow."""
    reader.confirm()
    return False


SMALL = {"queued.max.messages.kbytes": "100", "queued.min.messages": "50", "fetch.message.max.bytes": "20000"}
"""So little is fetched ahead that what is deleted was not."""


@pytest.mark.parametrize("accept", [False, True], ids=["refused", "accepted"])
@pytest.mark.parametrize("way", ["native", "plain", "direct"])
def test_retention_that_overtakes_a_reader_ends_it_or_is_a_gap(
    kafka: str, monkeypatch: pytest.MonkeyPatch, accept: bool, way: str
) -> None:
    if way == "plain":
        monkeypatch.setattr(kafka_module, "open_drain", lambda consumer, *_: PlainDrain(consumer))
    topic = fresh_topic(kafka)
    produce(kafka, topic, [b"x" * 1000] * 3000)
    source = KafkaSource(kafka, [topic], properties=SMALL)
    if way == "direct":
        source.fetch_directly(Access.of({}))
    if accept:
        source.accept_gap()
    reader = source.open(f"{topic}/0", None, None)
    polls = polls_until(reader, lambda: reader.position > 0, 10)
    place = TopicPartition(topic, 0, 2500)
    admin(kafka).delete_records([place])[place].result(timeout=30)
    if accept:
        polls += polls_until(reader, lambda: reader.position == 3000, 10)
        (gap,) = [poll for poll in polls if poll.lost]
        assert gap.start + gap.lost == 2500
        # all that was fetched before is read, and nothing twice
        assert offsets(polls) == [*range(gap.start), *range(2500, 3000)]
    else:
        with pytest.raises(OffsetLost, match="only offsets 2500 to 3000") as told:
            polls_until(reader, lambda: confirmed(reader), 10, into=polls)
        # what was fetched came first, so that it can be committed
        assert offsets(polls) == list(range(polls[-1].end))
        assert f"offset {polls[-1].end} is to be read next" in str(told.value)
    reader.close()


def test_a_topic_created_anew_under_its_name_is_noticed_at_the_next_start(kafka: str) -> None:
    topic = fresh_topic(kafka)
    produce(kafka, topic, [b"old"] * 5)
    reader = KafkaSource(kafka, [topic]).open(f"{topic}/0", None, None)
    hint = reader.hint
    polls_until(reader, lambda: reader.position == 5)
    reader.close()
    delete_topic(kafka, topic)
    wait_until_gone(kafka, topic)
    create_topic(kafka, topic)
    produce(kafka, topic, [b"new"] * 10)
    with pytest.raises(OffsetLost, match="deleted and created anew"):
        KafkaSource(kafka, [topic]).open(f"{topic}/0", 5, hint)


def test_a_topic_created_anew_while_it_is_read_is_noticed(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_topics, "WATCH_SECONDS", 0.2)
    topic = fresh_topic(kafka)
    produce(kafka, topic, [b"old"] * 5)
    reader = KafkaSource(kafka, [topic]).open(f"{topic}/0", None, None)
    polls_until(reader, lambda: reader.position == 5)
    delete_topic(kafka, topic)
    wait_until_gone(kafka, topic)
    create_topic(kafka, topic)
    with pytest.raises(OffsetLost, match=r"created anew|cut back"):
        polls_until(reader, lambda: False)
    reader.close()


def test_records_of_a_topic_created_anew_and_filled_at_once_are_not_confirmed(
    kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_topics.TopicWatch, "look", lambda _: None)
    topic = fresh_topic(kafka)
    produce(kafka, topic, [b"old"] * 5)
    reader = KafkaSource(kafka, [topic]).open(f"{topic}/0", None, None)
    polls_until(reader, lambda: reader.position == 5)
    reader.confirm()
    place = [TopicPartition(topic, 0)]
    # so that it does not look at the new topic before there is something at our offset
    reader._hub.consumer.pause(place)  # type: ignore[attr-defined]  # the reader as it is within
    delete_topic(kafka, topic)
    wait_until_gone(kafka, topic)
    create_topic(kafka, topic)
    produce(kafka, topic, [b"new"] * 10)
    reader._hub.consumer.resume(place)  # type: ignore[attr-defined]  # the reader as it is within
    # librdkafka goes on at our offset in the new topic, and says nothing
    assert set(values(polls_until(reader, lambda: reader.position == 10))) == {b"new"}
    with pytest.raises(OffsetLost, match="deleted and created anew"):
        reader.confirm()
    reader.close()


def test_a_deleted_topic_is_noticed_while_it_is_read(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_topics, "WATCH_SECONDS", 0.2)
    topic = fresh_topic(kafka)
    reader = KafkaSource(kafka, [topic]).open(f"{topic}/0", None, None)
    delete_topic(kafka, topic)
    with pytest.raises(UnknownTopic, match="was deleted while it was read"):
        polls_until(reader, lambda: False)
    reader.close()


def wait_until_gone(kafka: str, topic: str) -> None:
    while topic in admin(kafka).list_topics(timeout=10).topics:
        time.sleep(0.02)


def test_new_partitions_are_noticed_while_running(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_topics, "WATCH_SECONDS", 0.2)
    topic = fresh_topic(kafka)
    source = KafkaSource(kafka, [topic])
    assert not source.partitions_changed()
    admin(kafka).create_partitions([NewPartitions(topic, 3)])[topic].result(timeout=30)
    deadline = time.monotonic() + SECONDS
    while not source.partitions_changed():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert source.partitions() == [f"{topic}/0"]
    assert len(KafkaSource(kafka, [topic]).partitions()) == 3


def test_an_unknown_topic_names_those_that_look_like_it(kafka: str) -> None:
    topic = fresh_topic(kafka)
    with pytest.raises(UnknownTopic, match=f"did you mean .*{topic}"):
        KafkaSource(kafka, [f"{topic}x"])


def test_a_property_that_breaks_the_promise_is_refused_by_name(kafka: str) -> None:
    topic = fresh_topic(kafka)
    for key, value in (("enable.auto.commit", "true"), ("isolation.level", "read_uncommitted"), ("no.such.key", "1")):
        with pytest.raises(ConfigError, match=key):
            KafkaSource(kafka, [topic], properties={key: value}).open(f"{topic}/0", None, None)


def test_a_users_own_properties_reach_librdkafka(kafka: str) -> None:
    topic = fresh_topic(kafka)
    produce(kafka, topic, [b"x"])
    mine = {"fetch.wait.max.ms": "50", "client.id": "mine"}
    source = KafkaSource(kafka, [topic], group=f"{topic}-group", properties=mine)
    reader = source.open(f"{topic}/0", None, None)
    polls_until(reader, lambda: reader.position == 1)
    reader.close()
    told = admin(kafka).list_consumer_group_offsets
    asked = ConsumerGroupTopicPartitions(f"{topic}-group", [TopicPartition(topic, 0)])
    deadline = time.monotonic() + SECONDS
    while told([asked])[f"{topic}-group"].result().topic_partitions[0].offset != 1:
        assert time.monotonic() < deadline, "the offset for lag tools was not committed"
        time.sleep(0.1)


def test_an_unreachable_broker_is_told_after_a_bounded_wait() -> None:
    began = time.monotonic()
    with pytest.raises(BrokerUnreachable, match=r"127\.0\.0\.1:9"):
        KafkaSource("127.0.0.1:9", ["ads"], timeout_seconds=1)
    assert time.monotonic() - began < 20
