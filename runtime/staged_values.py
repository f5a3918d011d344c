"""What stored states of the lake's sink tell of files, taken out once the lake has these: a run ends without that."""

import pickle
import sqlite3
from collections.abc import Mapping
from contextlib import closing

from dataflow.errors import RecoveryError
from runtime.recovery_folder import LAKE_STEP, STORE, RecoveryFolder
from sinks.lake.manifest import without_files


def forget_published(recovery: RecoveryFolder, published: Mapping[str, int]) -> None:
    """Take the files of epochs that the lake has out of all states; their offsets stay, which the next start compares.

    `published`: by lineage the newest epoch in the lake. Raises RecoveryError, also while a run holds the folder.
    """
    recovery.lock()
    try:
        with closing(sqlite3.connect(recovery.path / STORE, timeout=5)) as store, store:
            rows = store.execute(
                "SELECT state_key, snap_epoch, ser_change FROM snaps WHERE step_id = ?", (LAKE_STEP,)
            ).fetchall()
            for key, epoch, stored in rows:
                # its own pickles, which the run reads as well
                state = None if stored is None else pickle.loads(stored)
                if state is None:
                    continue
                without = without_files(state, published)
                if without != state:
                    store.execute(
                        "UPDATE snaps SET ser_change = ? WHERE step_id = ? AND state_key = ? AND snap_epoch = ?",
                        (pickle.dumps(without), LAKE_STEP, key, epoch),
                    )
    except sqlite3.Error as error:
        raise RecoveryError(
            f"the recovery store in {recovery.path} cannot be rewritten ({error}); correct the folder's permissions or "
            "free space, then run the same command again"
        ) from error
    finally:
        recovery.unlock()
