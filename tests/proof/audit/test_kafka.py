"""Audit and replay of a lake that was read from real Kafka: aborted transactions, deleted records."""

import json
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from tests.kafka_fixture import admin, fresh_topic, produce, transactional_producer
from tests.proof.audited import DamagedLake, tidemill, without, write_input

pytestmark = pytest.mark.kafka

BASE_MS = 1_700_000_000_000


class KafkaLake(DamagedLake):
    """A topic of two partitions with holes, read in two runs, in between with records that were aborted."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.folder, self.lake = folder, folder / "lake"
        self.topic = fresh_topic(bootstrap, 2)
        self.bootstrap = bootstrap
        write_input(folder / "input")
        lines = {name: (folder / "input" / f"{name}.ndjson").read_bytes().splitlines() for name in ("left", "right")}
        self.produce(lines["left"][:40], 0)
        self.abort(b"{}", 0)
        self.produce(lines["right"][:30], 1)
        self.run_pipeline()
        self.produce(lines["left"][40:], 0)
        self.abort(b"[]", 1)
        self.produce([*lines["right"][30:], None], 1)
        self.run_pipeline("--workers", "2")

    def produce(self, values: list[Any], partition: int) -> None:
        stamps = [BASE_MS] * len(values)
        produce(self.bootstrap, self.topic, values, partition=partition, timestamps_ms=stamps)

    def abort(self, value: bytes, partition: int) -> None:
        producer = transactional_producer(self.bootstrap, f"{self.topic}-{partition}")
        producer.begin_transaction()
        for _ in range(5):
            producer.produce(self.topic, value, partition=partition)
        producer.flush(30)
        producer.abort_transaction(30)

    def tidemill(self, *arguments: str) -> Any:
        return tidemill(self.folder, *arguments, brokers=self.bootstrap, topic=self.topic)

    def run_pipeline(self, *more: str) -> None:
        done = self.tidemill("run", "--bounded", "--epoch-ms", "20", "--batch-records", "7", *more)
        assert done.returncode == 0, done.stderr

    def audit(self, *more: str) -> tuple[int, dict[str, Any]]:
        done = self.tidemill("audit", "--json", *more)
        assert done.returncode in (0, 1), done.stderr
        return done.returncode, json.loads(done.stdout)


def test_a_lake_from_kafka_is_proven_replayed_and_its_damage_named(kafka: str, tmp_path: Path) -> None:
    lake = KafkaLake(kafka, tmp_path)
    first, second = f"{lake.topic}/0", f"{lake.topic}/1"
    code, report = lake.audit()
    assert (code, report["findings"], report["unproven"]) == (0, [], [])
    assert report["partitions"][first]["end"] == 66
    assert report["partitions"][first]["read"] == 60
    assert report["partitions"][second]["read"] == 61

    done = lake.tidemill("replay", "--check", "--json", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["equal"]

    place = TopicPartition(lake.topic, 1, 20)
    admin(kafka).delete_records([place])[place].result(timeout=30)
    code, report = lake.audit()
    assert (code, report["findings"]) == (0, [])
    assert report["unproven"][0]["what"].startswith(f"{second} [0, ")
    assert report["unproven"][-1]["what"].startswith("windows (per_ad_delta")

    lake.rewrite(
        "events", lambda rows: without(0)(rows) if rows["partition"][0].as_py() == first else None, cunning=True
    )
    code, report = lake.audit()
    assert code == 1
    assert [(each["kind"], each["ranges"][0]["partition"]) for each in report["findings"]] == [("missing", first)]
    assert lake.tidemill("replay", "--check").returncode == 3
