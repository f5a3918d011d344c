"""The server resolves snapshots; while nothing changes it is the same object, which a child is not told twice."""

import pytest

from dataflow.errors import SnapshotExpired
from serve.sql.snapshots import Snapshots
from tests.query.lakes import LakeMaker, clicks, merge


def test_a_snapshot_is_resolved_once_while_it_is_the_same(lake: LakeMaker) -> None:
    snapshots = Snapshots(lake.folder)
    first = snapshots.resolve(None)
    assert snapshots.resolve(None) is first
    named = snapshots.resolve(str(first.snapshot.id))
    assert snapshots.resolve(str(first.snapshot.id)) is named
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 5)]})
    assert snapshots.resolve(None).snapshot.id == first.snapshot.id + 1
    assert snapshots.resolve(str(first.snapshot.id)) is named
    snapshots.close()


def test_files_are_looked_up_anew_and_a_newer_snapshot_takes_the_place_of_one_that_is_gone(lake: LakeMaker) -> None:
    snapshots = Snapshots(lake.folder)
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 5)]})
    old = snapshots.resolve(None)
    merge(lake.catalog, "ad_clicks_1m_delta")
    again = snapshots.again(None, old)
    assert (again.snapshot, again.files != old.files) == (old.snapshot, True)
    with lake.catalog.transaction() as connection:
        connection.execute("DELETE FROM ducklake_snapshot WHERE snapshot_id <= ?", (old.snapshot.id,))
    assert snapshots.again(None, old).snapshot.id > old.snapshot.id
    with pytest.raises(SnapshotExpired):
        snapshots.again(str(old.snapshot.id), old)
    snapshots.close()


def test_only_some_snapshots_are_remembered(lake: LakeMaker) -> None:
    snapshots = Snapshots(lake.folder)
    for number in range(1, 14):
        lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, number)]})
        snapshots.resolve(str(number))
    assert len(snapshots._known) == 8
    assert snapshots.place(snapshots.resolve(None)).folders[0].name == "main/"
    snapshots.close()
