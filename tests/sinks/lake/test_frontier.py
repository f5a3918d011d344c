"""The frontier as the writer follows it is that of the ledger, whoever asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow.parquet as pq
import pytest

from dataflow.messages import NEVER_MS, Range
from dataflow.pipeline.pair_rules import absence
from dataflow.pipeline.plan import Plan
from query.reader import LakeReader
from sinks.lake import frontier
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.frontier import Frontier, Stand, ended_ms
from sinks.lake.tables.finality import EVER_MS
from sinks.lake.writer import LakeWriter, commit
from tests.sinks.lake.small import Clock, at, parcel, small_plan, writer_for

PLAN = small_plan(
    [],
    idle_timeout="10s",
    alerts=[absence("lonely", key="ad", first="user = 1", then="user = 2", within="1s")],
)
LONG = timedelta(minutes=1)


@contextmanager
def lake(folder: Path) -> Iterator[Catalog]:
    catalog = Catalog.look(folder)
    try:
        yield catalog
    finally:
        catalog.close()


def of(folder: Path) -> Frontier:
    with lake(folder) as catalog:
        return Frontier.of_lake(catalog, PLAN.out_of_orderness_ms, PLAN.idle_timeout_ms)


class Written:
    """A lake, the writer on it, and what both say of the frontier."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.writer: LakeWriter = writer_for(folder, PLAN, clock=self.clock)
        self.epoch = 0
        self.ends: dict[str, int] = {}

    def commit(self, *ranges: tuple[str, int, int | None], final: bool = False) -> None:
        """Records, and the watermark behind them, by source partition."""
        self.epoch += 1
        made = []
        for name, read, mark in ranges:
            start = self.ends.get(name, 0)
            self.ends[name] = start + read
            more: dict[str, Any] = {"watermark": mark, "rules": PLAN.rules, "finished": final}
            made.append(parcel(PLAN, 0, start, start + read, partition=name, final=final, **more))
        commit(self.writer, made, self.epoch)

    def says(self, later: timedelta = timedelta(0)) -> int:
        """The frontier, so long after the last commit, by the writer and by the ledger."""
        assert self.writer.alerts is not None
        live = self.writer.alerts._frontier
        assert live is not None
        now = self.clock.now + later
        assert of(self.folder).at_ms(now) == live.at_ms(now)
        return live.at_ms(now)


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    made = Written(tmp_path / "lake")
    yield made
    made.writer.close()


def test_the_slowest_active_partition_decides(written: Written) -> None:
    written.commit(("t/0", 2, 100), ("t/1", 1, 40))
    assert written.says() == 40
    written.commit(("t/1", 1, 90))
    assert written.says() == 90
    assert written.says(LONG) == 100


def test_a_partition_without_a_valid_event_holds_everything(written: Written) -> None:
    written.commit(("t/0", 2, 100), ("t/1", 0, None))
    assert written.says() == -EVER_MS
    assert written.says(LONG) == 100


def test_a_partition_of_which_nothing_comes_holds_nothing_until_something_does(written: Written) -> None:
    written.commit(("t/0", 2, 100), ("t/1", 1, 40))
    written.commit(("t/1", 0, 40), final=True)
    assert written.says() == 100
    written.commit(("t/0", 0, 100), final=True)
    assert written.says() == EVER_MS
    written.commit(("t/1", 1, 50))
    assert written.says() == 50


def test_what_was_judged_is_no_further_than_any_watermark_and_waits_as_long_as_it_did(written: Written) -> None:
    assert Frontier(10_000).judged_ms() == NEVER_MS
    written.commit(("t/0", 2, 100), ("t/1", 1, 40))
    assert of(written.folder).judged_ms() == 40
    with lake(written.folder) as catalog:
        # a shorter timeout of now makes no difference to what was judged
        assert Frontier.of_lake(catalog, PLAN.out_of_orderness_ms, 1).judged_ms() == 40
    written.commit(("t/0", 0, 100), ("t/1", 0, 40), final=True)
    assert of(written.folder).judged_ms() == 100


def test_lines_that_tell_no_watermark_are_read_by_their_events(written: Written) -> None:
    written.epoch += 1
    commit(written.writer, [parcel(PLAN, 0, 0, 20, watermark=None, rules=None)], written.epoch)
    assert of(written.folder).at_ms(written.clock.now) == 20_000 - PLAN.out_of_orderness_ms


