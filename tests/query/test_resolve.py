"""What a lake holds at one snapshot, resolved once for all that ask."""

import shutil
from pathlib import Path

import pytest

from dataflow.errors import LakeError, LakeMissing, QueryError, SnapshotExpired
from query.reader import LakeReader
from query.resolve import FINAL, Resolver
from tests.query.lakes import LakeMaker, clicks, ledger

TABLE = "ad_clicks_1m_delta"


def test_a_snapshot_has_its_tables_views_and_the_files_it_sees(lake: LakeMaker) -> None:
    first = lake.commit({TABLE: [clicks("a", 0, 1)]})
    lake.commit({TABLE: [clicks("a", 1, 1)]})
    resolver = Resolver(lake.folder)
    assert len(resolver.resolve(None).files[TABLE]) == 2
    then = resolver.resolve(first)
    assert (then.snapshot.id, len(then.files[TABLE]), then.files["ledger"]) == (first, 1, [])
    assert "ad_clicks_1m" in then.views
    assert (then.foreign, dict(then.others)) == (frozenset(), {})
    resolver.close()


def test_what_is_known_already_is_given_back_until_something_is_committed(lake: LakeMaker) -> None:
    resolver = Resolver(lake.folder)
    known = resolver.resolve(None)
    assert resolver.resolve(None, known) is known
    lake.commit({TABLE: [clicks("a", 0, 1)]})
    assert resolver.resolve(None, known) is not known
    resolver.close()


def test_tables_are_read_once_per_version_of_the_schema(lake: LakeMaker) -> None:
    resolver = Resolver(lake.folder)
    before = resolver.resolve(None)
    lake.commit({TABLE: [clicks("a", 0, 1)]})
    after = resolver.resolve(None)
    assert after.tables is before.tables
    resolver.close()


def test_a_ledger_that_an_earlier_version_made_has_no_row_that_is_final(lake: LakeMaker) -> None:
    lake.commit({"ledger": [ledger("p", 0, 1, None, finished=True, final=True)]})
    sql = "SELECT finished, final FROM ledger"
    with LakeReader(lake.folder) as reader:
        assert reader.query(sql).to_pylist() == [{"finished": True, "final": True}]
    # what such a catalog lacks; then the field in the file means nothing
    lake.catalog.connection.execute("DELETE FROM ducklake_column WHERE column_name = 'final'")
    with LakeReader(lake.folder) as reader:
        assert reader.snapshot().tables["ledger"].column("final") == FINAL
        assert reader.query(sql).to_pylist() == [{"finished": True, "final": None}]
        assert reader.snapshot().query("SELECT final FROM ledger_history", histories=["ledger"]).num_rows == 1


def test_a_snapshot_that_is_not_there_is_refused(lake: LakeMaker) -> None:
    resolver = Resolver(lake.folder)
    with pytest.raises(LakeError, match="no snapshot 99"):
        resolver.resolve(99)
    resolver.close()


def test_a_snapshot_that_expired_is_not_looked_up_again(lake: LakeMaker) -> None:
    lake.commit({TABLE: [clicks("a", 0, 1)]})
    resolver = Resolver(lake.folder)
    known = resolver.resolve(None)
    assert resolver.resolve_again(known) == known
    lake.commit({TABLE: [clicks("a", 1, 1)]})
    lake.catalog.connection.execute("DELETE FROM ducklake_snapshot WHERE snapshot_id = ?", (known.snapshot.id,))
    with pytest.raises(SnapshotExpired, match="has been expired meanwhile"):
        resolver.resolve_again(known)
    resolver.close()


def test_another_lake_at_the_same_place_is_another_lake(tmp_path: Path) -> None:
    for name in ("lake", "other"):
        with LakeMaker(tmp_path / name) as maker:
            maker.commit({TABLE: [clicks("a", 0, 1)]})
    resolver = Resolver(tmp_path / "lake")
    known = resolver.resolve(None)
    handle = resolver.catalog()
    assert resolver.catalog() is handle
    shutil.rmtree(tmp_path / "lake")
    with pytest.raises(LakeMissing):
        resolver.resolve(None)
    (tmp_path / "other").rename(tmp_path / "lake")
    assert resolver.catalog() is not handle
    assert resolver.resolve(None, known).lake != known.lake
    with pytest.raises(SnapshotExpired, match="another lake has come"):
        resolver.resolve_again(known)
    resolver.close()


def test_files_come_with_the_bounds_of_a_column_that_the_table_has(lake: LakeMaker) -> None:
    lake.commit({TABLE: [clicks("a", 0, 1), clicks("b", 0, 9)]})
    resolver = Resolver(lake.folder)
    known = resolver.resolve(None)
    (file,) = resolver.files_with_bounds(known, known.tables[TABLE], "clicks")
    assert (file.bounds["clicks"].low, file.bounds["clicks"].high) == (1, 9)
    with pytest.raises(QueryError, match=f"table {TABLE} has no column nope"):
        resolver.files_with_bounds(known, known.tables[TABLE], "nope")
    resolver.close()


def test_handles_are_opened_anew_after_a_close(lake: LakeMaker) -> None:
    resolver = Resolver(lake.folder)
    resolver.catalog()
    resolver.close()
    assert resolver.resolve(None).snapshot == resolver.catalog().latest()
    resolver.close()
