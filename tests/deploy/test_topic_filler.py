"""`tidemill produce` against a real broker: exactly the stream, with and without transactions."""

import json
import time

import pytest
from confluent_kafka.admin import ConfigResource
from typer.testing import CliRunner

from cli.app import app
from dataflow.errors import ConfigError, SourceError
from dataflow.sources.generator.adstream import AdStream
from dataflow.sources.kafka.source import KafkaSource
from deploy.topic_filler import ensure_topic
from tests.kafka_fixture import admin, fresh_topic

pytestmark = pytest.mark.kafka

START_MS = 1_767_225_600_000


def read(kafka: str, topic: str) -> dict[str, list[tuple[int, bytes]]]:
    """(timestamp, value) of every committed record, per partition."""
    source = KafkaSource(kafka, [topic])
    found: dict[str, list[tuple[int, bytes]]] = {}
    for partition in source.partitions():
        records = found.setdefault(partition, [])
        reader = source.open(partition, None, None, source.end_offsets()[partition])
        while not reader.finished:
            poll = reader.poll(10_000, 1 << 24)
            if poll is None:
                time.sleep(0.002)
                continue
            stamps, values = (poll.records.column(name).to_pylist() for name in ("timestamp", "value"))
            records += zip(stamps, values, strict=True)
        reader.close()
    return found


@pytest.mark.parametrize("flags", [[], ["--abort-every", "2"]], ids=["plain", "transactions"])
def test_a_topic_holds_exactly_the_stream(kafka: str, flags: list[str]) -> None:
    topic = f"filled-{len(flags)}"
    where = ["--brokers", kafka, "--topic", topic, "--partitions", "3"]
    what = ["--count", "12000", "--seed", "9", "--start-time", "2026-01-01T00:00:00Z"]
    told = CliRunner().invoke(app, ["produce", *where, *what, *flags])
    assert told.exit_code == 0, told.output
    assert "wrote 12,000 records" in told.output
    assert ("aborted" in told.output) is bool(flags)
    stream = AdStream(9, 3, 10_000.0, START_MS)
    assert read(kafka, topic) == {
        f"{topic}/{partition}": stream.records(partition, 0, count)
        for partition, count in enumerate(stream.counts(12_000))
    }


def test_a_rate_follows_the_clock(kafka: str) -> None:
    topic = fresh_topic(kafka, partitions=2)
    began = time.time()
    told = CliRunner().invoke(
        app, ["produce", "--brokers", kafka, "--topic", topic, "--rate", "2000", "--count", "2000"]
    )
    assert told.exit_code == 0, told.output
    assert 0.7 < time.time() - began < 10
    stamps = [stamp for records in read(kafka, topic).values() for stamp, _ in records]
    assert len(stamps) == 2_000
    assert began * 1000 - 1 <= min(stamps) <= max(stamps) <= time.time() * 1000


def test_without_a_start_time_the_last_event_is_now(kafka: str) -> None:
    topic = fresh_topic(kafka)
    told = CliRunner().invoke(
        app, ["produce", "--brokers", kafka, "--topic", topic, "--count", "5000", "--speed", "60"]
    )
    assert told.exit_code == 0, told.output
    records = read(kafka, topic)[f"{topic}/0"]
    assert abs(records[-1][0] - time.time() * 1000) < 20_000
    assert 20_000 < records[-1][0] - records[0][0] < 60_000
    json.loads(records[0][1])


def test_a_topic_that_is_made_keeps_all_records_or_the_last_of_each_key(kafka: str) -> None:
    for name, compacted, policy in (("all-kept", False, "delete"), ("last-kept", True, "compact")):
        assert ensure_topic(kafka, name, 3, {}, compacted=compacted) == 3
        resource = ConfigResource(ConfigResource.Type.TOPIC, name)
        config = admin(kafka).describe_configs([resource])[resource].result(timeout=30)
        assert (config["cleanup.policy"].value, config["retention.ms"].value) == (policy, "-1")


def test_a_topic_that_is_there_keeps_its_partitions(kafka: str) -> None:
    topic = fresh_topic(kafka, partitions=2)
    assert ensure_topic(kafka, topic, None, {}) == 2
    assert ensure_topic(kafka, topic, 2, {}) == 2
    with pytest.raises(ConfigError, match="is there with 2"):
        ensure_topic(kafka, topic, 3, {})
    with pytest.raises(SourceError, match="does not create"):
        ensure_topic(kafka, "no/such name", 1, {})
    told = CliRunner().invoke(app, ["produce", "--brokers", kafka, "--topic", topic, "--start-time", "soon"])
    assert isinstance(told.exception, ConfigError)
