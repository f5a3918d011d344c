"""Bytewax's store in a recovery folder, to look only: which source partitions it goes on with."""

import pickle
import sqlite3
from contextlib import closing
from typing import Any

from dataflow.errors import RecoveryError
from runtime.recovery_folder import INTAKE_STEP, LAKE_STEP, STORE, RecoveryFolder


def open_store(recovery: RecoveryFolder) -> sqlite3.Connection:
    """The store, read-only; leaves no file beside it. Raises sqlite3.Error."""
    path = recovery.path / STORE
    # without a log beside it nobody writes, and an immutable opening leaves no files there
    still = "" if path.with_name(f"{STORE}-wal").exists() or recovery.holder() is not None else "&immutable=1"
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro{still}", uri=True, timeout=5)


def stored_states(recovery: RecoveryFolder) -> dict[str, Any]:
    """Source partitions that a run would go on with, those of the store and of a take-over, and the newest state of
    each, as the intake made it; None where it was never opened. Raises RecoveryError.
    """
    try:
        with closing(open_store(recovery)) as store:
            rows = store.execute(
                "SELECT state_key, ser_change FROM snaps WHERE step_id = ? ORDER BY snap_epoch", (INTAKE_STEP,)
            )
            # its own pickles, which the run reads as well
            stored = {name: None if state is None else pickle.loads(state) for name, state in rows}
            return {**recovery.seed(), **stored}
    except sqlite3.Error as error:
        raise _unreadable(recovery, error) from error


def durable_sink_state(recovery: RecoveryFolder) -> Any:
    """The state that the lake's sink would be resumed with by a start now; None where there is none.

    What Bytewax does at a start: it goes on behind the newest epoch that all workers of the last execution have ended,
    with the newest state before that. For who holds the folder. Raises RecoveryError.
    """
    path = recovery.path / STORE
    try:
        # not read-only, or what is left of a log beside it would stay when this closes it as the last one
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=5)) as store:
            store.execute("BEGIN")
            row = store.execute(
                "SELECT ser_change FROM snaps WHERE step_id = ? AND snap_epoch < ? ORDER BY snap_epoch DESC LIMIT 1",
                (LAKE_STEP, _resume_epoch(store)),
            ).fetchone()
            return None if row is None or row[0] is None else pickle.loads(row[0])
    except sqlite3.Error as error:
        raise _unreadable(recovery, error) from error


def _resume_epoch(store: sqlite3.Connection) -> int:
    """The epoch that the next execution would begin with: the least that a worker of the last one has come to."""
    execution = store.execute(
        "SELECT ex_num, worker_count, resume_epoch FROM exs ORDER BY ex_num DESC LIMIT 1"
    ).fetchone()
    if execution is None:
        return 1
    number, workers, begun = execution
    reached = dict(store.execute("SELECT worker_index, worker_frontier FROM fronts WHERE ex_num = ?", (number,)))
    # a worker that has told nothing yet has ended none of its epochs
    return min(max(int(begun), int(reached.get(worker, begun))) for worker in range(workers))


def _unreadable(recovery: RecoveryFolder, error: sqlite3.Error) -> RecoveryError:
    return RecoveryError(
        f"the recovery store {recovery.path / STORE} cannot be read: {error}; put {recovery.path} back from a "
        "backup of the same moment as the lake, or take over with `tidemill recover --from-lake`"
    )
