"""What the last epochs of a real flow staged: published once it has returned, by what its recovery store would do."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bytewax.recovery import RecoveryConfig
from bytewax.testing import cluster_main, run_main

from dataflow.errors import RecoveryError
from runtime.last_epochs import LastEpochs
from runtime.recovery_folder import STORE, RecoveryFolder
from sinks.lake.catalog.reader import open_readonly
from sinks.lake.fault import no_fault
from tests.sinks.lake.test_sink import flow_of, offsets
from tests.sinks.lake.test_writer import Crash, CrashAt, ledger, listed_files, parquet_files

POINTS = ("before_commit", "in_commit", "after_commit")


class Runs:
    """Runs over one lake and one recovery store, each to the end of its flow."""

    def __init__(self, folder: Path) -> None:
        self.lake = folder / "lake"
        self.recovery = RecoveryFolder(folder / "recovery")
        self.recovery.create()

    def flow(self, count: int, *, workers: int = 1, aborts: set[int] | None = None, **options: Any) -> LastEpochs:
        """A flow that has returned; what it left is not published."""
        last = LastEpochs(self.recovery, no_fault)
        flow = flow_of(self.lake, count, aborts=aborts, resumed=last.has, **options)
        config = RecoveryConfig(str(self.recovery.path), timedelta(0))
        if workers == 1:
            run_main(flow, epoch_interval=timedelta(0), recovery_config=config)
        else:
            interval = timedelta(0)
            cluster_main(flow, [], 0, epoch_interval=interval, recovery_config=config, worker_count_per_proc=workers)
        return last

    def change_store(self, sql: str) -> None:
        with closing(sqlite3.connect(self.recovery.path / STORE)) as store, store:
            store.execute(sql)


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_flow_that_has_returned_leaves_nothing_unpublished(runs: Runs, workers: int) -> None:
    last = runs.flow(3, workers=workers)
    assert offsets(runs.lake) == [0, 1]
    last.publish()
    assert not [*runs.lake.glob("*-wal"), *runs.recovery.path.glob("*-wal")], "what may be copied as it is"
    assert offsets(runs.lake) == [0, 1, 2]
    before = ledger(runs.lake, "start_offset", "end_offset", "epoch")
    runs.flow(3, workers=workers).publish()
    assert offsets(runs.lake) == [0, 1, 2]
    assert ledger(runs.lake, "start_offset", "end_offset", "epoch") == before
    runs.flow(5, workers=workers).publish()
    assert offsets(runs.lake) == [0, 1, 2, 3, 4]


def test_to_publish_twice_changes_nothing(runs: Runs) -> None:
    last = runs.flow(3)
    last.publish()
    with open_readonly(runs.lake) as reader:
        newest = reader.latest().id
    last.publish()
    with open_readonly(runs.lake) as reader:
        assert reader.latest().id == newest


def test_a_process_without_the_lakes_writer_has_nothing_to_publish(runs: Runs) -> None:
    passed: list[str] = []
    LastEpochs(runs.recovery, passed.append).publish()
    assert passed == ["after_flow"]


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_on_the_way_leaves_the_same_files_to_the_next_start(runs: Runs, point: str) -> None:
    last = runs.flow(2, fault=CrashAt(point, 2))
    staged = parquet_files(runs.lake)
    with pytest.raises(Crash):
        last.publish()
    assert offsets(runs.lake) == ([0, 1] if point == "after_commit" else [0])
    runs.flow(2).publish()
    assert offsets(runs.lake) == [0, 1]
    assert parquet_files(runs.lake) == listed_files(runs.lake) == staged


@pytest.mark.parametrize("workers", [1, 2])
def test_an_epoch_that_one_worker_has_not_ended_is_not_published_but_read_again(runs: Runs, workers: int) -> None:
    last = runs.flow(3, workers=workers)
    # as if the machine had gone down before this was written
    runs.change_store(f"UPDATE fronts SET worker_frontier = worker_frontier - 2 WHERE worker_index = {workers - 1}")
    runs.change_store("UPDATE commits SET commit_epoch = 0")
    with pytest.raises(RecoveryError, match="nothing of it is published or lost"):
        last.publish()
    assert offsets(runs.lake) == [0, 1]
