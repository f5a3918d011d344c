"""Who is fetched when, with a consumer and a drain played by hand."""

from typing import Any

import numpy as np
import pyarrow as pa
from confluent_kafka import KafkaError, TopicPartition

from dataflow.sources.kafka.drain import Drained, Held, TopicPart, Trace
from dataflow.sources.kafka.hub import (
    BUSY_RECORDS,
    COMMIT_EVERY_SECONDS,
    HELD_BYTES,
    LITTLE_BYTES,
    LOOK_EVERY_SECONDS,
    MANY,
    MOST_BUSY,
    REFUSALS,
    SLICE_BYTES,
    Hub,
)
from dataflow.sources.kafka.waiting import Farewells


class Played:
    """Consumer and drain in one: what is assigned, and per partition what waits for it."""

    def __init__(self, parts: int, expected: int, *, notes_offsets: bool = False) -> None:
        self.assigned: dict[TopicPart, int] = {}
        self.committed: list[dict[TopicPart, int]] = []
        self.held_bytes: dict[TopicPart, int] = {}
        self.next: dict[TopicPart, int] = {}
        self.fetched: list[TopicPart] = []
        self.now = 0.0
        self.closed = False
        me: Any = self
        self.hub = Hub(me, me, Farewells(), lambda: self.now, notes_offsets=notes_offsets)
        self.parts = [("ads", number) for number in range(parts)]
        for part in self.parts:
            self.hub.open(part, 100, expected)
        assert not self.assigned
        # whoever asks first sets all going
        self.hub.open(("other", 0), 0, 0)
        self.hub.take(("other", 0), 1, 0)
        self.hub.close(("other", 0))
        self.fetched.clear()

    @property
    def size_bytes(self) -> int:
        return sum(self.held_bytes.values())

    def incremental_assign(self, places: list[TopicPartition]) -> None:
        for place in places:
            assert (place.topic, place.partition) not in self.assigned
            self.assigned[place.topic, place.partition] = place.offset

    def incremental_unassign(self, places: list[TopicPartition]) -> None:
        for place in places:
            del self.assigned[place.topic, place.partition]

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> None:
        assert asynchronous
        self.committed.append({(place.topic, place.partition): place.offset for place in offsets})

    def add(self, part: TopicPart, next_offset: int) -> None:
        self.held_bytes[part], self.next[part] = 0, next_offset

    def held(self, part: TopicPart) -> Held:
        return Held(self.held_bytes[part], self.next[part])

    def remove(self, part: TopicPart) -> None:
        assert part not in self.assigned
        self.held_bytes.pop(part, None)

    def close(self) -> None:
        self.closed = True

    def take(self, part: TopicPart, max_records: int, max_bytes: int, *, fetch: bool) -> Drained:
        """A value of `max_bytes`, or the end of the partition where that is 0."""
        if fetch:
            self.fetched.append(part)
        self.held_bytes[part] = 0
        if max_bytes == 0:
            trace = Trace(KafkaError(KafkaError._PARTITION_EOF), self.next[part])
            return Drained(np.zeros(0, np.int64), np.zeros(0, np.int64), pa.array([], pa.binary()), [trace])
        at = np.array([self.next[part]], np.int64)
        self.next[part] += 1
        return Drained(at, at, pa.array([b"x" * max_bytes], pa.binary()))

    def wait(self, seconds: float, asked: TopicPart) -> bool:
        """Something comes for whoever asks, where a long wait is asked for."""
        self.now += seconds
        self.held_bytes[asked] += 100 if seconds >= 1 else 0
        return seconds >= 1

    def asks(self, number: int, size_bytes: int) -> None:
        """One partition is polled, and has so much."""
        self.hub.take(self.parts[number], 1, size_bytes)

    def awake(self) -> list[int]:
        return sorted(number for _, number in self.assigned)


def test_partitions_at_their_end_are_all_fetched_and_busy_ones_in_turns() -> None:
    assert len(Played(1_000, 0).assigned) == 1_000
    assert len(Played(1_000, 10).assigned) == 1_000
    played = Played(50, 1_000_000)
    assert played.awake() == list(range(MOST_BUSY))
    # one that has reached its end stays, and lets another one in
    played.asks(3, 0)
    assert played.awake() == list(range(MOST_BUSY + 1))


def test_a_few_busy_partitions_are_never_stopped() -> None:
    played = Played(MOST_BUSY, 1_000_000)
    for _ in range(3):
        for number in range(MOST_BUSY):
            played.asks(number, SLICE_BYTES)
    assert played.awake() == list(range(MOST_BUSY))
    assert set(played.assigned.values()) == {100}


