"""Kafka has deleted what was to be read next: `tidemill run` ends, or goes on with the gap in its ledger."""

import json
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from dataflow.errors import LakeMissing
from query.reader import LakeReader
from runtime.ports import free_ports
from tests.chaos.recount import read_topic
from tests.chaos.subject import Subject
from tests.kafka_fixture import admin, create_topic, delete_topic, fresh_topic, produce, transactional_producer

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

START_MS = 1_764_331_200_000
FETCH_S = 1.5
"""Longer than a fetch waits at a broker that has nothing."""

JOB = """
from pydantic import BaseModel
from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble

class Click(BaseModel):
    id: str
    ad: str
    time: EventTime

pipeline = Pipeline(
    "small",
    Click,
    [Rollup("per_ad", ["ad"], tumble("1m"), {"clicks": agg.count()})],
    deduplicate_by="id",
    deduplicate_within="1h",
)
"""


def click(number: int, minute: int = 0) -> bytes:
    return json.dumps({"id": f"c{number}", "ad": "a", "time": START_MS + minute * 60_000}).encode()


def clicks(first: int, end: int, minute: int = 0) -> list[bytes]:
    return [click(number, minute) for number in range(first, end)]


class World:
    """A topic of two partitions, and what runs make of it."""

    def __init__(self, kafka: str, folder: Path) -> None:
        self.kafka, self.folder = kafka, folder
        self.topic = fresh_topic(kafka, 2)
        (folder / "job.py").write_text(JOB)
        self.started: list[Subject] = []

    @property
    def first(self) -> str:
        return f"{self.topic}/0"

    def write(self, values: list[Any], partition: int = 0) -> None:
        produce(self.kafka, self.topic, values, partition=partition)

    def delete_before(self, offset: int, partition: int = 0) -> None:
        place = TopicPartition(self.topic, partition, offset)
        admin(self.kafka).delete_records([place])[place].result(timeout=30)

    def start(self, command: str, *flags: str, fault: str = "", answers: bool = False) -> Subject:
        about = ["--pipeline", "job.py", "--brokers", self.kafka, "--topic", self.topic]
        environ = {"TIDEMILL_FAULT": fault, "TIDEMILL_EPOCH_MS": "50"} if command == "run" else {}
        self.started.append(Subject([command, *flags, *about], self.folder, environ=environ, answers=answers))
        return self.started[-1]

    def end(self, code: int, command: str, *flags: str, **more: Any) -> str:
        subject = self.start(command, *flags, **more)
        assert subject.wait() == code, subject.said
        return subject.said

    def asked(self, command: str, *flags: str) -> Any:
        """The JSON document that a command answers with."""
        subject = self.start(command, *flags, "--json", answers=True)
        assert subject.wait() in (0, 1), subject.said
        lines = subject.said.splitlines()
        return json.loads("\n".join(lines[min(lines.index(each) for each in "[{" if each in lines) :]))

    def read_all(self, *flags: str) -> str:
        return self.end(0, "run", "--bounded", *flags)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        try:
            with LakeReader(self.folder / "lake") as reader:
                # a run that begins has made the catalog, and its tables a moment later
                return reader.query(sql).to_pylist() if "ledger" in reader.snapshot().tables else []
        except LakeMissing:
            return []

    def ledger(self, partition: int = 0) -> list[tuple[int, int, int, int]]:
        """(start, end, read, lost) of each range, less those without offsets; neighbours that were read are one."""
        found: list[tuple[int, int, int, int]] = []
        where = f"WHERE \"partition\" = '{self.topic}/{partition}' AND end_offset > start_offset"
        for row in self.rows(
            f'SELECT start_offset, end_offset, "read", lost FROM ledger {where} ORDER BY start_offset'
        ):
            start, end, read, lost = row.values()
            if found and not lost and not found[-1][3]:
                assert found[-1][1] == start
                start, read = found[-1][0], found[-1][2] + read
                found.pop()
            found.append((start, end, read, lost))
        return found

    def counted(self) -> int:
        return int(self.rows("SELECT coalesce(sum(clicks), 0)::BIGINT AS n FROM per_ad")[0]["n"])


