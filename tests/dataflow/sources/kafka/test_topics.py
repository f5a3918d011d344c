"""The watch over topics, with answers made up here."""

import itertools
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from structlog.testing import capture_logs

from dataflow.errors import BrokerUnreachable, SourceError, StoppedEarly
from dataflow.sources.kafka.client import Trouble
from dataflow.sources.kafka.topics import LOST_SECONDS, KafkaTopics, TopicState, TopicWatch
from dataflow.sources.kafka.waiting import Patience

OLD, NEW = "old-id", "new-id"


class Admin:
    """Describes topics with what `answer` makes of each question."""

    def __init__(self, answer: Callable[["Future[Any]"], None]) -> None:
        self.answer = answer
        self.questions = 0

    def describe_topics(self, _topics: object, *, request_timeout: float) -> "dict[str, Future[Any]]":
        assert request_timeout > 0
        self.questions += 1
        future: Future[Any] = Future()
        self.answer(future)
        return {"ads": future}


def says(topic_id: str) -> Callable[["Future[Any]"], None]:
    return lambda future: future.set_result(SimpleNamespace(topic_id=topic_id, partitions=[0]))


def fails(code: int) -> Callable[["Future[Any]"], None]:
    return lambda future: future.set_exception(KafkaException(KafkaError(code)))


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


def watch(admin: Admin, time: Time) -> TopicWatch:
    return TopicWatch(admin, {"ads": TopicState(1, OLD)}, time)  # type: ignore[arg-type]  # answers as an AdminClient


def test_one_answer_serves_all_partitions_that_were_read_before_its_question() -> None:
    time = Time()
    admin = Admin(says(OLD))
    topics = watch(admin, time)
    read_at = [time(), time()]
    assert all(topics.confirm(at) for at in read_at)
    assert admin.questions == 1
    assert topics.confirm(time())
    assert admin.questions == 2


def test_another_id_is_known_after_the_answer() -> None:
    time = Time()
    admin = Admin(says(NEW))
    topics = watch(admin, time)
    assert topics.id_now("ads") == OLD
    assert topics.confirm(time())
    assert topics.id_now("ads") == NEW


def test_an_answer_that_was_on_its_way_does_not_replace_a_newer_one() -> None:
    time = Time()
    waiting: list[Future[Any]] = []
    admin = Admin(waiting.append)
    topics = watch(admin, time)
    topics.look_soon()
    topics.look()
    admin.answer = says(NEW)
    assert topics.confirm(time())
    says(OLD)(waiting[0])
    topics.look()
    assert topics.id_now("ads") == NEW


def test_a_silent_broker_is_waited_for_once_for_all_partitions() -> None:
    time = Time()
    admin = Admin(fails(KafkaError._TIMED_OUT))
    topics = watch(admin, time)
    read_at = [time(), time(), time()]
    assert not any(topics.confirm(at) for at in read_at)
    assert admin.questions == 1
    # the next look asks again, without waiting
    admin.answer = says(NEW)
    topics.look()
    topics.look()
    assert topics.id_now("ads") == NEW


def test_a_topic_that_is_just_not_there_confirms_what_was_read_before() -> None:
    time = Time()
    topics = watch(Admin(fails(KafkaError.UNKNOWN_TOPIC_OR_PART)), time)
    assert topics.confirm(time())
    assert topics.id_now("ads") == OLD
    assert not topics.gone("ads")


