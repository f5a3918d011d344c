"""What other DuckLake clients put beside our tables can be asked where plain files tell it, and never disturbs ours."""

from pathlib import Path

import pytest

from dataflow.errors import QueryError
from proof.dump import dump
from query.reader import LakeReader
from query.snapshots import list_snapshots
from tests.ducklake_client import ducklake_query
from tests.query.lakes import LakeMaker, clicks, ledger

pytestmark = pytest.mark.ducklake

_VALUES = (
    "1::TINYINT AS i8, -2::SMALLINT AS i16, 3 AS i32, 4::BIGINT AS i64, 5::UTINYINT AS u8, 6::USMALLINT AS u16,"
    " 7::UINTEGER AS u32, 8::UBIGINT AS u64, 1.5::FLOAT AS f32, 2.5::DOUBLE AS f64, 1.25::DECIMAL(5, 2) AS money,"
    " 'x' AS text, DATE '2026-01-02' AS day, TIME '03:04:05.678' AS clock,"
    " TIMESTAMP '2026-01-02 03:04:05.678901' AS us,"
    " '2026-01-02 03:04:05'::TIMESTAMP_S AS s, '2026-01-02 03:04:05.678'::TIMESTAMP_MS AS ms, true AS flag,"
    " '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::UUID AS id, [1, 2] AS list, 'ab'::BLOB AS bytes"
)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    with LakeMaker(tmp_path / "lake") as maker:
        maker.commit({"ad_clicks_1m_delta": [clicks("a", 0, 3)], "ledger": [ledger("clicks/0", 0, 3, None)]})
    return tmp_path / "lake"


def theirs(lake: Path, *sqls: str) -> None:
    ducklake_query(lake, sqls, writable=True)


def test_a_view_or_table_of_our_name_in_another_schema_does_not_answer_for_ours(lake: Path) -> None:
    theirs(
        lake,
        "CALL lake.set_option('data_inlining_row_limit', 0)",
        "CREATE SCHEMA lake.archive",
        "CREATE VIEW lake.archive.ad_clicks_1m AS SELECT 42 AS clicks",
        "CREATE TABLE lake.archive.ledger AS SELECT 7 AS n",
        "CREATE VIEW lake.archive.both AS SELECT l.n + c.clicks AS n"
        " FROM lake.archive.ledger l, lake.main.ad_clicks_1m c",
    )
    with LakeReader(lake) as reader:
        assert reader.query("SELECT sum(clicks)::INT AS n FROM ad_clicks_1m").to_pylist() == [{"n": 3}]
        assert reader.query("SELECT sum(clicks)::INT AS n FROM main.ad_clicks_1m").to_pylist() == [{"n": 3}]
        assert reader.query("SELECT clicks AS n FROM archive.ad_clicks_1m").to_pylist() == [{"n": 42}]
        assert reader.query("SELECT n FROM archive.ledger").to_pylist() == [{"n": 7}]
        assert reader.query("SELECT n FROM archive.both").to_pylist() == [{"n": 10}]
        assert "archive.ledger" not in reader.snapshot().names()
        assert list_snapshots(reader)[0].rows == {}


def test_their_tables_come_out_as_the_official_client_shows_them(lake: Path) -> None:
    theirs(
        lake,
        "CALL lake.set_option('data_inlining_row_limit', 0)",
        f'CREATE TABLE lake.main."their notes" AS SELECT {_VALUES}',
        'ALTER TABLE lake.main."their notes" ADD COLUMN later INTEGER',
        'INSERT INTO lake.main."their notes"(i8, later) VALUES (9, 10)',
    )
    question = 'SELECT CAST(COLUMNS(*) AS VARCHAR) FROM "their notes" ORDER BY 1'
    expected = ducklake_query(lake, [question])[0]
    with LakeReader(lake) as reader:
        found = [list(row.values()) for row in reader.query(question).to_pylist()]
    assert found == expected
    assert len(found) == 2


def test_everything_is_listed_and_what_cannot_be_read_says_why_only_when_asked(lake: Path, tmp_path: Path) -> None:
    theirs(
        lake,
        "CREATE TABLE lake.main.inside AS SELECT 1 AS n",
        "CREATE VIEW lake.main.on_inside AS SELECT n FROM inside",
        "CREATE VIEW lake.main.on_secret AS SELECT 1 AS n FROM (VALUES (1))",
        "CREATE TABLE lake.main.shaped(n STRUCT(a INTEGER), m MAP(VARCHAR, INTEGER), i INTERVAL, v TIMESTAMPTZ)",
        "INSERT INTO lake.main.late_events VALUES ('r', 't', 't/0', 1, make_timestamp_ms(2), make_timestamp_ms(3), 4)",
        "CREATE OR REPLACE VIEW lake.main.visits AS SELECT 42 AS n",
    )
    with LakeReader(lake) as reader:
        listed = {row["name"] for row in reader.query("SHOW TABLES").to_pylist()}
        assert {"inside", "on_inside", "shaped", "late_events", "ledger", "ad_clicks_1m", "visits"} <= listed
        for name in ("inside", "on_inside", "shaped", "visits"):
            with pytest.raises(QueryError, match="cannot be read here"):
                reader.query(f"SELECT count(*) FROM {name}")
        with pytest.raises(QueryError, match="only the DuckLake extension reads"):
            reader.query("SELECT count(*) FROM late_events")
        assert reader.query("SELECT sum(clicks)::INT AS n FROM ad_clicks_1m").to_pylist() == [{"n": 3}]
        assert reader.query("SELECT 'inside shaped late' AS n FROM ledger").num_rows == 1
        with reader.snapshot().connection() as connection:
            assert connection.sql("SELECT sum(clicks) FROM ad_clicks_1m").fetchall() == [(3,)]
        assert len(list_snapshots(reader)) > 6


def test_the_catalog_stays_out_of_reach_of_their_views(lake: Path) -> None:
    secret = lake / "catalog.sqlite"
    theirs(
        lake,
        "CREATE SCHEMA lake.archive",
        f"CREATE VIEW lake.archive.peek AS SELECT size FROM read_blob('{secret}')",
    )
    with LakeReader(lake) as reader, pytest.raises(QueryError, match=r"cannot be read here|Permission"):
        reader.query("SELECT * FROM archive.peek")


def test_a_dump_is_the_same_beside_what_others_put_there(lake: Path, tmp_path: Path) -> None:
    def texts(folder: Path) -> dict[str, bytes]:
        with LakeReader(lake) as reader:
            return {path.name: path.read_bytes() for path in dump(reader.snapshot(), folder)}

    before = texts(tmp_path / "before")
    theirs(
        lake,
        "CREATE SCHEMA lake.archive",
        "CREATE TABLE lake.archive.ledger AS SELECT * FROM lake.main.ledger",
        "CREATE TABLE lake.archive.ad_clicks_1m_delta AS SELECT * FROM lake.main.ad_clicks_1m_delta",
        "CREATE VIEW lake.archive.ad_clicks_1m AS SELECT 42 AS clicks",
    )
    assert texts(tmp_path / "after") == before
