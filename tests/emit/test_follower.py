"""A follower goes on after every failure from where its target stands, and says what is wrong meanwhile."""

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from prometheus_client import REGISTRY

from emit.alert_changes import AlertChanges
from emit.follower import Follower, Means
from emit.position import Position
from emit.record import Record
from emit.trouble import DeliveryTrouble
from query.reader import LakeReader
from runtime.delivery_mark import DeliveryMark
from sinks.lake.catalog.catalog import Catalog
from tests.emit.lakes import NOW, ledger_of, made_lake, product, records


class Memory:
    """A target in memory that fails as often as it is told."""

    def __init__(self, fails: int = 0, place: Position | None = None) -> None:
        self.fails, self.place = fails, place
        self.got: list[Record] = []
        self.opened = 0

    def open(self) -> Position | None:
        self.opened += 1
        return self.place

    def publish(self, records: Iterator[Record], position: Position) -> int:
        taken = list(records)
        if self.fails:
            self.fails -= 1
            raise DeliveryTrouble("the broker is down")
        self.got += taken
        self.place = position
        return len(taken)

    def close(self) -> None:
        """Nothing to let go of."""


def wall() -> datetime:
    return NOW


def follower(folder: Path, reader: LakeReader, target: Memory, *, latest: bool = False) -> Follower:
    plan = product(folder / "plan", {}).plan.emits
    source = AlertChanges(reader, next(each for each in plan if each.name == "alerts.a"))
    means = Means(target, ledger_of(folder, "alerts.a"), DeliveryMark(folder), wall, time.monotonic)
    return Follower("alerts.a", reader, source, means, latest=latest)


def ended(of: Follower) -> None:
    of.finish()
    assert of.join(60)
    assert of.is_done


def test_all_is_sent_once_after_failures_and_the_lake_remembers(tmp_path: Path) -> None:
    made_lake(tmp_path)
    target = Memory(fails=2)
    with LakeReader(tmp_path / "lake") as reader:
        of = follower(tmp_path, reader, target)
        of.start()
        ended(of)
        assert of.place == target.place
        assert of.place is not None
        assert of.place.snapshot == reader.snapshot().id
        of = follower(tmp_path, reader, target)
        of.start()
        ended(of)
    assert target.opened == 4
    ids = [each.id for each in target.got]
    assert ids
    assert len(set(ids)) == len(ids)
    assert ledger_of(tmp_path, "alerts.a").position() == target.place
    assert DeliveryMark(tmp_path).read() == {}


def test_one_that_does_not_work_says_so_and_ends_when_it_is_told(tmp_path: Path) -> None:
    made_lake(tmp_path)
    target = Memory(fails=10**9)
    with LakeReader(tmp_path / "lake") as reader:
        of = follower(tmp_path, reader, target)
        of.start()
        deadline = time.monotonic() + 60
        while of.reason is None and time.monotonic() < deadline:
            time.sleep(0.01)
        of.finish()
        of.stop()
        assert of.join(60)
    assert not of.is_done
    assert of.reason == "the broker is down"
    assert DeliveryMark(tmp_path).read()["alerts.a"].reason == "the broker is down"


def test_a_target_that_begins_now_remembers_where_that_was(tmp_path: Path) -> None:
    made_lake(tmp_path)
    target = Memory()
    with LakeReader(tmp_path / "lake") as reader:
        of = follower(tmp_path, reader, target, latest=True)
        of.start()
        ended(of)
        assert target.place is not None
        assert target.place.snapshot == reader.snapshot().id
    assert target.got == []


def test_a_target_that_forgot_goes_on_from_where_the_lake_knows(tmp_path: Path) -> None:
    made_lake(tmp_path)
    with LakeReader(tmp_path / "lake") as reader:
        of = follower(tmp_path, reader, Memory())
        of.start()
        ended(of)
        forgetful = Memory()
        of = follower(tmp_path, reader, forgetful)
        of.start()
        ended(of)
    assert forgetful.got == []


def test_what_came_from_another_lake_is_not_added_to(tmp_path: Path) -> None:
    made_lake(tmp_path)
    for place in (Position(10**6, "2026-01-01 00:00:00.000000+00"), Position(2, "2020-01-01 00:00:00.000000+00")):
        target = Memory(place=place)
        with LakeReader(tmp_path / "lake") as reader:
            of = follower(tmp_path, reader, target)
            of.start()
            of.finish()
            assert of.join(60)
        assert not of.is_done
        assert "this lake has no such snapshot" in (of.reason or "")
        assert target.got == []


def test_one_whose_lake_was_taken_over_sends_nothing(tmp_path: Path) -> None:
    made_lake(tmp_path)
    target = Memory()
    with LakeReader(tmp_path / "lake") as reader:
        of = follower(tmp_path, reader, target)
        catalog = Catalog.open(tmp_path / "lake")
        catalog.take_over("small", "two")
        catalog.close()
        of.start()
        assert of.join(60)
    assert not of.is_done
    assert (target.opened, target.got) == (0, [])
    assert records([]) == []


def test_a_metric_tells_for_how_long_not_all_was_sent(tmp_path: Path) -> None:
    made_lake(tmp_path)

    def behind_s() -> float | None:
        return REGISTRY.get_sample_value("tidemill_emit_behind_seconds", {"way": "alerts.a"})

    with LakeReader(tmp_path / "lake") as reader:
        target = Memory(fails=2)
        of = follower(tmp_path, reader, target)
        time.sleep(0.01)
        started_s = behind_s()
        assert started_s is not None
        assert started_s > 0
        of.start()
        deadline = time.monotonic() + 60
        while not target.got and time.monotonic() < deadline:
            time.sleep(0.01)
        while behind_s() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert behind_s() == 0
        ended(of)
        assert behind_s() == 0
        broken = follower(tmp_path, reader, Memory(fails=10**6))
        broken.start()
        while broken.reason is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (behind_s() or 0) > 0
        broken.stop()
        assert broken.join(60)
