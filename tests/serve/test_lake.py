"""The served lake: snapshots by number, where partitions stand, and lakes that come, go and are replaced."""

import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from dataflow.errors import ConfigError, LakeError, LakeMissing, QueryError
from serve.lake import LakeAt, ServedLake
from sinks.lake.catalog.sqlite import CATALOG_NAME
from tests.query.lakes import T0, LakeMaker, clicks, ledger
from tests.serve.served_lake import NOW, fill


def wait_until(done: Callable[[], bool]) -> None:
    for _ in range(6_000):
        if done():
            return
        time.sleep(0.005)
    raise AssertionError("it never came")


def served(folder: Path) -> ServedLake:
    return ServedLake(folder, None, lambda: NOW)


def test_it_is_the_newest_snapshot_until_another_is_asked_for(lake: LakeMaker) -> None:
    held = served(lake.folder)
    first = held.at()
    lake.commit({"ad_clicks_1m_delta": [clicks("z", 7, 4)]})
    assert (first.snapshot.id, held.at(newest=True).snapshot.id, held.at(2).snapshot.id) == (2, 3, 2)
    assert first.token == held.at("2").token != held.at().token
    held.close()


def test_what_is_shown_stays_one_object_while_nothing_is_committed(lake: LakeMaker) -> None:
    held = served(lake.folder)
    wait_until(lambda: held.held.rows > 0 and held.at().snapshot is held.at().snapshot)
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
        held.keep(held.at(newest=True))
    assert held.at(2).snapshot is not at.snapshot


def test_while_a_commit_is_made_ready_the_snapshot_before_is_shown_but_not_for_long(
    lake: LakeMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serve.lake.BEHIND_S", 300.0)
    held, gate, seen = served(lake.folder), threading.Event(), list[int]()
    wait_until(lambda: held.behind_s() < 300.0)

    def prepare(at: LakeAt) -> None:
        seen.append(at.snapshot.id)
        gate.wait(30)

    before = held.at(newest=True)
    held.ahead(prepare)
    lake.commit({"ad_clicks_1m_delta": [clicks("z", 7, 4)]})
    wait_until(lambda: bool(seen))
    assert held.at().snapshot.id == before.snapshot.id == 2
    monkeypatch.setattr("serve.lake.BEHIND_S", 0.01)
    time.sleep(0.02)
    assert held.at().snapshot.id == seen[0] == 3
    gate.set()
    held.close()


def test_who_wants_the_newest_gets_it_at_once(lake: LakeMaker) -> None:
    held, gate, waited = served(lake.folder), threading.Event(), list[bool]()
    held.at()
    held.ahead(lambda _: waited.append(gate.wait(30)))
    lake.commit({"ad_clicks_1m_delta": [clicks("z", 7, 4)]})
    assert held.at(newest=True).snapshot.id == 3
    # and nobody is shown an older one after it
    assert held.at().snapshot.id == 3
    gate.set()
    held.close()


def test_who_listens_hears_of_each_snapshot_once_it_is_shown(lake: LakeMaker) -> None:
    held = served(lake.folder)
    heard: queue.Queue[int] = queue.Queue()
    held.hear(lambda: heard.put(held.at().snapshot.id))
    lake.commit({"ad_clicks_1m_delta": [clicks("z", 7, 4)]})
    while heard.get(timeout=30) != 3:
        pass
    held.close()


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
    older = held.at(newest=True)
    assert (newer.snapshot.id, older.snapshot.id) == (3, 2)
    assert newer.token != older.token
    lake.commit({"ad_clicks_1m_delta": [clicks("z", 7, 5)]}, after_s=9)
    again = held.at(newest=True)
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
