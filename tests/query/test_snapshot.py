"""One snapshot as something to ask: what it holds never changes, whatever is committed or merged meanwhile."""

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import BaseModel

from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.errors import QueryError, SnapshotExpired
from dataflow.windows import tumble
from query.reader import Bound, LakeReader
from tests.query.lakes import T0, LakeMaker, clicks, merge

TOTAL = "SELECT coalesce(sum(clicks), 0)::BIGINT AS n FROM ad_clicks_1m"


def _one(table: pa.Table) -> object:
    return table.column(0)[0].as_py()


def test_a_connection_keeps_its_snapshot_while_others_move_on(lake: LakeMaker) -> None:
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 2)]})
    with LakeReader(lake.folder) as reader:
        connection = reader.snapshot().connection()
        for more in range(1, 4):
            number = lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 1)]})
            assert reader.snapshot().id == number
            assert _one(reader.snapshot().query(TOTAL)) == 2 + more
        assert connection.sql(TOTAL).fetchall() == [(2,)]


def test_an_unknown_table_is_told_with_those_that_exist(lake: LakeMaker) -> None:
    with LakeReader(lake.folder) as reader, pytest.raises(QueryError, match=r"The lake holds: .*ad_clicks_1m.*ledger"):
        reader.query("SELECT * FROM clicks")


def test_a_nested_fields_column_without_quotes_is_told_as_it_has_to_stand(tmp_path: Path) -> None:
    class Merchant(BaseModel):
        id: str
        Name: str

    class Paid(BaseModel):
        at: EventTime
        merchant: Merchant

    count = {"n": agg.count()}
    rollup = Rollup("paid_1m", ["merchant.id", "merchant.Name"], tumble("1m"), count)
    LakeMaker(tmp_path / "lake", Pipeline("paid", Paid, [rollup])).catalog.close()
    with LakeReader(tmp_path / "lake") as reader:
        with pytest.raises(QueryError) as told:
            reader.query("SELECT Merchant.name FROM paid_1m")
        assert str(told.value).endswith('\nA nested column is asked for in quotes: "merchant.Name", "merchant.id"')
        with pytest.raises(QueryError) as told:
            reader.query("SELECT merch.name FROM paid_1m")
        assert "quotes" not in str(told.value)
        assert reader.query('SELECT "merchant.id" FROM paid_1m').num_rows == 0


def test_every_table_and_view_has_a_name_with_its_schema_as_well(lake: LakeMaker) -> None:
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 2)]})
    bound = Bound("ad_clicks_1m_delta", "window_start", T0 + timedelta(days=1))
    with LakeReader(lake.folder) as reader:
        snapshot = reader.snapshot()
        for name in snapshot.names():
            assert snapshot.query(f'SELECT * FROM "main".{name}').schema == snapshot.query(f"FROM {name}").schema
        sql = "SELECT d.clicks, main.ad_clicks_1m.clicks FROM main.ad_clicks_1m_delta AS d, main.ad_clicks_1m"
        assert snapshot.query(sql).num_rows == 1
        assert snapshot.connection().sql("SELECT clicks FROM main.ad_clicks_1m").fetchall() == [(2,)]
        # leaving files out is allowed, not asked for
        assert snapshot.query("SELECT * FROM main.ad_clicks_1m", bounds=[bound]).num_rows <= 1
        lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 40)]})
        assert _one(reader.query("SELECT clicks FROM main.ad_clicks_1m")) == 42
        assert _one(reader.query("SELECT clicks FROM main.ad_clicks_1m", as_of=snapshot.id)) == 2


def test_a_held_snapshot_never_reads_the_files_of_another_lake(tmp_path: Path) -> None:
    for name, count in (("lake", 7), ("other", 1)):
        with LakeMaker(tmp_path / name) as maker:
            maker.commit({"ad_clicks_1m_delta": [clicks("a", 0, count)]})
    with LakeReader(tmp_path / "lake") as reader:
        held = reader.snapshot()
        (tmp_path / "lake").rename(tmp_path / "old")
        (tmp_path / "other").rename(tmp_path / "lake")
        with pytest.raises(SnapshotExpired, match="another lake has come"):
            held.query(TOTAL)
        assert _one(reader.query(TOTAL)) == 1


def test_bounds_leave_out_files_whose_statistics_rule_them_out(lake: LakeMaker) -> None:
    for minute in range(5):
        lake.commit({"ad_clicks_1m_delta": [clicks("a", minute, 1)]})
    bound = Bound("ad_clicks_1m_delta", "window_start", T0 + timedelta(minutes=1), T0 + timedelta(minutes=3))
    with LakeReader(lake.folder) as reader:
        snapshot = reader.snapshot()
        assert len(snapshot.bounded_files(bound)) == 2
        assert _one(snapshot.query(TOTAL, bounds=[bound])) == 2
        assert _one(snapshot.query(TOTAL)) == 5
        with pytest.raises(QueryError, match="no column"):
            snapshot.bounded_files(Bound("ad_clicks_1m_delta", "nope", 1))


