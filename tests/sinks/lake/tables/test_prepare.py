"""From a plan to a lake with its tables and views: made anew, or brought up to date; or refused."""

import dataclasses
import shutil
import sqlite3
from pathlib import Path

import pytest
from pydantic import BaseModel

from dataflow import EventTime, Rollup
from dataflow import aggregates as agg
from dataflow.errors import ForeignLake, LakeError
from dataflow.windows import tumble
from sinks.lake.catalog.catalog import Catalog, data_path
from sinks.lake.catalog.reader import open_readonly
from sinks.lake.tables.prepare import create_lake, open_lake
from sinks.lake.writer import commit
from tests.sinks.lake.reading import lake_connection, rows_of
from tests.sinks.lake.small import NOON, PER_AD, TOTAL, VISITS, Click, event_row, parcel, small_plan, writer_for

PLAN = small_plan()


def test_a_new_lake_holds_all_tables_and_views(tmp_path: Path) -> None:
    create_lake(tmp_path / "a" / "lake", PLAN, NOON).close()
    with open_readonly(tmp_path / "a" / "lake") as reader:
        at = reader.latest().id
        assert {"events", "ledger", "late_events", "dead_letters", "per_ad_delta"} <= set(reader.tables(at))
        assert set(reader.views(at)) == {"per_ad", "visits", "total"}
        kmv = reader.tables(at)["per_ad_delta"].column("users_kmv")
        assert kmv is not None
        assert (kmv.duckdb, kmv.element_id) == ("BIGINT[]", kmv.id + 1)


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    create_lake(tmp_path, PLAN, NOON).close()
    open_lake(tmp_path, PLAN, NOON).close()
    with open_readonly(tmp_path) as reader:
        assert reader.latest().id == 1


def test_a_lake_of_another_pipeline_is_refused(tmp_path: Path) -> None:
    create_lake(tmp_path, PLAN, NOON).close()
    with pytest.raises(ForeignLake, match="'small', not of 'big'"):
        open_lake(tmp_path, dataclasses.replace(PLAN, name="big"), NOON)


def test_a_crash_between_catalog_and_tables_is_mended(tmp_path: Path) -> None:
    Catalog.create(tmp_path, NOON).close()
    commit(writer_for(tmp_path, PLAN), [parcel(PLAN, 0, 0, 3)], 1)
    assert len(rows_of(tmp_path, "ledger")) == 1


def test_a_crash_in_the_first_transaction_is_mended(tmp_path: Path) -> None:
    blank = sqlite3.connect(tmp_path / "catalog.sqlite")
    blank.execute("PRAGMA journal_mode=WAL")
    blank.close()
    assert (tmp_path / "catalog.sqlite").stat().st_size > 0
    open_lake(tmp_path, PLAN, NOON).close()
    open_lake(tmp_path, PLAN, NOON).close()


def test_a_moved_lake_is_corrected_on_open(tmp_path: Path) -> None:
    create_lake(tmp_path / "old", PLAN, NOON).close()
    shutil.move(tmp_path / "old", tmp_path / "new")
    open_lake(tmp_path / "new", PLAN, NOON).close()
    with open_readonly(tmp_path / "new") as reader:
        row = reader.connection.execute("SELECT value FROM ducklake_metadata WHERE \"key\" = 'data_path'").fetchone()
    assert row == (data_path(tmp_path / "new"),)


def test_a_new_rollup_brings_tables_a_view_and_ledger_columns(tmp_path: Path) -> None:
    before = small_plan(rollups=[PER_AD])
    writer = writer_for(tmp_path, before)
    commit(writer, [parcel(before, 0, 0, 3)], 1)
    after = small_plan(rollups=[PER_AD, TOTAL])
    writer = writer_for(tmp_path, after)
    commit(writer, [parcel(after, 0, 3, 5)], 1_001)
    with lake_connection(tmp_path) as connection:
        rows = connection.execute("SELECT start_offset, total_counted FROM ledger ORDER BY 1").fetchall()
        assert connection.execute("SELECT * FROM total").fetchall() == []
    assert rows == [(0, None), (3, 2)]


