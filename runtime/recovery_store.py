"""Bytewax's store in a recovery folder, to look only: which source partitions it goes on with."""

import sqlite3
from contextlib import closing

from dataflow.errors import RecoveryError
from runtime.recovery_folder import INTAKE_STEP, STORE, RecoveryFolder


def open_store(recovery: RecoveryFolder) -> sqlite3.Connection:
    """The store, read-only; leaves no file beside it. Raises sqlite3.Error."""
    path = recovery.path / STORE
    # without a log beside it nobody writes, and an immutable opening leaves no files there
    still = "" if path.with_name(f"{STORE}-wal").exists() or recovery.holder() is not None else "&immutable=1"
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro{still}", uri=True, timeout=5)


def stored_partitions(recovery: RecoveryFolder) -> set[str]:
    """Source partitions that a run would go on with: those of the store and of a take-over. RecoveryError."""
    try:
        with closing(open_store(recovery)) as store:
            rows = store.execute("SELECT DISTINCT state_key FROM snaps WHERE step_id = ?", (INTAKE_STEP,))
            return {*(name for (name,) in rows), *recovery.seed()}
    except sqlite3.Error as error:
        raise RecoveryError(
            f"the recovery store {recovery.path / STORE} cannot be read: {error}; put {recovery.path} back from a "
            "backup of the same moment as the lake, or take over with `tidemill recover --from-lake`"
        ) from error
