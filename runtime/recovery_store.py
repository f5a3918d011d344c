"""Bytewax's store in a recovery folder, to look only: which source partitions it goes on with."""

import pickle
import sqlite3
from contextlib import closing
from typing import Any

from dataflow.errors import RecoveryError
from runtime.recovery_folder import INTAKE_STEP, STORE, RecoveryFolder


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
        raise RecoveryError(
            f"the recovery store {recovery.path / STORE} cannot be read: {error}; put {recovery.path} back from a "
            "backup of the same moment as the lake, or take over with `tidemill recover --from-lake`"
        ) from error
