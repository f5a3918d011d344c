"""The payments from a real Kafka, killed in mid-stream: every answer equals a recount of the topic."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.stage import Stage
from tests.kafka_fixture import fresh_topic, produce
from tests.model.spec import Record
from tests.pipelines import payment_maker
from tests.pipelines.payment_checks import PAYMENTS, assert_lake, recount
from tests.pipelines.payment_recount import DAY_MS, HOUR_MS, ms

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

RECORDS = 3_000
START_MS = ms(payment_maker.START)


def records(gateway: str) -> list[Record]:
    """Of one partition; some were sent before they happened, and some have no value."""
    made: list[Record] = []
    for offset, value in enumerate(payment_maker.stream(5, gateway, RECORDS)):
        stamp = START_MS - HOUR_MS if offset % 40 == 7 else START_MS + 30 * DAY_MS
        made.append(Record(offset, None if offset % 100 == 50 else value, stamp))
    return made


@pytest.fixture
def stage(kafka: str, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path / "stage", kafka, seed=1, kills=1, full=False)
    stage.pipeline = PAYMENTS
    stage.topic_name = fresh_topic(kafka, 2)
    yield stage
    stage.close()


def test_every_answer_equals_the_recount_after_a_kill(kafka: str, stage: Stage) -> None:
    topic = stage.topic_name
    partitions = {f"{topic}/{number}": records(f"gateway-{number}") for number in range(2)}
    for number, made in enumerate(partitions.values()):
        stamps = [each.timestamp or 0 for each in made]
        produce(kafka, topic, [each.value for each in made], partition=number, timestamps_ms=stamps)
    counted = recount(partitions)
    reasons = {reason for _, _, reason, _ in counted.dead}
    assert reasons >= {"future_event", "tombstone", "constraint", "malformed"}
    slow = ("--batch-records", "20", "--max-epoch-bytes", "65536")
    subject = stage.start(*slow, parallel=("2", "1"))
    assert stage.await_progress(subject, 2), subject.said
    stage.kill(subject, "kill -9")
    assert sum(stage.offsets().values()) < 2 * RECORDS
    stage.expect_end(stage.start("--bounded", "--final", *slow, parallel=("1", "1")), 0)
    assert_lake(stage.lake, counted)