def test_a_busy_partition_gives_up_its_turn_after_a_slice_and_goes_on_where_it_was() -> None:
    played = Played(MOST_BUSY + 1, 1_000_000)
    played.asks(0, SLICE_BYTES // 2)
    assert played.awake() == list(range(MOST_BUSY))
    played.asks(0, SLICE_BYTES // 2)
    assert played.awake() == list(range(1, MOST_BUSY + 1))
    assert played.assigned["ads", MOST_BUSY] == 100
    for number in range(1, MOST_BUSY + 1):
        played.asks(number, SLICE_BYTES)
    assert played.assigned["ads", 0] == 102


def test_one_at_its_end_that_gets_much_becomes_a_busy_one() -> None:
    played = Played(MOST_BUSY + 1, 1_000_000)
    for _ in range(2):
        played.asks(0, 0)
    assert played.awake() == list(range(MOST_BUSY + 1))
    played.asks(0, SLICE_BYTES)
    # nobody waits for a turn, so it stays
    assert played.awake() == list(range(MOST_BUSY + 1))


def test_who_holds_a_turn_and_does_not_ask_loses_it_to_those_that_do() -> None:
    played = Played(MOST_BUSY + 1, 1_000_000)
    for _ in range(REFUSALS):
        played.asks(MOST_BUSY, 1)
        assert MOST_BUSY not in played.awake()
        for number in range(1, MOST_BUSY):
            played.asks(number, 1)
    played.asks(MOST_BUSY, 1)
    assert played.awake() == list(range(1, MOST_BUSY + 1))
    # and waits for the next one as soon as it asks again
    played.asks(0, 1)
    assert 0 not in played.awake()
    played.asks(5, 0)
    assert 0 in played.awake()


def test_what_waits_for_one_that_does_not_ask_stops_the_others_for_a_moment_only() -> None:
    played = Played(3, BUSY_RECORDS)
    played.held_bytes[played.parts[0]] = HELD_BYTES
    for _ in range(REFUSALS):
        played.asks(1, 1)
        played.asks(2, 1)
    assert played.fetched == []
    for _ in range(2):
        played.asks(1, 1)
        played.asks(2, 1)
    assert played.awake() == [1, 2]
    assert played.fetched[-2:] == played.parts[1:]
    # what was sorted is still its own, and it is fetched again behind that
    played.next[played.parts[0]] = 500
    played.asks(0, 1)
    assert played.assigned["ads", 0] == 500


def test_where_many_partitions_get_little_one_look_serves_them_for_a_moment() -> None:
    played = Played(MANY + 1, 0)
    for number in range(10):
        played.asks(number, 1)
    assert played.fetched == []
    played.now += LOOK_EVERY_SECONDS
    for number in range(10):
        played.asks(number, 1)
    assert (played.fetched, played.hub.fetched_at) == ([played.parts[0]], played.now)
    # as much as it takes to keep a worker busy is fetched at once
    played.now += LOOK_EVERY_SECONDS
    played.asks(0, LITTLE_BYTES)
    played.asks(1, 1)
    assert played.fetched == played.parts[:1] * 2 + played.parts[1:2]


def test_offsets_are_noted_for_all_at_once_and_before_the_goodbye() -> None:
    played = Played(3, 0, notes_offsets=True)
    for number in range(3):
        played.hub.note(played.parts[number], 200 + number)
    played.asks(0, 1)
    assert played.committed == []
    played.now += COMMIT_EVERY_SECONDS
    played.asks(0, 1)
    assert played.committed == [{("ads", 0): 200, ("ads", 1): 201, ("ads", 2): 202}]
    played.hub.note(played.parts[1], 300)
    for part in played.parts:
        assert not played.hub.closed
        played.hub.close(part)
        played.hub.close(part)
    assert played.hub.closed
    assert played.closed
    assert played.committed[1:] == [{("ads", 1): 300}]


def test_a_partition_that_is_sought_or_closed_leaves_nothing_behind() -> None:
    played = Played(2, 10)
    played.held_bytes[played.parts[0]] = 5
    played.hub.seek(played.parts[0], 70)
    assert (played.assigned["ads", 0], played.held_bytes["ads", 0]) == (70, 0)
    played.hub.close(played.parts[0])
    assert played.awake() == [1]
    played.hub.rest(played.parts[1])
    assert played.hub.rests(played.parts[1])
    assert played.awake() == []


def test_who_is_fetched_and_has_nothing_is_at_rest_until_something_comes_for_anybody() -> None:
    played = Played(2, 0)
    first, second = played.parts
    assert played.hub.at_rest(first)
    fetched_at = played.hub.fetched_at
    assert not played.hub.wait(first, 0.5)
    assert (played.hub.fetched_at, played.hub.at_rest(second)) == (fetched_at, True)
    assert played.hub.wait(first, 1.0)
    assert played.hub.fetched_at == played.now, "what a wait brings was fetched then"
    assert not played.hub.at_rest(second)


def test_nobody_is_at_rest_while_one_waits_for_its_turn() -> None:
    played = Played(MOST_BUSY + 1, 1_000_000)
    assert not any(played.hub.at_rest(part) for part in played.parts)


def test_offsets_are_noted_in_a_rest_too() -> None:
    played = Played(1, 0, notes_offsets=True)
    played.hub.note(played.parts[0], 7)
    played.hub.wait(played.parts[0], 0.5 * COMMIT_EVERY_SECONDS)
    assert not played.committed
    played.hub.wait(played.parts[0], 0.5 * COMMIT_EVERY_SECONDS)
    assert played.committed == [{played.parts[0]: 7}]


def test_a_wait_at_what_was_closed_meanwhile_is_over() -> None:
    played = Played(2, 0)
    played.hub.close(played.parts[0])
    assert played.hub.wait(played.parts[0], 0.5)
    assert played.now == 0.0