@pytest.fixture
def world(kafka: str, tmp_path: Path) -> Iterator[World]:
    made = World(kafka, tmp_path)
    yield made
    for subject in made.started:
        subject.kill()


def within(seconds: float, seen: Callable[[], bool], what: Callable[[], object]) -> None:
    deadline = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < deadline, what()
        time.sleep(0.1)


def test_a_gap_in_one_partition_is_refused_or_accepted_and_told_everywhere(world: World) -> None:
    world.write(clicks(0, 10, minute=5))
    world.write(clicks(100, 110, minute=5), 1)
    world.read_all()
    world.write(clicks(10, 20, minute=5))
    world.write(clicks(110, 120, minute=5), 1)
    world.delete_before(16)
    # the ids 3 and 4 were seen before the gap, and 12:00 is late by what came before it
    world.write([click(3), click(4), click(20, minute=6), click(21)])
    said = world.end(3, "run", "--bounded")
    assert f"{world.first}: offset 10 is to be read next, but Kafka has only offsets 16 to 24: 6 offsets" in said
    assert "run with --accept-gap" in said
    assert world.ledger() == [(0, 10, 10, 0)]
    doctor = world.end(2, "doctor", answers=True)
    assert "go on behind the gap with tidemill run --accept-gap" in doctor

    said = world.read_all("--accept-gap", "-w", "2", "--log-format", "json")
    assert f"{world.first}: offsets [10, 16) were deleted before they were read" in said
    assert f"6 offsets of this run are lost, deleted before they were read: {world.first} [10, 16)" in said
    ended = next(json.loads(line) for line in said.splitlines() if '"event":"ended"' in line.replace(" ", ""))
    assert (ended["read"], ended["lost"]) == (18, 6)
    assert world.ledger() == [(0, 10, 10, 0), (10, 16, 0, 6), (16, 24, 8, 0)]
    assert world.ledger(1) == [(0, 20, 20, 0)]
    classes = "sum(accepted)::BIGINT AS a, sum(duplicate)::BIGINT AS d, sum(late)::BIGINT AS l"
    assert world.rows(f"SELECT {classes} FROM ledger") == [{"a": 35, "d": 2, "l": 1}]
    assert world.counted() == 35

    # the same gap is told once, whoever asks
    assert "lost" not in world.read_all("--accept-gap").replace("--accept-gap", "")
    assert world.ledger() == [(0, 10, 10, 0), (10, 16, 0, 6), (16, 24, 8, 0)]
    told = {each["check"]: each for each in world.asked("doctor")}
    lost = {"partition": world.first, "start": 10, "end": 16}
    assert told["source.lost"]["details"]["ranges"][0].items() >= lost.items()
    assert told["source.offsets"]["severity"] == "ok"
    report = world.asked("audit")
    assert (report["findings"], report["lost"]) == ([], [lost])


def test_a_lake_whose_only_loss_is_told_is_proven_and_replayed(world: World) -> None:
    world.write(clicks(0, 5))
    world.read_all("--start", "latest")
    world.write(clicks(5, 20))
    world.delete_before(12)
    world.read_all("--accept-gap")
    world.write(clicks(20, 30))
    world.read_all()
    assert world.ledger() == [(5, 12, 0, 7), (12, 30, 18, 0)]
    said = world.end(0, "audit", answers=True)
    assert f"{world.first} [5, 12): lost before it was read, a gap that was accepted" in said
    assert "proven: every record of the source is in the lake exactly once, but for 7 offsets lost" in said
    assert "NOT PROVEN" not in said
    replay = world.asked("replay", "--check", "-w", "2")
    assert replay["equal"]
    assert {each["table"] for each in replay["tables"]} >= {"lost", "per_ad"}

    (world.folder / "recovery").rename(world.folder / "gone")
    said = world.end(0, "recover", "--from-lake", answers=True)
    assert f"{world.first}: [5, 12) stays lost, as the ledger says" in said
    world.write([click(15), *clicks(30, 33)])
    world.read_all()
    assert world.ledger() == [(5, 12, 0, 7), (12, 34, 22, 0)]
    assert world.counted() == 21


