"""The sink in a real Bytewax flow, aborted and resumed."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.inputs import AbortExecution, FixedPartitionedSource, StatefulSourcePartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import cluster_main, run_main

from dataflow.messages import Parcel
from sinks.lake.catalog.reader import open_readonly
from sinks.lake.sink import LakeSink, open_writer
from sinks.lake.writer import LakeWriter
from tests.sinks.lake.reading import rows_of
from tests.sinks.lake.small import Clock, event_row, parcel, small_plan

PLAN = small_plan()


class Steps(StatefulSourcePartition[int, int]):
    """Hands out records 0..count-1, one a call, then heartbeats (-1); aborts once before each offset of `aborts`."""

    def __init__(self, count: int, beats: int, aborts: set[int], at: int) -> None:
        self._count = count
        self._beats = beats
        self._aborts = aborts
        self._at = at

    def next_batch(self) -> list[int]:
        if self._at in self._aborts:
            self._aborts.discard(self._at)
            raise AbortExecution
        if self._at < self._count:
            self._at += 1
            return [self._at - 1]
        if self._beats == 0:
            raise StopIteration
        self._beats -= 1
        return [-1]

    def snapshot(self) -> int:
        return self._at


class Source(FixedPartitionedSource[int, int]):
    def __init__(self, count: int, beats: int, aborts: set[int]) -> None:
        self._options = (count, beats, aborts)

    def list_parts(self) -> list[str]:
        return ["steps"]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> Steps:
        return Steps(*self._options, resume_state or 0)


def flow_of(
    lake: Path,
    count: int,
    *,
    beats: int = 0,
    aborts: set[int] | None = None,
    resumed: Callable[[LakeWriter], None] = lambda _: None,
    **options: Any,
) -> Dataflow:
    """`count` records in epochs of their own, then `beats` heartbeats, into the lake; `options` are of its writer."""

    def stamp(_step: str, item: Parcel, epoch: int, _worker: int) -> None:
        item.epoch = epoch

    def make(number: int) -> Parcel:
        if number < 0:
            return parcel(PLAN, -1, count, count)
        return parcel(PLAN, -1, number, number + 1, tables={"events": [event_row(number)]})

    flow = Dataflow("tidemill")
    parcels = op.map("make", op.input("in", flow, Source(count, beats, aborts or set())), make)
    stamped = op.inspect_debug("epoch", parcels, stamp)
    keyed = op.map("key", stamped, lambda item: ("lake", item))
    opened = partial(open_writer, lake, PLAN, lineage="one", clock=Clock(), **options)
    op.output("lake", keyed, LakeSink(opened, resumed=resumed))
    return flow


@pytest.fixture
def recovery(tmp_path: Path) -> RecoveryConfig:
    (tmp_path / "recovery").mkdir()
    init_db_dir(tmp_path / "recovery", 1)
    return RecoveryConfig(str(tmp_path / "recovery"), timedelta(0))


def offsets(lake: Path) -> list[int]:
    return [row["offset"] for row in rows_of(lake, "events")]


@pytest.mark.parametrize("aborts", [[2], [1, 3], [1, 2, 5], [8], [1, 2, 3, 4, 5, 6, 7, 8]])
def test_aborted_and_resumed_runs_hold_every_record_once(
    tmp_path: Path, recovery: RecoveryConfig, aborts: list[int]
) -> None:
    left = set(aborts)
    lake = tmp_path / "lake"
    seen = 0
    for _ in range(len(aborts) + 1):
        run_main(flow_of(lake, 8, beats=2, aborts=left), epoch_interval=timedelta(0), recovery_config=recovery)
        found = offsets(lake)
        assert found == list(range(len(found)))
        assert len(found) >= seen
        seen = len(found)
    assert seen == 8
    assert {path.name for path in lake.glob("main/events/*")} == set(listed(lake))


def listed(lake: Path) -> list[str]:
    with open_readonly(lake) as reader:
        number = reader.latest().id
        return [file.path.name for file in reader.files(reader.tables(number)["events"], number)]


def test_the_last_epoch_waits_for_the_next_start(tmp_path: Path, recovery: RecoveryConfig) -> None:
    lake = tmp_path / "lake"
    run_main(flow_of(lake, 2), epoch_interval=timedelta(0), recovery_config=recovery)
    assert offsets(lake) == [0]
    run_main(flow_of(lake, 2), epoch_interval=timedelta(0), recovery_config=recovery)
    assert offsets(lake) == [0, 1]


def test_two_workers_share_one_sink_part(tmp_path: Path, recovery: RecoveryConfig) -> None:
    lake = tmp_path / "lake"
    flow = flow_of(lake, 3, beats=2)
    cluster_main(flow, [], 0, epoch_interval=timedelta(0), recovery_config=recovery, worker_count_per_proc=2)
    assert offsets(lake) == [0, 1, 2]