def test_a_ledger_file_that_was_replaced_is_looked_up_again(written: Written) -> None:
    written.commit(("t/0", 2, 100))
    read, tried = pq.read_schema, list[Path]()

    def gone(path: Path) -> Any:
        tried.append(path)
        if len(tried) < frontier.TRIES:
            raise FileNotFoundError(path)
        return read(path)

    with patch.object(pq, "read_schema", gone):
        assert of(written.folder).at_ms(written.clock.now) == 100
    with patch.object(pq, "read_schema", side_effect=FileNotFoundError), pytest.raises(FileNotFoundError):
        of(written.folder)


def seen(ad: str, ms: int, *, first: bool) -> dict[str, Any]:
    """A row of the rule's evidence."""
    return {
        "ad": ad,
        "partition": "t/0",
        "offset": ms,
        "window_start": at(ms),
        "window_end": at(ms + 1),
        "is_first": int(first),
        "is_then": int(not first),
        "row_count": 1,
        "late_count": 0,
    }


def test_an_absence_is_told_by_time_alone_once_a_silent_partition_holds_nothing(written: Written) -> None:
    rows = {"lonely_delta": [seen("a", 0, first=True), seen("b", 0, first=True), seen("b", 500, first=False)]}
    made = [parcel(PLAN, 0, 0, 3, watermark=5_000, rules=PLAN.rules, tables=rows)]
    commit(written.writer, [*made, parcel(PLAN, 0, 0, 1, partition="t/1", watermark=0, rules=PLAN.rules)], 1)
    with LakeReader(written.folder) as reader:
        assert reader.query("SELECT count(*) AS n FROM alerts").to_pylist() == [{"n": 0}]
        written.clock.now += LONG
        commit(written.writer, [parcel(PLAN, 0, 3, 3, watermark=5_000)], 2)
        assert reader.query("SELECT key FROM alerts WHERE state = 'raised'").to_pylist() == [{"key": '{"ad": "a"}'}]
        assert reader.query("SELECT count(*) AS n FROM ledger").to_pylist() == [{"n": 2}]
        head = written.writer._catalog.head().id
        commit(written.writer, [parcel(PLAN, 0, 3, 3, watermark=5_000)], 3)
        assert written.writer._catalog.head().id == head


MORE = small_plan(out_of_orderness="1s", idle_timeout="30s")


@contextmanager
def begun(folder: Path, *commits: dict[str, Any]) -> Iterator[Frontier]:
    """The frontier of a lake with these commits, each of a partition's record."""
    writer = writer_for(folder, MORE, clock=Clock())
    for number, told in enumerate(commits, 1):
        commit(writer, [parcel(MORE, 0, 0, 1, rules=MORE.rules, **told)], number)
    writer.close()
    with lake(folder) as catalog:
        yield Frontier.of_lake(catalog, MORE.out_of_orderness_ms, MORE.idle_timeout_ms)


def reached(found: Frontier, ranges: list[Range], final: set[str], ms: int) -> int:
    return found.reach(Stand(1, ranges, final, Clock().now + timedelta(milliseconds=ms))).reached_ms


def read(partition: str, watermark: int | None, *, end: int = 1, count: int = 1) -> Range:
    return Range(partition, "t", end - count, end, count, count, max_event_time=watermark, watermark=watermark)


def test_an_epoch_reaches_as_far_as_the_active_partition_that_is_behind(tmp_path: Path) -> None:
    with begun(tmp_path / "lake") as found:
        assert found.judged_ms() == NEVER_MS
        assert reached(found, [read("a", 5_000)], set(), 0) == 5_000
        assert reached(found, [read("b", None, end=0, count=0)], set(), 0) == NEVER_MS
        assert reached(found, [read("b", 3_000)], set(), 1_000) == 3_000
        assert reached(found, [read("a", 9_000, end=2)], set(), 30_999) == 3_000
        assert reached(found, [], set(), 31_000) == 9_000
        # when all are idle, the furthest decides
        assert reached(found, [], set(), 10**9) == 9_000
        told = found.reach(Stand(1, [read("b", 4_000, end=2)], set(), Clock().now + timedelta(days=20)))
        assert (told.reached_ms, dict(told.newest_ms)) == (4_000, {"a": 9_000, "b": 4_000})