def test_a_lake_that_was_taken_over_before_a_gap_says_how_to_go_on(world: World) -> None:
    world.write(clicks(0, 10))
    world.read_all()
    world.write(clicks(10, 20))
    world.delete_before(14)
    (world.folder / "recovery").rename(world.folder / "gone")
    said = world.end(0, "recover", "--from-lake", answers=True)
    assert "offset 10 is not in the source any more; `tidemill run --accept-gap` goes on behind what is gone" in said
    world.end(3, "run", "--bounded")
    world.write([click(2)])
    world.read_all("--accept-gap")
    assert world.ledger() == [(0, 10, 10, 0), (10, 14, 0, 4), (14, 21, 7, 0)]
    # its id was remembered from before the gap
    assert world.counted() == 16


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_gap_is_committed_once_with_what_follows_it_through_kills_while_it_grows(world: World, workers: str) -> None:
    world.write(clicks(0, 10))
    world.write(clicks(100, 110), 1)
    world.read_all()
    world.write(clicks(10, 20))
    low, total = 10, 20
    for point in ("after_snapshot", "before_commit", "in_commit", "after_commit"):
        low += 2
        world.delete_before(low)
        world.write(clicks(total, total + 3))
        total += 3
        subject = world.start("run", "--accept-gap", "-w", workers, "--bounded", fault=point)
        assert subject.wait() == -signal.SIGKILL, subject.said
        told = world.ledger()
        # never by itself: whatever is told of it, the records behind it came in the same commit
        assert told[-1][3] == 0
        if point == "in_commit":
            assert told == [(0, 10, 10, 0)]
    world.read_all("--accept-gap", "-w", workers)
    ranges = world.ledger()
    assert [start for start, *_ in ranges[1:]] == [end for _, end, *_ in ranges[:-1]]
    lost = [(start, end) for start, end, _, gone in ranges if gone]
    assert lost[0][0] == 10
    assert lost[0][1] in (12, 14, 16, 18)
    assert ranges[-1][1] == total
    assert world.counted() == 10 + sum(read for _, _, read, _ in ranges)
    assert len(world.rows('SELECT DISTINCT "partition", "offset" FROM events')) == world.counted()
    assert not world.asked("audit")["findings"]


def test_a_gap_that_nothing_follows_is_committed_by_itself_and_may_grow(world: World) -> None:
    world.write(clicks(0, 10))
    world.read_all()
    world.write(clicks(10, 20))
    world.delete_before(20)
    world.read_all("--accept-gap")
    assert world.ledger() == [(0, 10, 10, 0), (10, 20, 0, 10)]
    world.write(clicks(20, 30))
    world.delete_before(25)
    world.end(3, "run", "--bounded")
    world.read_all("--accept-gap")
    assert world.ledger() == [(0, 10, 10, 0), (10, 20, 0, 10), (20, 25, 0, 5), (25, 30, 5, 0)]


@pytest.mark.parametrize("accept", [False, True], ids=["refused", "accepted"])
def test_retention_that_overtakes_a_run_while_it_reads(world: World, accept: bool) -> None:
    (port,) = free_ports(1)
    world.write(clicks(0, 10))
    subject = world.start("run", *(["--accept-gap"] if accept else []), "--metrics-port", str(port))
    within(60, lambda: world.ledger() == [(0, 10, 10, 0)], lambda: subject.said)
    subject.send(signal.SIGSTOP)
    # a fetch that waits at the broker ends without a record, or it would bring some of those that are deleted
    time.sleep(FETCH_S)
    world.write(clicks(10, 40))
    world.delete_before(25)
    subject.send(signal.SIGCONT)
    if not accept:
        assert subject.wait() == 3, subject.said
        assert "offset 10 is to be read next, but Kafka has only offsets 25 to 40: 15 offsets were" in subject.said
        assert world.ledger() == [(0, 10, 10, 0)]
        return
    within(60, lambda: world.ledger() == [(0, 10, 10, 0), (10, 25, 0, 15), (25, 40, 15, 0)], lambda: subject.said)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as metrics:
        assert f'tidemill_lost_offsets_total{{partition="{world.first}"}} 15.0' in metrics.read().decode()
    world.write(clicks(40, 45))
    within(60, lambda: world.counted() == 30, lambda: subject.said)
    subject.send(signal.SIGTERM)
    assert subject.wait() == 0, subject.said
    assert "15 offsets of this run are lost" in subject.said


