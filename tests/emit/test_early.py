"""Early alerts in a real Kafka: there at once, and nobody waits for a topic or a broker that is not."""

import time

import pytest
from confluent_kafka import Consumer, TopicPartition

from dataflow.errors import ConfigError
from emit.early import EarlyTopic
from emit.record import Record
from tests.emitted import read_topic
from tests.kafka_fixture import fresh_topic

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

RECORD = Record('{"alert_id": "a"}', '{"alert_id": "a", "early": true}', -1, "a.1", "r", "a", 1)


def test_records_are_written_with_a_header_that_says_so(kafka: str) -> None:
    topic = fresh_topic(kafka, 1)
    early = EarlyTopic(topic, kafka, {})
    early.write([RECORD, RECORD])
    early.close()
    assert (early.sent, early.failed) == (2, 0)
    assert [each.value["early"] for each in read_topic(kafka, topic)] == [True, True]
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "one"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    message = consumer.poll(30)
    consumer.close()
    assert message is not None
    assert message.headers() == [("early", b"true")]


def test_what_kafka_does_not_take_is_told_and_costs_nothing(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    early = EarlyTopic("not.there", kafka, {"message.timeout.ms": "500"})
    early.write([RECORD])
    deadline = time.monotonic() + 60
    while not early.failed and time.monotonic() < deadline:
        time.sleep(0.1)
        early.write([])
    assert (early.sent, early.failed) == (0, 1)
    monkeypatch.setattr("emit.early.FAREWELL_S", 0.1)
    began_s = time.monotonic()
    unheard = EarlyTopic("any", "127.0.0.1:1", {})
    unheard.write([RECORD])
    unheard.close()
    assert time.monotonic() - began_s < 20


def test_a_property_that_kafkas_client_does_not_take_is_refused(kafka: str) -> None:
    with pytest.raises(ConfigError, match=r"no\.such"):
        EarlyTopic("any", kafka, {"no.such": "1"})
