"""Recovery store and lake: when they belong together, and the way out when they do not."""

import sqlite3
from pathlib import Path

import pytest

from dataflow.errors import RecoveryError
from sinks.lake.agreement import agree, shared_lineage
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.handover import lineage_of
from sinks.lake.writer import commit
from tests.sinks.lake.small import parcel, small_plan, writer_for


class Folder:
    """A recovery folder, as far as the lake knows it."""

    def __init__(self, path: Path, lineage: str = "store-1", *, exists: bool = True, snapshots: int = 0) -> None:
        self.path, self.lineage, self.exists, self.made = path, lineage, exists, 0
        path.mkdir(parents=True)
        store = sqlite3.connect(path / "part-0.sqlite3")
        with store:
            store.execute("CREATE TABLE snaps (n)")
            store.executemany("INSERT INTO snaps VALUES (?)", [(n,) for n in range(snapshots)])
        store.close()

    def create(self) -> str:
        self.made += 1
        return "new"


def test_a_new_lake_and_no_store_have_no_lineage_yet(tmp_path: Path) -> None:
    assert shared_lineage(None, 0, Folder(tmp_path / "r", exists=False), tmp_path) is None


def test_a_new_lake_takes_an_empty_store(tmp_path: Path) -> None:
    assert shared_lineage(None, 0, Folder(tmp_path / "r"), tmp_path) == "store-1"


def test_a_lake_goes_on_with_the_store_that_filled_it(tmp_path: Path) -> None:
    assert shared_lineage("store-1", 2, Folder(tmp_path / "r", snapshots=3), tmp_path) == "store-1"


def test_a_lake_with_data_and_no_store_is_refused_with_both_ways_out(tmp_path: Path) -> None:
    with pytest.raises(RecoveryError, match="data of 2 source partitions") as told:
        shared_lineage("store-1", 2, Folder(tmp_path / "r", exists=False), tmp_path)
    assert "--recovery" in str(told.value)
    assert "tidemill recover --from-lake" in str(told.value)


def test_a_lake_that_a_job_on_flink_fills_is_refused_with_the_way_back(tmp_path: Path) -> None:
    for exists in (True, False):
        with pytest.raises(RecoveryError, match="is handed over to the Flink job ads-1: end that job") as told:
            shared_lineage(lineage_of("ads-1"), 2, Folder(tmp_path / f"r{exists}", exists=exists), tmp_path)
        assert "--hand-back" in str(told.value)


def test_the_store_of_another_lake_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecoveryError, match="is not the one that filled the lake"):
        shared_lineage("store-2", 2, Folder(tmp_path / "r"), tmp_path)


def test_a_used_store_beside_a_new_lake_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecoveryError, match="has state of another lake"):
        shared_lineage(None, 0, Folder(tmp_path / "r", snapshots=1), tmp_path)


def test_a_store_is_made_beside_an_empty_lake_alone(tmp_path: Path) -> None:
    plan = small_plan()
    writer = writer_for(tmp_path / "lake", plan)
    catalog = Catalog.open(tmp_path / "lake")
    folder = Folder(tmp_path / "r", exists=False)
    connection = catalog.connection
    connection.execute("UPDATE own_pipeline SET lineage = NULL")
    assert (agree(catalog, plan.name, folder), folder.made) == ("new", 1)
    commit(writer, [parcel(plan, 0, 0, 1)], 1)
    with pytest.raises(RecoveryError):
        agree(catalog, plan.name, folder)
    assert folder.made == 1
    catalog.close()
    writer.close()