def test_a_topic_made_anew_is_no_gap(world: World) -> None:
    world.write(clicks(0, 10))
    world.read_all()
    delete_topic(world.kafka, world.topic)
    while world.topic in admin(world.kafka).list_topics(timeout=10).topics:
        time.sleep(0.02)
    create_topic(world.kafka, world.topic, 2)
    world.write(clicks(0, 30))
    world.delete_before(20)
    said = world.end(3, "run", "--bounded", "--accept-gap")
    assert "the topic was deleted and created anew under its name" in said
    assert world.ledger() == [(0, 10, 10, 0)]


def test_holes_of_aborted_transactions_are_no_loss(world: World) -> None:
    producer = transactional_producer(world.kafka, f"{world.topic}-aborts")
    for number in range(3):
        world.write(clicks(number * 5, number * 5 + 5))
        producer.begin_transaction()
        for _ in range(4):
            producer.produce(world.topic, click(900), partition=0)
        producer.flush(30)
        producer.abort_transaction(30)
        world.read_all("--accept-gap")
    assert world.ledger() == [(0, 30, 15, 0)]
    assert "no offset was lost before it was read" in {each["message"] for each in world.asked("doctor")}


COMPACTED = {
    "cleanup.policy": "compact,delete",
    "segment.ms": "100",
    "min.cleanable.dirty.ratio": "0.01",
    "delete.retention.ms": "86400000",
}


def compacted(world: World, partition: int = 0) -> list[int]:
    """The offsets that are left once the broker has compacted what was written."""
    left: list[int] = []

    def settled() -> bool:
        before = list(left)
        left[:] = [record.offset for record in read_topic(world.kafka, world.topic)[f"{world.topic}/{partition}"]]
        return before == left and len(left) < max(left)

    within(90, settled, lambda: left)
    return left


@pytest.mark.timeout(900)
def test_holes_of_a_compacted_topic_are_lost_only_where_its_log_begins_behind_them(world: World) -> None:
    world.topic = fresh_topic(world.kafka, 1, COMPACTED)

    def write(first: int, end: int) -> None:
        # four keys, of which all but the last records go; the last one of all stays in a segment of its own
        for number in range(first, end):
            produce(world.kafka, world.topic, [click(number)], keys=[b"k%d" % (number % 4)])
            time.sleep(0.03)

    write(0, 10)
    world.read_all()
    ((_, _, before, _),) = world.ledger()
    assert world.ledger() == [(0, 10, before, 0)]
    write(10, 30)
    time.sleep(0.2)
    write(30, 31)
    left = compacted(world)
    # what is to be read next is a hole by now, and so is what lies behind the log's beginning
    assert left[0] > 13
    world.delete_before(12)
    world.end(3, "run", "--bounded")
    assert world.ledger() == [(0, 10, before, 0)]
    world.read_all("--accept-gap")
    told = [(0, 10, before, 0), (10, 12, 0, 2), (12, 31, len(left), 0)]
    assert world.ledger() == told
    assert world.counted() == before + len(left)
    # more holes come where it has read already, and before it goes on
    write(31, 51)
    time.sleep(0.2)
    write(51, 52)
    left = compacted(world)
    assert left[0] > 31
    world.read_all("--accept-gap")
    assert world.ledger() == [*told[:2], (12, 52, told[2][2] + len(left), 0)]
