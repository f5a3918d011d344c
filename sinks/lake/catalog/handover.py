"""Hand-overs in the catalog: which job on Flink fills the lake, and how far its topics are in it."""

import sqlite3
from typing import NamedTuple

from dataflow.errors import Fenced

_TABLE = """CREATE TABLE IF NOT EXISTS own_handover(
    job TEXT PRIMARY KEY, manifest TEXT NOT NULL, state TEXT NOT NULL, ended INTEGER NOT NULL
)"""


_FLINK, _ENDED = "flink:", "ended-"


def lineage_of(job: str) -> str:
    """The lineage under which a job's rows are published, as long as it fills the lake."""
    return f"{_FLINK}{job}"


def job_of(lineage: str) -> str | None:
    """The job whose lineage it is; None where Tidemill itself fills the lake, or is to."""
    return lineage.removeprefix(_FLINK) if lineage.startswith(_FLINK) else None


class Handed(NamedTuple):
    """A hand-over. `manifest`: of the job; `state`: how far its topics are in the lake, both as texts of their reader.

    `ended`: the lake has been handed back, and takes nothing more of the job.
    """

    job: str
    manifest: str
    state: str
    ended: bool


def handovers(connection: sqlite3.Connection) -> list[Handed]:
    """All of a lake, the oldest first."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'own_handover'").fetchone():
        return []
    rows = connection.execute("SELECT job, manifest, state, ended FROM own_handover ORDER BY rowid")
    return [Handed(job, manifest, state, bool(ended)) for job, manifest, state, ended in rows]


def open_handover(connection: sqlite3.Connection) -> Handed | None:
    """The one that goes on; None where Tidemill itself fills the lake."""
    return next((each for each in handovers(connection) if not each.ended), None)


def begin_handover(connection: sqlite3.Connection, pipeline: str, handed: Handed) -> None:
    """Inside a transaction: from here on the job fills the lake, and a run of Tidemill that goes on is fenced out."""
    connection.execute(_TABLE)
    connection.execute("INSERT INTO own_handover VALUES (?, ?, ?, ?)", handed)
    connection.execute(
        "UPDATE own_pipeline SET incarnation = incarnation + 1, lineage = ? WHERE name = ?",
        (lineage_of(handed.job), pipeline),
    )


def note_state(connection: sqlite3.Connection, job: str, before: str, state: str) -> None:
    """Inside the transaction that adds rows of the job's topics: how far these are in the lake with them.

    Raises Fenced unless they were as far as `before` says: somebody else has taken rows in, or handed the lake back.
    """
    found = connection.execute(
        "UPDATE own_handover SET state = ? WHERE job = ? AND state = ? AND ended = 0", (state, job, before)
    )
    if found.rowcount != 1:
        raise Fenced(
            f"another `tidemill flink ingest` has gone on with the job {job} meanwhile, or handed the lake back; this "
            "one has published nothing since. Start it again if the other one has ended"
        )


def end_handover(connection: sqlite3.Connection, job: str) -> None:
    """Inside a transaction: the lake takes nothing more of the job."""
    connection.execute("UPDATE own_handover SET ended = 1 WHERE job = ?", (job,))
    connection.execute(
        "UPDATE own_pipeline SET lineage = ? WHERE lineage = ?", (f"{_ENDED}{lineage_of(job)}", lineage_of(job))
    )
