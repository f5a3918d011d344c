"""Recovery folder and lake seen together: do they agree, is a run on them, can the store be read."""

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from dataflow.errors import RecoveryError
from dataflow.spoken import counted, size, span
from doctor.finding import Finding, error, ok, warning
from query.moment import to_ms
from runtime.recovery_folder import STORE, RecoveryFolder
from runtime.recovery_store import open_store
from runtime.same_source import Kept, missing_states
from runtime.stalls import StallRecord
from sinks.lake.agreement import shared_lineage
from sinks.lake.catalog.handover import job_of

STALL_TOLD = timedelta(days=1)
"""For so long after a run stood still, it is worth a look why."""


def run_finding(folder: RecoveryFolder, last_commit: datetime | None, now: datetime) -> Finding:
    """Whether a run holds the recovery folder, how old the last commit is, and whether one stood still lately."""
    pid = folder.holder()
    ago = None if last_commit is None else to_ms(now) - to_ms(last_commit)
    commit = "nothing has been committed yet" if ago is None else f"the last commit is {span(max(ago, 0))} old"
    running = f"process {pid} runs this pipeline" if pid is not None else "no run holds the recovery folder"
    told = f"{running}; {commit}"
    stalls = StallRecord(folder.path).read()
    details = {
        "running": pid is not None,
        "pid": pid,
        "last_commit": None if last_commit is None else last_commit.isoformat(),
        "last_commit_age_ms": ago,
        "last_stall": None if stalls is None else stalls.at.isoformat(),
    }
    if stalls is None or now - stalls.at > STALL_TOLD:
        return ok("run", told, **details)
    return warning(
        "run",
        f"{told}; a run stood still and started anew at {stalls.at.isoformat()}, restart {stalls.in_a_row} in a row "
        f"({stalls.told})",
        "look for what happened then: a clock that was set, a machine that was suspended, a full disk; nothing was "
        "lost or repeated",
        **details,
    )


def agreement_finding(folder: RecoveryFolder, known: str | None, partitions: int, lake: Path) -> Finding:
    """Whether a run could start: the lake's lineage is the store's. One that is handed over to Flink waits for that."""
    check = "recovery.agrees"
    job = None if known is None else job_of(known)
    if job is not None:
        told = (
            f"the Flink job {job} fills the lake; `tidemill run` can once `tidemill flink ingest --hand-back` is done"
        )
        return ok(check, told, lake_lineage=known, job=job)
    try:
        lineage = shared_lineage(known, partitions, folder, lake)
    except RecoveryError as disagreement:
        what, _, fix = str(disagreement).partition(": ")
        return error(check, what, fix or "tidemill recover --from-lake", lake_lineage=known)
    if lineage is None:
        return ok(check, f"lake and recovery folder {folder.path} are both new", lake_lineage=known)
    return ok(check, f"the lake was filled from this recovery folder, {folder.path}", lake_lineage=known)


def store_finding(folder: RecoveryFolder) -> Finding | None:
    """Whether Bytewax's store can be read; None when there is no recovery folder."""
    path = folder.path / STORE
    if not path.exists():
        return None
    check = "recovery.store"
    fix = f"put {folder.path} back from a backup of the same moment as the lake, or tidemill recover --from-lake"
    try:
        with closing(open_store(folder)) as store:
            states = store.execute("SELECT count(DISTINCT step_id || state_key) FROM snaps").fetchone()[0]
            last = store.execute("SELECT max(created_at) FROM exs").fetchone()[0]
    except sqlite3.Error as problem:
        return error(check, f"{path} cannot be read: {problem}", fix, path=str(path))
    length = path.stat().st_size
    started = "never run" if last is None else f"last started {last} UTC"
    told = f"the store holds the state of {counted(states, 'part')} in {size(length)}, {started}"
    return ok(check, told, path=str(path), states=states, bytes=length, last_start=last)


def states_finding(kept: Kept) -> Finding | None:
    """Whether the store lacks the state of a partition that the lake goes on with; None if it has them all."""
    trouble = missing_states(kept)
    return None if trouble is None else error("recovery.states", trouble.message, trouble.fix)


def dedup_finding(folder: RecoveryFolder, partitions: list[str], expected: bool) -> Finding | None:
    """The logs of remembered event ids; None when the pipeline removes no duplicates and there are none."""
    root = folder.path / "dedup"
    sizes = {
        path.name: sum(entry.stat().st_size for entry in path.iterdir() if entry.is_file())
        for path in (sorted(root.iterdir()) if root.is_dir() else [])
        if path.is_dir()
    }
    if not sizes and not (expected and partitions):
        return None
    check = "recovery.dedup"
    total = sum(sizes.values())
    details = {"bytes": sizes}
    missing = [name for name in partitions if expected and not folder.dedup_folder(name).is_dir()]
    if missing and folder.exists:
        return error(
            check,
            f"the remembered ids of {counted(len(missing), 'source partition')} are gone ({missing[0]} first): a "
            "repeat of one of them could not be told",
            "tidemill recover --from-lake reads them back from the source",
            missing=missing,
            **details,
        )
    told = f"remembered ids of {counted(len(sizes), 'source partition')} take {size(total)}"
    if not expected:
        return warning(
            check, f"{told}, and the pipeline removes no duplicates", f"delete {root} to free the space", **details
        )
    return ok(check, told, **details)
