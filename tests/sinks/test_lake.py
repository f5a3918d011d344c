"""The sink in a real Bytewax flow, aborted and resumed."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSource, cluster_main, run_main

from dataflow.batch import Parcel
from sinks.catalog_reader import open_readonly
from sinks.lake import LakeSink
from tests.sinks.reading import rows_of
from tests.sinks.small import Clock, event_row, parcel, small_plan

PLAN = small_plan()


def flow_of(lake: Path, steps: list[Any]) -> Dataflow:
    """Each number is a parcel with one record; "beat" is a heartbeat at the offset reached."""

    def stamp(_step: str, item: Parcel, epoch: int, _worker: int) -> None:
        item.epoch = epoch

    def make(step: int) -> Parcel:
        if step < 0:
            return parcel(PLAN, -1, -step, -step)
        return parcel(PLAN, -1, step, step + 1, tables={"events": [event_row(step)]})

    flow = Dataflow("test")
    parcels = op.map("make", op.input("in", flow, TestingSource(steps, batch_size=1)), make)
    stamped = op.inspect_debug("epoch", parcels, stamp)
    keyed = op.map("key", stamped, lambda item: ("lake", item))
    op.output("out", keyed, LakeSink(lake, PLAN, lineage="one", clock=Clock()))
    return flow


@pytest.fixture
def recovery(tmp_path: Path) -> RecoveryConfig:
    (tmp_path / "recovery").mkdir()
    init_db_dir(tmp_path / "recovery", 1)
    return RecoveryConfig(str(tmp_path / "recovery"), timedelta(0))


def offsets(lake: Path) -> list[int]:
    return [row["offset"] for row in rows_of(lake, "events")]


@pytest.mark.parametrize("aborts", [[2], [0, 3], [1, 2, 5], [7]])
def test_aborted_and_resumed_runs_hold_every_record_once(
    tmp_path: Path, recovery: RecoveryConfig, aborts: list[int]
) -> None:
    steps: list[Any] = []
    for number in range(8):
        steps.append(number)
        if number in aborts:
            steps.append(TestingSource.ABORT())
    # the heartbeats after the last record publish it
    steps += [-8, -8]
    lake = tmp_path / "lake"
    seen = 0
    for _ in range(len(aborts) + 1):
        run_main(flow_of(lake, steps), epoch_interval=timedelta(0), recovery_config=recovery)
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
    run_main(flow_of(lake, [0, 1]), epoch_interval=timedelta(0), recovery_config=recovery)
    assert offsets(lake) == [0]
    run_main(flow_of(lake, [0, 1]), epoch_interval=timedelta(0), recovery_config=recovery)
    assert offsets(lake) == [0, 1]


def test_two_workers_share_one_sink_part(tmp_path: Path, recovery: RecoveryConfig) -> None:
    lake = tmp_path / "lake"
    flow = flow_of(lake, [0, 1, 2, -3, -3])
    cluster_main(flow, [], 0, epoch_interval=timedelta(0), recovery_config=recovery, worker_count_per_proc=2)
    assert offsets(lake) == [0, 1, 2]
