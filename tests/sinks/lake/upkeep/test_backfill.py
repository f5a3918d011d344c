"""The commit of a backfill: once, and never without its files."""

from pathlib import Path

import pytest

from dataflow.errors import LakeError
from sinks.lake.catalog.backfills import Backfilled, backfills
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.staged import StagedFile
from sinks.lake.files import write_file
from sinks.lake.upkeep.backfill import add_backfill
from tests.sinks.lake.small import Clock, per_ad_row
from tests.sinks.lake.small_lake import SPECS, Lake


def marks(snapshot: int) -> list[Backfilled]:
    return [Backfilled("t/0", 0, 7, None, None, 0, 7, 0, 0, snapshot)]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake(tmp_path / "lake")
    made.run()
    return made


def staged(catalog: Catalog) -> StagedFile:
    import pyarrow as pa

    (spec,) = [spec for spec in SPECS if spec.name == "per_ad_delta"]
    rows = pa.Table.from_pylist([per_ad_row("a", 0, 5)], schema=spec.schema)
    return write_file(catalog.folder, catalog.tables()[spec.name], rows, "compact-ab.parquet")


def test_files_and_marks_come_in_one_snapshot_and_only_once(lake: Lake) -> None:
    catalog = Catalog.open(lake.folder)
    before = catalog.head().id
    file = staged(catalog)
    assert add_backfill(catalog, "per_ad", [file], marks, clock=Clock()) == before + 1
    assert backfills(catalog.connection) == {"per_ad": marks(before + 1)}
    assert lake.rows(
        "SELECT commit_message FROM ducklake_snapshot_changes WHERE snapshot_id = (SELECT max(snapshot_id)"
        " FROM ducklake_snapshot)"
    ) == [("backfill",)]
    with pytest.raises(LakeError, match=r"another backfill of per_ad has filled t/0 \[0, 7\) meanwhile"):
        add_backfill(catalog, "per_ad", [file], marks, clock=Clock())
    assert catalog.head().id == before + 1
    catalog.close()


def test_without_rows_only_the_marks_are_left(lake: Lake) -> None:
    catalog = Catalog.open(lake.folder)
    before = catalog.head().id
    assert add_backfill(catalog, "per_ad", [], marks, clock=Clock()) == before == catalog.head().id
    assert backfills(catalog.connection) == {"per_ad": marks(before)}
    catalog.close()


def test_a_file_that_a_run_took_for_a_leftover_makes_it_start_anew(lake: Lake) -> None:
    catalog = Catalog.open(lake.folder)
    file = staged(catalog)
    lake.run()
    assert add_backfill(catalog, "per_ad", [file], marks, clock=Clock()) is None
    assert backfills(catalog.connection) == {}
    catalog.close()
