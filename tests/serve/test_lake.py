"""The served lake: snapshots by number, where partitions stand, and lakes that come, go and are replaced."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from dataflow.errors import ConfigError, LakeError, LakeMissing, QueryError
from serve.lake import ServedLake
from sinks.lake.catalog.sqlite import CATALOG_NAME
from tests.query.lakes import T0, LakeMaker, clicks, ledger
from tests.serve.served_lake import NOW, fill


def served(folder: Path) -> ServedLake:
    return ServedLake(folder, None, lambda: NOW)


def test_it_is_the_newest_snapshot_until_another_is_asked_for(lake: LakeMaker) -> None:
    held = served(lake.folder)
    first = held.at()
    lake.commit({"ad_clicks_1m_delta": [clicks("z", 7, 4)]})
    assert (first.snapshot.id, held.at().snapshot.id, held.at(2).snapshot.id) == (2, 3, 2)
    assert first.token == held.at("2").token != held.at().token
    assert held.at().snapshot is held.at().snapshot
    with pytest.raises(LakeError, match="no snapshot 9"):
        held.at(9)
    with pytest.raises(QueryError, match="is no time"):
        held.at("soon")
    held.close()


def test_a_snapshot_that_is_kept_needs_no_looking_up(lake: LakeMaker) -> None:
    held = served(lake.folder)
    at = held.at()
    held.keep(at)
    lake.commit({"ad_clicks_1m_delta": [clicks("z", 7, 4)]})
    assert held.at(2).snapshot is at.snapshot
    for _ in range(20):
        lake.commit({"ad_clicks_1m_delta": [clicks("z", 7, 4)]})
        held.keep(held.at())
    assert held.at(2).snapshot is not at.snapshot


def test_it_tells_where_partitions_stand_and_who_decides(lake: LakeMaker) -> None:
    lake.commit({"ledger": [ledger("clicks/1", 0, 50, T0)]})
    at = served(lake.folder).at()
    assert [(place.name, place.end_offset) for place in at.places] == [("clicks/0", 100), ("clicks/1", 50)]
    assert at.active() == (True, True)
    assert at.frontier_ms() == int(T0.timestamp() * 1000) - 5_000


def test_a_lake_may_come_later_and_a_place_without_one_is_no_lake(tmp_path: Path) -> None:
    held = served(tmp_path / "lake")
    with pytest.raises(LakeMissing):
        held.at()
    with LakeMaker(tmp_path / "lake") as lake:
        fill(lake)
    assert held.at().snapshot.id == 2


def copy(source: Path, target: Path) -> None:
    """What SQLite's own backup and restore do; the file stays the same one."""
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


def test_a_catalog_that_is_put_back_where_it_lies_is_read_as_it_is(lake: LakeMaker, tmp_path: Path) -> None:
    catalog, backup = lake.folder / CATALOG_NAME, tmp_path / "backup.sqlite"
    copy(catalog, backup)
    lake.commit({"ad_clicks_1m_delta": [clicks("z", 7, 4)]}, after_s=900)
    held = served(lake.folder)
    newer = held.at()
    copy(backup, catalog)
    older = held.at()
    assert (newer.snapshot.id, older.snapshot.id) == (3, 2)
    assert newer.token != older.token
    lake.commit({"ad_clicks_1m_delta": [clicks("z", 7, 5)]}, after_s=9)
    again = held.at()
    assert (again.snapshot.id, again.token == newer.token) == (3, False)
    assert again.snapshot.query("SELECT clicks FROM ad_clicks_1m WHERE ad_id = 'z'").to_pylist() == [{"clicks": 5}]


def test_zones_are_known_by_the_names_of_the_engine(lake: LakeMaker) -> None:
    held = served(lake.folder)
    assert held.zone("europe/amsterdam") == held.zone("europe/amsterdam") == "Europe/Amsterdam"
    with pytest.raises(ConfigError, match="did you mean Europe/Amsterdam"):
        held.zone("Europe/Amsterdm")


def test_columns_have_the_names_of_types_that_the_engine_gives(lake: LakeMaker) -> None:
    at = served(lake.folder).at()
    assert at.types("ad_clicks_1m")["spend"] == "DECIMAL(38,6)"
    assert at.types("ad_clicks_1m") is at.types("ad_clicks_1m")
