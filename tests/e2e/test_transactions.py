"""A transaction that stays open, beside the real `tidemill run`: what waits behind it is said, and read afterwards."""

import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from query.reader import LakeReader
from runtime.ports import free_ports
from tests.chaos.subject import Subject
from tests.kafka_fixture import fresh_topic, produce, transactional_producer

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

JOB = """
from pydantic import BaseModel
from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble

class Click(BaseModel):
    ad: str
    time: EventTime

pipeline = Pipeline("small", Click, [Rollup("per_ad", ["ad"], tumble("1m"), {"clicks": agg.count()})])
"""
CLICK = b'{"ad": "a", "time": "2026-11-28T12:00:00Z"}'


class Held:
    """A topic with 50 records, an open transaction of one, and 100 records behind it."""

    def __init__(self, kafka: str, folder: Path) -> None:
        self.kafka, self.folder = kafka, folder
        self.topic = fresh_topic(kafka)
        (folder / "job.py").write_text(JOB)
        produce(kafka, self.topic, [CLICK] * 50)
        self.producer: Producer = transactional_producer(kafka, f"{self.topic}-held")
        self.producer.begin_transaction()
        self.producer.produce(self.topic, CLICK, partition=0)
        self.producer.flush(10)
        produce(kafka, self.topic, [CLICK] * 100)

    def run(self, *flags: str) -> Subject:
        where = ("--pipeline", "job.py", "--brokers", self.kafka, "--topic", self.topic)
        return Subject(["run", *where, *flags], self.folder)

    def read(self) -> int:
        with LakeReader(self.folder / "lake") as reader:
            return int(reader.query("SELECT coalesce(sum(read), 0)::BIGINT AS n FROM ledger").to_pylist()[0]["n"])


@pytest.fixture
def held(kafka: str, tmp_path: Path) -> Held:
    return Held(kafka, tmp_path)


@pytest.fixture
def running(held: Held) -> Iterator[Callable[..., Subject]]:
    started: list[Subject] = []

    def run(*flags: str) -> Subject:
        started.append(held.run(*flags))
        return started[-1]

    yield run
    for subject in started:
        subject.kill()


def within(seconds: float, seen: Callable[[], bool], what: Callable[[], str]) -> None:
    deadline = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < deadline, what()
        time.sleep(0.2)


def test_a_bounded_run_says_what_it_had_to_leave_behind_an_open_transaction(
    held: Held, running: Callable[..., Subject]
) -> None:
    subject = running("--bounded")
    assert subject.wait() == 0, subject.said
    assert "101 records wait behind an open transaction: the run ends before them" in subject.said
    assert held.read() == 50
    held.producer.commit_transaction(30)
    subject = running("--bounded")
    assert subject.wait() == 0, subject.said
    assert "behind an open transaction" not in subject.said
    assert held.read() == 151


def test_what_waits_behind_an_open_transaction_is_not_final(held: Held, running: Callable[..., Subject]) -> None:
    def is_final() -> bool:
        with LakeReader(held.folder / "lake") as reader:
            return bool(reader.query("SELECT bool_or(final) AS final FROM ledger").to_pylist()[0]["final"])

    subject = running("--bounded", "--final")
    assert subject.wait() == 0, subject.said
    assert "the run ends before them, and their source partitions are not final" in subject.said
    assert not is_final()
    held.producer.abort_transaction(30)
    subject = running("--bounded", "--final")
    assert subject.wait() == 0, subject.said
    assert held.read() == 150
    assert is_final()


def test_a_run_says_what_waits_and_its_metrics_tell_it_from_the_lag(
    held: Held, running: Callable[..., Subject]
) -> None:
    (port,) = free_ports(1)
    subject = running("--metrics-port", str(port))

    def metrics() -> dict[str, float]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as told:
                lines = told.read().decode().splitlines()
        except OSError:
            return {}
        rows = (line.rpartition(" ") for line in lines if f'partition="{held.topic}/0"' in line)
        return {name.partition("{")[0]: float(value) for name, _, value in rows}

    def is_told() -> bool:
        seen = metrics()
        return (seen.get("tidemill_lag_records"), seen.get("tidemill_waiting_records")) == (0, 101)

    within(60, is_told, lambda: f"{metrics()} {subject.said}")
    within(60, lambda: "101 records wait behind an open transaction" in subject.said, lambda: subject.said)
    held.producer.abort_transaction(30)
    over = "no record waits behind an open transaction any more"
    within(60, lambda: over in subject.said and metrics()["tidemill_waiting_records"] == 0, lambda: subject.said)
    within(60, lambda: held.read() == 150, lambda: subject.said)
    subject.send(signal.SIGTERM)
    assert subject.wait() == 0, subject.said
