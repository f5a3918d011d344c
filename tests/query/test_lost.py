"""What the ledger tells of lost offsets, also where it is older than they are."""

from pathlib import Path

import pytest

from query.lost import LostRange, lost_ranges, lost_sql, tells_lost
from query.reader import LakeReader
from query.snapshots import list_snapshots
from sinks.lake.catalog.reader import CatalogReader
from tests.query.lakes import T0, LakeMaker, ledger


def test_lost_ranges_are_told_by_source_partition_and_offset(tmp_path: Path) -> None:
    gap = {"read": 0, "accepted": 0}
    with LakeMaker(tmp_path / "lake") as lake, LakeReader(lake.folder) as reader:
        lake.commit({"ledger": [ledger("b/0", 0, 5, T0)]})
        assert (lost_ranges(reader.snapshot()), lost_sql(reader.snapshot())) == ([], "coalesce(lost, 0)")
        lake.commit({"ledger": [ledger("b/0", 5, 9, T0, lost=4, **gap), ledger("b/0", 9, 12, T0)]})
        at = lake.clock.replace(tzinfo=None)
        lake.commit({"ledger": [ledger("a/0", 7, 8, T0, lost=1, **gap)]})
        last = lake.clock.replace(tzinfo=None)
        found = lost_ranges(reader.snapshot())
        # what was lost was not read
        offsets = [line.offsets for line in list_snapshots(reader)[:2]]
    assert found == [LostRange("a/0", 7, 8, last), LostRange("b/0", 5, 9, at)]
    assert offsets == [{}, {"b/0": (9, 12)}]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A lake whose ledger has no such column."""
    with LakeMaker(tmp_path / "lake") as lake:
        lake.commit({"ledger": [ledger("b/0", 0, 5, T0)]})
        with lake.catalog.transaction() as connection:
            connection.execute("DELETE FROM ducklake_column WHERE column_name = 'lost'")
    return tmp_path / "lake"


def test_an_older_ledger_tells_of_none(old: Path) -> None:
    with CatalogReader(old) as catalog:
        assert catalog.tables(catalog.latest().id)["ledger"].column("lost") is None
    with LakeReader(old) as reader:
        snapshot = reader.snapshot()
        assert not tells_lost(snapshot)
        assert (lost_ranges(snapshot), lost_sql(snapshot)) == ([], "0")
        assert list_snapshots(reader)[0].offsets == {"b/0": (0, 5)}
