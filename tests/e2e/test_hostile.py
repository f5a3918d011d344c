"""Bad input in bulk: through a real Kafka and the real command, every record looked up; one among thousands."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench import fuzz, hostile_pipeline
from bench.commands import create_topic
from bench.fuzz_check import check
from bench.one_broken import BROKEN, Positions
from pipelines import ads
from query.reader import LakeReader
from tests.kafka_fixture import fresh_topic
from tests.model.spec import Record

PIPELINES = Path(ads.__file__).parent


@pytest.mark.kafka
def test_each_hostile_record_is_accepted_or_dead_as_the_contract_says(kafka: str, tmp_path: Path) -> None:
    records = fuzz.records_of("hostile", 11, 20_000, 0.5)
    create_topic(kafka, "hostile", partitions=len(records), config={"message.timestamp.after.max.ms": str(2**63 - 1)})
    fuzz.send(kafka, "hostile", list(records.values()))
    fuzz.run_pipeline(kafka, "hostile", tmp_path)

    def verdict(topic: dict[str, list[Record]]) -> list[str]:
        return check(tmp_path / "lake", hostile_pipeline.pipeline, fuzz.PIPELINE.parent, topic).problems

    found = check(tmp_path / "lake", hostile_pipeline.pipeline, fuzz.PIPELINE.parent, records)
    assert found.problems == []
    assert found.records == found.classes["read"] == 20_000
    assert all(found.classes[name] for name in ("accepted", "duplicate", "late", "dead"))
    assert len(found.reasons) == 11
    _assert_the_check_sees_a_difference(records, verdict)


def _assert_the_check_sees_a_difference(records, verdict) -> None:
    """The topic told otherwise in one place, the lake as it is: each must be found by its offset."""
    name, few = min(records.items(), key=lambda item: len(item[1]))
    good = next(record for record in few if record.value is not None and b'"event_id":"e000000' in record.value)
    dead = next(record for record in few if record.value is not None and record.value.startswith(b"[1,2,3]"))
    for altered in (replace(good, value=None), replace(dead, value=b"[1,2,4]"), replace(good, timestamp=1)):
        told = [altered if record.offset == altered.offset else record for record in few]
        assert any(f"{name} offset {altered.offset}: " in problem for problem in verdict({name: told}))
    assert any("the ledger ends at" in problem for problem in verdict({name: few[:-1]}))


@pytest.mark.parametrize("kind", range(len(BROKEN)))
def test_one_broken_record_costs_exactly_itself_at_every_position_of_a_poll(kind: int) -> None:
    assert Positions(150).mistakes(range(150), kind) == []


def test_one_broken_record_costs_exactly_itself_at_every_position_of_a_poll_of_a_thousand() -> None:
    assert Positions(1_000).mistakes(range(1_000)) == []


def test_one_broken_record_costs_exactly_itself_among_ten_thousand() -> None:
    ends = [*range(12), *range(4_990, 5_010), *range(8_188, 8_196), *range(9_988, 10_000)]
    assert Positions(10_000).mistakes([*ends, *range(0, 10_000, 101)]) == []


@pytest.mark.kafka
def test_one_broken_record_among_ten_thousand_from_kafka_costs_exactly_itself(kafka: str, tmp_path: Path) -> None:
    """One source partition for each place: the ends, the middle, and both sides of where polls and batches end."""
    places = [0, 1, 4_999, 5_000, 9_998, 9_999]
    good = [
        b'{"event_id":"e%d","event_time":%d,"event_type":"click","ad_id":"ad-0001"}' % (at, 1_734_501_600_000 + at)
        for at in range(10_000)
    ]
    topic = fresh_topic(kafka, len(places))
    partitions = []
    for number, place in enumerate(places):
        values = [*good[:place], BROKEN[number], *good[place + 1 :]]
        partitions.append([Record(at, value, 1_734_501_600_000 + at) for at, value in enumerate(values)])
    fuzz.send(kafka, topic, partitions)
    fuzz.run_pipeline(kafka, topic, tmp_path, PIPELINES / "ads.py", "--batch-records", "5000")
    told = {f"{topic}/{number}": records for number, records in enumerate(partitions)}
    assert check(tmp_path / "lake", ads.pipeline, PIPELINES, told).problems == []
    with LakeReader(tmp_path / "lake") as lake:
        dead = lake.query('SELECT partition, "offset" AS at FROM dead_letters ORDER BY partition').to_pylist()
    assert dead == [{"partition": f"{topic}/{number}", "at": place} for number, place in enumerate(places)]
