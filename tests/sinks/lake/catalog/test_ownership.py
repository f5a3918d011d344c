"""What other DuckLake clients put into the lake is left alone: tables, views, snapshots, files of any name and type."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from dataflow.errors import ForeignLake
from sinks.lake.catalog.reader import live_files, open_readonly
from sinks.lake.tables.prepare import open_lake
from tests.ducklake_client import ducklake_query
from tests.sinks.lake.small import NOON, PER_AD, TOTAL, small_plan, writer_for
from tests.sinks.lake.small_lake import ROWS, Lake, clicks


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake(tmp_path / "lake")
    made.run(3)
    return made


@pytest.mark.ducklake
def test_a_table_of_the_same_name_in_another_schema_is_neither_written_nor_cleaned(lake: Lake) -> None:
    lake.theirs(
        "CREATE SCHEMA lake.archive",
        "CALL lake.set_option('data_inlining_row_limit', 0)",
        "CREATE TABLE lake.archive.events AS SELECT * FROM lake.main.events",
        "CREATE TABLE lake.archive.per_ad_delta AS SELECT * FROM lake.main.per_ad_delta",
        "CREATE VIEW lake.archive.per_ad AS SELECT 42 AS clicks",
    )
    files = {path.name for path in (lake.folder / "main").rglob("*.parquet")}
    lake.run(2)
    assert files <= {path.name for path in (lake.folder / "main").rglob("*.parquet")}
    lake.clean()
    questions = [
        f'SELECT count(*) FROM lake.main.events WHERE "offset" < {5 * ROWS}',
        'SELECT count(*), max("offset") FROM lake.archive.events',
        "SELECT sum(clicks) FROM lake.main.per_ad_delta",
        "SELECT sum(clicks) FROM lake.archive.per_ad_delta",
        "SELECT * FROM lake.archive.per_ad",
        "SELECT sum(clicks) FROM lake.main.per_ad",
    ]
    counts = [[5 * ROWS]], [[3 * ROWS, 3 * ROWS - 1]]
    assert ducklake_query(lake.folder, questions) == [*counts, [[clicks(5)]], [[clicks(3)]], [[42]], [[clicks(5)]]]
    with open_readonly(lake.folder) as reader:
        assert "WITH frontier" in reader.views(reader.latest().id)["per_ad"].sql
        assert {table.id for table in reader.tables(reader.latest().id).values()} == set(range(1, 10))
    assert live_files(lake.folder)["events"] == 5


@pytest.mark.ducklake
def test_compaction_leaves_tables_alone_that_no_pipeline_made(lake: Lake) -> None:
    values = (
        "TIMESTAMPTZ '2026-01-02 03:04:05.678+00' AS tz, '2026-01-02 03:04:05'::TIMESTAMP_S AS s,"
        " '2026-01-02 03:04:05.678'::TIMESTAMP_MS AS ms, '2026-01-02 03:04:05.678901234'::TIMESTAMP_NS AS ns,"
        " INTERVAL 3 DAY AS iv, {'a': 1, 'b': ['x']} AS st, MAP {'k': 1.5} AS m,"
        " '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::UUID AS u, '{\"a\": 1}'::JSON AS j"
    )
    inserts = [f"INSERT INTO lake.main.notes SELECT {number} AS n, {values}" for number in range(12)]
    lake.theirs(
        "CALL lake.set_option('data_inlining_row_limit', 0)",
        f"CREATE TABLE lake.main.notes AS SELECT -1 AS n, {values}",
        *inserts,
        "DELETE FROM lake.main.notes WHERE n = 3",
    )
    questions = [
        "SELECT COLUMNS(*)::VARCHAR FROM lake.main.notes ORDER BY n",
        "SELECT count(*) FROM lake.main.notes WHERE tz = TIMESTAMPTZ '2026-01-02 03:04:05.678+00'"
        " AND s < '2026-01-03'::TIMESTAMP_S AND ms > '2026-01-01'::TIMESTAMP_MS",
    ]
    before = ducklake_query(lake.folder, questions)
    assert before[1] == [[12]]
    files = lake.rows(
        "SELECT f.* FROM ducklake_data_file f JOIN ducklake_table t USING (table_id) WHERE table_name = 'notes'"
    )
    lake.run(9)
    assert lake.compact().files["events"] == 1
    lake.clean()
    assert (
        lake.rows(
            "SELECT f.* FROM ducklake_data_file f JOIN ducklake_table t USING (table_id) WHERE table_name = 'notes'"
        )
        == files
    )
    assert ducklake_query(lake.folder, questions) == before


@pytest.mark.ducklake
def test_a_file_that_another_client_has_listed_for_deletion_is_that_clients(lake: Lake) -> None:
    lake.theirs(
        "CALL lake.set_option('data_inlining_row_limit', 0)",
        "CREATE TABLE lake.main.notes AS SELECT 1 AS n",
        "INSERT INTO lake.main.notes VALUES (2)",
        "CALL ducklake_merge_adjacent_files('lake')",
    )
    waiting = "SELECT path FROM ducklake_files_scheduled_for_deletion WHERE path LIKE 'main/notes/%'"
    before = lake.rows(waiting)
    assert len(before) == 2
    lake.clean()
    assert lake.rows(waiting) == before
    assert len(list((lake.folder / "main" / "notes").iterdir())) == 3
    lake.theirs("CALL ducklake_cleanup_old_files('lake', cleanup_all => true)")
    assert ducklake_query(lake.folder, ["SELECT sum(n) FROM lake.main.notes"]) == [[[3]]]


@pytest.mark.ducklake
def test_snapshots_of_other_clients_are_not_thinned_out(lake: Lake) -> None:
    lake.theirs(
        "CREATE TABLE lake.main.notes(n INTEGER)", *(f"INSERT INTO lake.main.notes VALUES ({n})" for n in range(5))
    )
    theirs = lake.rows("SELECT snapshot_id FROM ducklake_snapshot ORDER BY 1")[-6:]
    lake.run(2)
    lake.clock.now = NOON + timedelta(days=3000)
    lake.compact(keep=timedelta(days=9000))
    assert set(theirs) <= set(lake.rows("SELECT snapshot_id FROM ducklake_snapshot"))
    versions = [f"SELECT count(*) FROM lake.main.notes AT (VERSION => {number})" for (number,) in theirs]
    assert ducklake_query(lake.folder, versions) == [[[count]] for count in range(6)]


@pytest.mark.ducklake
@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("CREATE TABLE lake.main.total_delta AS SELECT 1 AS n", "main.total_delta.*a table that another client made"),
        ("CREATE TABLE lake.main.TOTAL_DELTA(n INTEGER)", "main.TOTAL_DELTA.*a table that another client made"),
        ("CREATE VIEW lake.main.total AS SELECT 1 AS n", "main.total.*a view that another client made"),
        ("CREATE TABLE lake.main.total AS SELECT 1 AS n", "main.total.*a table that another client made"),
    ],
)
def test_a_name_that_another_client_took_is_refused_before_anything_is_written(
    tmp_path: Path, sql: str, words: str
) -> None:
    folder = tmp_path / "lake"
    writer_for(folder, small_plan([PER_AD])).close()
    ducklake_query(folder, [sql], writable=True)
    before = (folder / "catalog.sqlite").read_bytes()
    with pytest.raises(ForeignLake, match=words) as refused:
        open_lake(folder, small_plan([PER_AD, TOTAL]), NOON)
    assert "RENAME TO" in str(refused.value)
    assert (folder / "catalog.sqlite").read_bytes() == before
    open_lake(folder, small_plan([PER_AD]), NOON).close()


@pytest.mark.ducklake
def test_a_view_put_in_the_place_of_ours_is_refused_and_not_dropped(lake: Lake) -> None:
    lake.theirs("CREATE OR REPLACE VIEW lake.main.per_ad AS SELECT 42 AS clicks")
    with pytest.raises(ForeignLake, match=r"main.per_ad.*a view that another client made"):
        lake.run()
    assert ducklake_query(lake.folder, ["SELECT * FROM lake.main.per_ad"]) == [[[42]]]
    lake.theirs("DROP VIEW lake.main.per_ad")
    lake.run()
    assert ducklake_query(lake.folder, ["SELECT sum(clicks) FROM lake.main.per_ad"]) == [[[clicks(4)]]]


@pytest.mark.ducklake
def test_a_table_of_ours_that_was_renamed_is_asked_back(lake: Lake) -> None:
    lake.theirs("ALTER TABLE lake.main.per_ad_delta RENAME TO old_delta")
    with pytest.raises(ForeignLake, match=r"main.per_ad_delta.*now called old_delta.*RENAME TO per_ad_delta"):
        lake.run()
    lake.theirs("ALTER TABLE lake.main.old_delta RENAME TO per_ad_delta")
    lake.run()


@pytest.mark.ducklake
def test_a_lake_made_before_ownership_was_written_down_knows_its_own(lake: Lake) -> None:
    lake.theirs("CREATE TABLE lake.main.notes AS SELECT 1 AS n", "CREATE VIEW lake.main.visits2 AS SELECT 1 AS n")
    lake.clean()
    known = lake.rows("SELECT * FROM own_object ORDER BY 1")
    assert len(known) == 12
    with sqlite3.connect(lake.folder / "catalog.sqlite") as connection:
        connection.execute("DROP TABLE own_object")
        connection.execute("DROP TABLE own_format")
    with open_readonly(lake.folder) as reader:
        assert {table.id for table in reader.tables(reader.latest().id).values()} == set(range(1, 10))
        assert set(reader.views(reader.latest().id)) == {"per_ad", "visits", "total"}
    lake.run()
    assert lake.rows("SELECT * FROM own_object ORDER BY 1") == known
