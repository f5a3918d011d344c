"""The watch over both ends, with a broker played by hand: when it asks, what it keeps, when it speaks."""

from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from structlog.testing import capture_logs

from dataflow.sources.kafka.ends import ENDS_SECONDS, HELD_SECONDS, REST_ENDS_SECONDS, SAY_EVERY_SECONDS, EndsWatch


class Told:
    def __init__(self, offset: int) -> None:
        self.offset = offset


class Broker:
    """Answers at once, with what `high` and `stable` hold; a partition that they lack has no leader."""

    def __init__(self) -> None:
        self.high: dict[int, int] = {}
        self.stable: dict[int, int] = {}
        self.asked = 0

    def list_offsets(self, asked: dict[TopicPartition, Any], isolation_level: Any, request_timeout: float) -> Any:
        self.asked += 1
        ends = self.stable if isolation_level is IsolationLevel.READ_COMMITTED else self.high
        return {place: self._answer(ends.get(place.partition)) for place in asked}

    def _answer(self, offset: int | None) -> "Future[Told]":
        future: Future[Told] = Future()
        if offset is None:
            future.set_exception(KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE)))
        else:
            future.set_result(Told(offset))
        return future


class Played:
    def __init__(self, lines: list[Any], *numbers: int) -> None:
        self.broker, self.now, self._lines = Broker(), 100.0, lines
        admin: Any = self.broker
        self.watch = EndsWatch(admin, lambda: self.now)
        for number in numbers:
            self.watch.open("ads", number)

    def after(self, seconds: float) -> list[dict[str, Any]]:
        """The lines that are logged when time has passed and an answer has come."""
        self.now += seconds
        self.watch.look()
        self.watch.look()
        logged = list(self._lines)
        self._lines.clear()
        return logged

    def ends(self, number: int) -> tuple[int, int] | None:
        told = self.watch.told("ads", number)
        return None if told is None else (told.stable, told.high)


@pytest.fixture
def played() -> Iterator[Played]:
    with capture_logs() as lines:
        yield Played(lines, 0, 1)


def test_both_ends_are_asked_at_once_and_then_every_two_seconds(played: Played) -> None:
    played.broker.high, played.broker.stable = {0: 151, 1: 9}, {0: 50, 1: 9}
    assert played.after(0) == []
    assert (played.ends(0), played.ends(1)) == ((50, 151), (9, 9))
    asked = played.broker.asked
    played.after(ENDS_SECONDS - 0.1)
    assert played.broker.asked == asked
    played.after(0.2)
    assert played.broker.asked == asked + 2


def test_a_partition_whose_leader_does_not_answer_is_not_known(played: Played) -> None:
    played.broker.high, played.broker.stable = {0: 151, 1: 9}, {0: 50, 1: 9}
    played.after(0)
    del played.broker.stable[0]
    played.after(ENDS_SECONDS)
    assert (played.ends(0), played.ends(1)) == (None, (9, 9))


def test_a_partition_that_was_closed_is_not_asked_about(played: Played) -> None:
    played.broker.high, played.broker.stable = {0: 151, 1: 9}, {0: 50, 1: 9}
    played.after(0)
    played.watch.close("ads", 0)
    played.after(ENDS_SECONDS)
    assert (played.ends(0), played.ends(1)) == (None, (9, 9))


def test_what_waits_for_long_is_said_once_a_minute_and_once_that_it_is_over(played: Played) -> None:
    played.broker.high, played.broker.stable = {0: 151, 1: 9}, {0: 50, 1: 9}
    assert played.after(0) == []
    assert played.after(HELD_SECONDS - 0.1) == []
    (line,) = played.after(ENDS_SECONDS)
    assert line["event"] == "101 records wait behind an open transaction"
    assert (line["log_level"], line["partitions"]) == ("warning", {"ads/0": 101})
    assert "commit, abort or be ended" in line["fix"]
    played.broker.high[0] = 161
    assert played.after(SAY_EVERY_SECONDS / 2) == []
    (line,) = played.after(SAY_EVERY_SECONDS / 2)
    assert line["event"] == "111 records wait behind an open transaction"
    played.broker.stable[0] = 161
    assert [line["log_level"] for line in played.after(ENDS_SECONDS)] == ["info"]
    assert played.after(ENDS_SECONDS) == []


def test_when_one_is_said_to_wait_all_that_wait_are_counted(played: Played) -> None:
    played.broker.high, played.broker.stable = {0: 151, 1: 9}, {0: 50, 1: 9}
    played.after(0)
    played.after(ENDS_SECONDS)
    played.broker.high[1] = 12
    played.after(ENDS_SECONDS)
    (line,) = played.after(ENDS_SECONDS)
    assert line["event"] == "104 records wait behind an open transaction"
    assert line["partitions"] == {"ads/0": 101, "ads/1": 3}


def test_a_partition_that_is_closed_or_not_told_does_not_look_as_if_its_transaction_were_over(played: Played) -> None:
    played.broker.high, played.broker.stable = {0: 151, 1: 9}, {0: 50, 1: 9}
    played.after(0)
    assert len(played.after(HELD_SECONDS)) == 1
    high = played.broker.high.pop(0)
    assert played.after(ENDS_SECONDS) == []
    played.broker.high[0] = high
    played.watch.close("ads", 0)
    assert played.after(ENDS_SECONDS) == []


def test_transactions_that_come_and_go_are_not_said(played: Played) -> None:
    for step in range(20):
        played.broker.high, played.broker.stable = {0: 10 * step + 5, 1: 9}, {0: 10 * step, 1: 9}
        assert played.after(ENDS_SECONDS) == []


def test_a_transaction_that_begins_after_a_long_silence_is_not_old(played: Played) -> None:
    played.broker.high, played.broker.stable = {0: 50, 1: 9}, {0: 50, 1: 9}
    for _ in range(10):
        played.after(ENDS_SECONDS)
    played.broker.high[0] = 51
    assert played.after(ENDS_SECONDS) == []
    assert played.after(HELD_SECONDS - 0.5) == []
    assert [line["event"] for line in played.after(ENDS_SECONDS)] == ["1 record waits behind an open transaction"]


def test_in_a_rest_both_ends_are_asked_less_often(played: Played) -> None:
    played.after(0)
    asked = played.broker.asked
    for seconds, times in ((ENDS_SECONDS, 0), (REST_ENDS_SECONDS - ENDS_SECONDS, 1)):
        played.now += seconds
        played.watch.look(REST_ENDS_SECONDS)
        assert played.broker.asked == asked + 2 * times
