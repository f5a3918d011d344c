"""What is read of Bytewax's store: the source partitions in it and their states, or why it cannot be read."""

import pickle
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bytewax.recovery import RecoveryConfig
from bytewax.testing import cluster_main

from dataflow.errors import RecoveryError
from runtime.recovery_folder import STORE, RecoveryFolder
from runtime.recovery_store import durable_sink_state, stored_states
from sinks.lake.sink import LakePart, LakeSink
from tests.sinks.lake.test_sink import flow_of


def test_a_store_that_is_no_database_is_an_error_with_the_way_out(tmp_path: Path) -> None:
    folder = RecoveryFolder(tmp_path / "recovery")
    folder.create()
    assert stored_states(folder) == {}
    (folder.path / "part-0.sqlite3").write_bytes(b"no database" * 500)
    with pytest.raises(RecoveryError, match=r"cannot be read: .*recover --from-lake"):
        stored_states(folder)


def test_partitions_of_a_take_over_count_as_stored(tmp_path: Path) -> None:
    folder = RecoveryFolder(tmp_path / "recovery")
    folder.create()
    folder.write_seed({"ads/0": {"next": 3}})
    assert stored_states(folder) == {"ads/0": {"next": 3}}


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("aborts", [set(), {2}, {1, 4}])
def test_a_start_goes_on_with_the_sinks_state_that_is_told_to_be_durable(
    tmp_path: Path, workers: int, aborts: set[int]
) -> None:
    folder = RecoveryFolder(tmp_path / "recovery")
    folder.create()
    assert durable_sink_state(folder) is None
    given: list[Any] = []

    class Asked(LakeSink):
        def build_part(self, step_id: str, for_part: str, resume_state: Any) -> LakePart:
            given.append(resume_state)
            return super().build_part(step_id, for_part, resume_state)

    for _ in range(3):
        told = durable_sink_state(folder)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("tests.sinks.lake.test_sink.LakeSink", Asked)
            flow = flow_of(tmp_path / "lake", 6, aborts=aborts)
        cluster_main(
            flow,
            [],
            0,
            epoch_interval=timedelta(0),
            recovery_config=RecoveryConfig(str(folder.path), timedelta(0)),
            worker_count_per_proc=workers,
        )
        assert given.pop() == told


def test_the_epoch_to_go_on_with_is_the_least_that_a_worker_of_the_last_execution_has_come_to(tmp_path: Path) -> None:
    folder = RecoveryFolder(tmp_path / "recovery")
    folder.create()
    with closing(sqlite3.connect(folder.path / STORE)) as store, store:
        for number in (1, 2):
            store.execute("INSERT INTO exs (ex_num, worker_count, resume_epoch) VALUES (?, 3, 5)", (number,))
        for epoch in (3, 5, 7, 9):
            store.execute(
                "INSERT INTO snaps (step_id, state_key, snap_epoch, ser_change) VALUES ('tidemill.lake', 'lake', ?, ?)",
                (epoch, pickle.dumps(epoch)),
            )
        reached = (((1, 0), 20), ((1, 1), 20), ((1, 2), 20), ((2, 0), 10), ((2, 1), 10))
        for (number, worker), epoch in reached:
            store.execute(
                "INSERT INTO fronts (ex_num, worker_index, worker_frontier) VALUES (?, ?, ?)", (number, worker, epoch)
            )
    assert durable_sink_state(folder) == 3, "worker 2 has told nothing since epoch 5, where it began"
    for came_to, durable in ((7, 5), (8, 7), (12, 9)):
        with closing(sqlite3.connect(folder.path / STORE)) as store, store:
            store.execute(
                "INSERT OR REPLACE INTO fronts (ex_num, worker_index, worker_frontier) VALUES (2, 2, ?)", (came_to,)
            )
        assert durable_sink_state(folder) == durable


def test_a_store_that_cannot_be_read_has_no_durable_state(tmp_path: Path) -> None:
    folder = RecoveryFolder(tmp_path / "recovery")
    folder.create()
    (folder.path / STORE).write_bytes(b"no database" * 500)
    with pytest.raises(RecoveryError, match=r"cannot be read: .*recover --from-lake"):
        durable_sink_state(folder)