def test_a_removed_rollup_keeps_its_tables(tmp_path: Path) -> None:
    commit(writer_for(tmp_path, PLAN), [parcel(PLAN, 0, 0, 3)], 1)
    rest = small_plan(rollups=[PER_AD])
    commit(writer_for(tmp_path, rest), [parcel(rest, 0, 3, 5)], 2)
    commit(writer_for(tmp_path, PLAN), [parcel(PLAN, 0, 5, 6)], 3)
    assert [row.get("total_counted") for row in rows_of(tmp_path, "ledger")] == [3, None, 1]


class Richer(Click):
    country: str | None = None


class Poorer(BaseModel):
    ad: int | None = None
    time: EventTime


def test_a_new_event_column_is_added_as_null(tmp_path: Path) -> None:
    commit(writer_for(tmp_path, PLAN), [parcel(PLAN, 0, 0, 1, tables={"events": [event_row(0)]})], 1)
    richer = small_plan(event=Richer)
    row = {**event_row(1), "country": "NZ"}
    commit(writer_for(tmp_path, richer), [parcel(richer, 0, 1, 2, tables={"events": [row]})], 2)
    with lake_connection(tmp_path) as connection:
        assert connection.execute('SELECT "offset", country FROM events ORDER BY 1').fetchall() == [
            (0, None),
            (1, "NZ"),
        ]


def changed(rollup: Rollup, **changes: object) -> Rollup:
    return dataclasses.replace(rollup, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rollup", "named"),
    [
        (changed(TOTAL, window=tumble("2h")), "rollup total: window was tumble 1h and is tumble 2h"),
        (changed(TOTAL, keys=["user"]), "rollup total: keys was none and is user int64"),
        (changed(TOTAL, where="user > 1"), 'rollup total: where was all and is "user" > 1'),
        (
            changed(TOTAL, aggregates={"clicks": agg.count("user")}),
            "rollup total: aggregate clicks was count(*) and is count(user)",
        ),
    ],
)
def test_a_changed_definition_is_refused_by_name(tmp_path: Path, rollup: Rollup, named: str) -> None:
    create_lake(tmp_path, PLAN, NOON).close()
    with pytest.raises(LakeError, match="another definition") as caught:
        open_lake(tmp_path, small_plan(rollups=[PER_AD, VISITS, rollup]), NOON)
    assert named in str(caught.value)
    assert "new lake" in str(caught.value)


def test_a_changed_idle_timeout_only_changes_the_views(tmp_path: Path) -> None:
    create_lake(tmp_path, PLAN, NOON).close()
    open_lake(tmp_path, small_plan(idle_timeout="77s"), NOON).close()
    with open_readonly(tmp_path) as reader:
        assert "77000000" in reader.views(reader.latest().id)["total"].sql
        assert "30000000" in reader.views(reader.latest().id - 1)["total"].sql


def test_other_rules_are_followed_by_the_views_and_lines_that_tell_none_keep_the_first(tmp_path: Path) -> None:
    create_lake(tmp_path, PLAN, NOON).close()
    late = changed(TOTAL, allowed_lateness="7s")
    other = small_plan(rollups=[PER_AD, VISITS, late], out_of_orderness="6s")
    for _ in range(2):
        open_lake(tmp_path, other, NOON).close()
        with open_readonly(tmp_path) as reader:
            sql = reader.views(reader.latest().id)["total"].sql
        assert "HUGEINT - 1 + 7000 AS is_final" in sql
        assert "max_event_time::HUGEINT - 5000" in sql


def test_a_column_that_changes_its_type_is_refused(tmp_path: Path) -> None:
    rollup = Rollup("hourly", keys=[], window=tumble("1h"), aggregates={"clicks": agg.count()})
    create_lake(tmp_path, small_plan(rollups=[rollup]), NOON).close()
    with pytest.raises(LakeError, match="column ad was string and is int64"):
        open_lake(tmp_path, small_plan(rollups=[rollup], event=Poorer), NOON)
