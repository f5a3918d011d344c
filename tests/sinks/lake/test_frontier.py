"""The frontier as the writer follows it is that of the ledger, whoever asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow.parquet as pq
import pytest

from dataflow.messages import NEVER_MS
from dataflow.pipeline.pair_rules import absence
from query.reader import LakeReader
from sinks.lake import frontier
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.frontier import Frontier
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