def test_what_ends_for_good_makes_nothing_more_final_than_events_do(tmp_path: Path) -> None:
    with begun(tmp_path / "lake") as found:
        assert reached(found, [read("a", 5_000), read("b", 3_000)], {"b"}, 0) == 5_000
        told = found.reach(Stand(1, [read("a", 5_000, end=1, count=0)], {"a"}, Clock().now))
        assert (told.frontier_ms, told.reached_ms) == (EVER_MS, 5_000)
        assert reached(found, [read("b", 4_000, end=2)], set(), 0) == 4_000


def test_a_lake_tells_the_newest_events_of_its_partitions(tmp_path: Path) -> None:
    first = {"partition": "t/0", "max_event_time": 9_000, "watermark": 8_000}
    second = {"partition": "t/1", "max_event_time": 5_000, "watermark": 4_000}
    with begun(tmp_path / "lake", first, second) as found:
        told = found.reach(Stand(1, [], set(), Clock().now))
        assert (told.judged_ms, dict(told.newest_ms)) == (4_000, {"t/0": 9_000, "t/1": 5_000})
    ended = {**second, "finished": True}
    with begun(tmp_path / "ended", first, {**ended, "final": True}) as found:
        assert found.judged_ms() == 8_000
    with begun(tmp_path / "read", first, ended) as found:
        assert found.judged_ms() == 4_000


def test_a_run_waits_for_what_partitions_have_to_say_and_not_for_those_that_were_read_to_their_end(
    tmp_path: Path,
) -> None:
    told = [
        {"partition": "t/0", "max_event_time": 9_000, "watermark": 8_000},
        {"partition": "t/1", "max_event_time": 5_000, "watermark": 4_000},
        {"partition": "t/2", "max_event_time": 2_000, "watermark": 1_000, "finished": True},
    ]
    later_ms = 10**10
    with begun(tmp_path / "lake", *told) as found:
        assert reached(found, [read("t/0", 10_000, end=2)], set(), later_ms) == 4_000
        assert reached(found, [], set(), later_ms + 30_000) == 10_000
    with begun(tmp_path / "other", *told) as found:
        nothing = read("t/1", 4_000, count=0)
        assert reached(found, [read("t/0", 10_000, end=2), nothing], set(), later_ms) == 4_000
        nothing.finished = True
        assert reached(found, [nothing], set(), later_ms) == 10_000


def test_windows_are_over_when_their_last_millisecond_and_the_lateness_have_passed() -> None:
    assert ended_ms(999, 0) == 1_000
    assert ended_ms(999, 100) == 900
    assert ended_ms(NEVER_MS, 0) == NEVER_MS + 1
    assert ended_ms(NEVER_MS, 2) == NEVER_MS


def test_an_absence_that_waited_for_a_longer_lateness_is_told_once_it_is_shorter(tmp_path: Path) -> None:
    def plan_of(lateness: str) -> Plan:
        told: dict[str, Any] = {
            "key": "ad",
            "first": "user = 1",
            "then": "user = 2",
            "within": "1s",
            "allowed_lateness": lateness,
        }
        return small_plan([], alerts=[absence("lonely", **told)])

    patient, brisk = plan_of("1h"), plan_of("0s")
    writer = writer_for(tmp_path / "lake", patient)
    rows = {"lonely_delta": [seen("a", 0, first=True)]}
    commit(writer, [parcel(patient, 0, 0, 3, watermark=9_000, rules=patient.rules, tables=rows)], 1)
    writer.close()
    writer = writer_for(tmp_path / "lake", brisk, lineage="store-2")
    with LakeReader(tmp_path / "lake") as reader:
        assert reader.query("SELECT count(*) AS n FROM alerts").to_pylist() == [{"n": 0}]
        commit(writer, [parcel(brisk, 0, 3, 4, watermark=9_000, rules=brisk.rules)], 1)
        assert reader.query("SELECT key FROM alerts").to_pylist() == [{"key": '{"ad": "a"}'}]
    writer.close()