def test_a_right_that_was_taken_away_is_known_from_the_next_answer_until_it_is_given_back() -> None:
    time = Time()
    admin = Admin(fails(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    topics = watch(admin, time)
    assert topics.refusal("ads") is None
    for answer, code in ((admin.answer, KafkaError.TOPIC_AUTHORIZATION_FAILED), (says(OLD), None)):
        admin.answer = answer
        topics.look_soon()
        topics.look()
        topics.look()
        refusal = topics.refusal("ads")
        assert (None if refusal is None else refusal.code()) == code


def test_a_question_that_is_lost_does_not_end_the_watch() -> None:
    time = Time()
    lost: list[Future[Any]] = []
    admin = Admin(lost.append)
    topics = watch(admin, time)
    topics.look_soon()
    topics.look()
    time.now += LOST_SECONDS - 1
    topics.look()
    assert admin.questions == 1
    admin.answer = says(NEW)
    time.now += 2
    structlog.reset_defaults()
    with capture_logs() as log:
        topics.look()
        topics.look()
    assert topics.id_now("ads") == NEW
    assert [line["error"] for line in log] == ["a question about topics was lost"]


class Offsets:
    """Answers every question for offsets with an error, `times` times, and then with 7."""

    def __init__(self, code: int, times: int) -> None:
        self.code = code
        self.left = times

    def list_offsets(self, asked: Iterable[TopicPartition], **_: object) -> "dict[TopicPartition, Future[Any]]":
        answers: dict[TopicPartition, Future[Any]] = {place: Future() for place in asked}
        for future in answers.values():
            if self.left:
                future.set_exception(KafkaException(KafkaError(self.code)))
            else:
                future.set_result(SimpleNamespace(offset=7))
        self.left = max(0, self.left - 1)
        return answers

    def list_topics(self, *, timeout: float) -> None:
        assert timeout > 0

    def poll(self, _seconds: float) -> int:
        return 0


class Fenced(Offsets):
    """Asks with an epoch that is over, until it hears of the new one."""

    def __init__(self) -> None:
        super().__init__(KafkaError.FENCED_LEADER_EPOCH, 1_000)

    def list_topics(self, *, timeout: float) -> None:
        super().list_topics(timeout=timeout)
        self.left = 0


def stable_ends(admin: Offsets, timeout_seconds: float) -> dict[int, int]:
    trouble = Trouble("somewhere:9092", lambda: 0.0)
    topics = KafkaTopics(admin, trouble, "somewhere:9092", timeout_seconds)  # type: ignore[arg-type]  # answers as an AdminClient
    return topics.stable_ends("ads", [0, 1])


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.KAFKA_STORAGE_ERROR,
    ],
)
def test_a_broker_that_has_just_come_back_is_asked_again(code: int) -> None:
    assert stable_ends(Offsets(code, 1), 10.0) == {0: 7, 1: 7}


def test_a_client_that_knows_an_old_leader_hears_of_the_new_one_before_it_asks_again() -> None:
    assert stable_ends(Fenced(), 10.0) == {0: 7, 1: 7}


def test_an_answer_that_stays_the_same_is_an_error_after_the_time_allowed() -> None:
    with pytest.raises(SourceError, match="somewhere:9092"):
        stable_ends(Offsets(KafkaError.UNKNOWN_LEADER_EPOCH, 1_000), 0.1)
    with pytest.raises(SourceError, match="somewhere:9092"):
        stable_ends(Offsets(KafkaError.TOPIC_AUTHORIZATION_FAILED, 1), 10.0)


class Unanswered:
    """An admin client to whom nobody answers, and what tells why: `look` when that is asked for."""

    def __init__(self, look: Callable[[], bool]) -> None:
        self.look = look
        self.asked: list[float] = []

    def list_topics(self, *, timeout: float) -> Any:
        self.asked.append(timeout)
        time.sleep(min(timeout, 0.05))
        raise KafkaException(KafkaError(KafkaError._TRANSPORT, "nobody"))

    def poll(self, _timeout: float) -> int:
        return 0

    def topics(self, seconds: float, patience: Patience | None = None) -> KafkaTopics:
        trouble = Trouble("127.0.0.1:1", time.monotonic)
        trouble.is_hopeless = self.look  # type: ignore[method-assign]  # the test looks instead
        return KafkaTopics(self, trouble, "127.0.0.1:1", seconds, patience)  # type: ignore[arg-type]  # a stand-in for the client


def test_a_first_answer_is_waited_for_to_the_end_of_the_time() -> None:
    looks = itertools.count()
    client = Unanswered(lambda: next(looks) < 0)
    began = time.monotonic()
    with pytest.raises(BrokerUnreachable, match="nobody"):
        client.topics(0.5).list_topics()
    assert 0.4 < time.monotonic() - began < 20
    assert next(looks) > 1
    assert max(client.asked) <= 1


def test_where_no_answer_can_come_it_is_not_waited_for() -> None:
    client = Unanswered(lambda: True)
    began = time.monotonic()
    with pytest.raises(SourceError):
        client.topics(60).list_topics()
    assert time.monotonic() - began < 20
    assert len(client.asked) == 1


def test_an_end_that_is_asked_for_while_a_port_is_looked_at_comes_soon() -> None:
    stop = threading.Event()

    def look() -> bool:
        stop.set()
        time.sleep(30)
        return False

    began = time.monotonic()
    with pytest.raises(StoppedEarly):
        Unanswered(look).topics(60, Patience(stop.is_set)).list_topics()
    assert time.monotonic() - began < 20
