"""Do the recovery store and the lake belong together? Asked before any data moves."""

import sqlite3
from pathlib import Path
from typing import Protocol

from dataflow.errors import RecoveryError
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.handover import job_of


class Store(Protocol):
    """The recovery folder, as far as the lake needs to know it."""

    path: Path

    @property
    def exists(self) -> bool:
        """True when a store has been made here."""
        ...

    @property
    def lineage(self) -> str:
        """Identity of the store."""
        ...

    def create(self) -> str:
        """Make an empty store; returns its lineage."""
        ...


def agree(catalog: Catalog, pipeline: str, store: Store) -> str:
    """The lineage under which this run may publish; makes an empty store beside an empty lake.

    Raises RecoveryError, with the way out, when one of the two is lost, restored or somebody else's: going on
    would count records twice or leave some out.
    """
    lineage = agreed(catalog, pipeline, store)
    return store.create() if lineage is None else lineage


def agreed(catalog: Catalog, pipeline: str, store: Store) -> str | None:
    """The same without making anything; None when both are new."""
    row = catalog.one("SELECT lineage FROM own_pipeline WHERE name = ?", pipeline)
    return shared_lineage(row[0] if row else None, len(catalog.offsets()), store, catalog.folder)


def require_own(catalog: Catalog, pipeline: str) -> None:
    """Raise RecoveryError while a job on Flink fills the lake: what it has counted would count twice."""
    row = catalog.one("SELECT lineage FROM own_pipeline WHERE name = ?", pipeline)
    if row is not None:
        _require_own(row[0], catalog.folder)


def _require_own(lineage: str | None, lake: Path) -> None:
    job = None if lineage is None else job_of(lineage)
    if job is not None:
        raise RecoveryError(
            f"the lake {lake} is handed over to the Flink job {job}: end that job, take the rest of it in with "
            "`tidemill flink ingest --hand-back`, then `tidemill recover --from-lake`"
        )


def shared_lineage(known: str | None, partitions: int, store: Store, lake: Path) -> str | None:
    """The lineage of a lake and its store; None when both are new. Only looks.

    `known` is the lineage that the lake was filled under last, `partitions` the number of its source partitions.
    Raises RecoveryError as `agree` does.
    """
    _require_own(known, lake)
    if not store.exists:
        if partitions:
            raise RecoveryError(
                f"the lake {lake} holds data of {partitions} source partitions, but there is no recovery "
                f"folder at {store.path}: name the folder of the lake's last run with --recovery, or, if it is lost, "
                "take over from what the lake knows with `tidemill recover --from-lake`"
            )
        return None
    lineage = store.lineage
    if known is not None and known != lineage:
        raise RecoveryError(
            f"the recovery folder {store.path} is not the one that filled the lake {lake} last: name that "
            "one with --recovery, or take over from what the lake knows with `tidemill recover --from-lake`"
        )
    if known is None and _was_used(store.path):
        raise RecoveryError(
            f"the recovery folder {store.path} has state of another lake, and {lake} is new: to read "
            "everything again give it a new folder with --recovery; to go on, name the old lake with --lake"
        )
    return lineage


def _was_used(folder: Path) -> bool:
    connection = sqlite3.connect(f"file:{folder / 'part-0.sqlite3'}?mode=ro", uri=True)
    try:
        return bool(connection.execute("SELECT EXISTS (SELECT 1 FROM snaps)").fetchone()[0])
    finally:
        connection.close()