def test_older_snapshots_stay_exact_after_their_files_were_merged(lake: LakeMaker) -> None:
    ids = [lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, n)]}) for n in (1, 10, 100)]
    with LakeReader(lake.folder) as reader:
        held = reader.snapshot(ids[1])
        merge(lake.catalog, "ad_clicks_1m_delta")
        assert [_one(reader.query(TOTAL, as_of=number)) for number in ids] == [1, 11, 111]
        history = reader.snapshot().query(
            "SELECT _snapshot, sum(clicks)::BIGINT AS n FROM ad_clicks_1m_delta_history GROUP BY ALL ORDER BY ALL",
            histories=["ad_clicks_1m_delta"],
        )
        assert history.to_pylist() == [{"_snapshot": s, "n": n} for s, n in zip(ids, (1, 10, 100), strict=True)]
        # resolved before the merge, read after the old files were deleted
        assert _one(held.query(TOTAL)) == 11


def test_rows_that_another_client_deleted_are_not_shown_in_silence(lake: LakeMaker) -> None:
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 1)]})
    with lake.catalog.transaction() as connection:
        connection.execute(
            "INSERT INTO ducklake_delete_file (delete_file_id, table_id, begin_snapshot, data_file_id, path)"
            " SELECT 1, table_id, 1, 0, 'x' FROM ducklake_table WHERE table_name = 'ad_clicks_1m_delta'"
        )
    with LakeReader(lake.folder) as reader:
        with pytest.raises(QueryError, match="another DuckLake client"):
            reader.query(TOTAL)
        assert _one(reader.query("SELECT count(*) FROM ledger")) == 0


def test_a_column_added_later_is_null_in_older_files(lake: LakeMaker) -> None:
    lake.commit({"late_events": [{"rollup": "r", "partition": "p", "offset": 1}]})
    with lake.catalog.transaction() as connection:
        (table_id,) = connection.execute(
            "SELECT table_id FROM ducklake_table WHERE table_name='late_events'"
        ).fetchone()
        number = lake.catalog.snapshot(lake.clock, f"altered_table:{table_id}", schema=True)
        connection.execute(
            "UPDATE ducklake_column SET end_snapshot = ? WHERE table_id = ? AND column_name = 'rollup'",
            (number, table_id),
        )
        row = (number, table_id)
        connection.execute(
            "INSERT INTO ducklake_column VALUES (1, ?, NULL, ?, 1, 'rollup_name', 'varchar', NULL, 'NULL', 1, NULL,"
            " 'literal', 'duckdb')", row)  # fmt: skip
        connection.execute(
            "INSERT INTO ducklake_column VALUES (99, ?, NULL, ?, 99, 'why', 'varchar', NULL, 'NULL', 1, NULL,"
            " 'literal', 'duckdb')", row)  # fmt: skip
    with LakeReader(lake.folder) as reader:
        assert reader.query("SELECT rollup_name, why FROM late_events").to_pylist() == [
            {"rollup_name": "r", "why": None}
        ]
        assert reader.query("SELECT * FROM late_events", as_of=number - 1).column_names[0] == "rollup"


def test_an_answer_in_batches_is_the_answer(lake: LakeMaker) -> None:
    lake.commit({"ad_clicks_1m_delta": [clicks(str(n), 0, n) for n in range(5_000)]})
    begun: list[object] = []
    with LakeReader(lake.folder) as reader:
        snapshot = reader.snapshot()
        ordered = "FROM ad_clicks_1m ORDER BY ALL"
        for sql, limit in ((ordered, None), (ordered, 3_000), ("FROM ledger", None)):
            whole = snapshot.query(sql, limit=limit)
            batches = list(snapshot.batches(sql, limit=limit, batch_rows=2_048, begun=begun.append))
            assert pa.concat_tables(batches).equals(whole)
        with pytest.raises(QueryError, match="The lake holds"):
            snapshot.batches("FROM nope", begun=begun.append)
    assert len(begun) == 4


def test_an_answer_in_batches_begins_where_the_files_lie(lake: LakeMaker) -> None:
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 5)]})
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 6)]})
    with LakeReader(lake.folder) as reader:
        held = reader.snapshot()
        merge(lake.catalog, "ad_clicks_1m_delta")
        (table,) = held.batches(TOTAL, begun=lambda _: None)
        assert _one(table) == 11
