"""Answers as texts: the first rows before the last, one time, and whole or told."""

import shutil
from pathlib import Path

import duckdb
import pytest

from dataflow.errors import QueryError
from query.cells import Style, cells
from query.formats import shape_of
from query.guard import message_of
from query.reader import LakeReader
from query.texts import (
    BATCH_ROWS,
    Parameters,
    Row,
    Texts,
    columns_by_description,
    columns_of,
    shaped_select,
    shaped_sql,
)
from tests.query.lakes import LakeMaker, clicks, merge

COLUMNS = columns_of(duckdb.connect().sql("SELECT 'a' AS a"))
TABLE = shape_of("table")


def texts(*batches: list[Row]) -> Texts:
    return Texts(COLUMNS, iter(batches))


def test_an_answer_is_true_unless_it_has_no_row_and_is_read_once() -> None:
    assert not texts()
    answer = texts([("1",)], [("2",), (None,)])
    assert answer
    assert [each.name for each in answer.columns] == ["a"]
    assert list(answer) == [[("1",)], [("2",), (None,)]]
    assert list(answer) == []
    assert texts([("1",)], [("2",)]).rows() == [("1",), ("2",)]


def test_what_is_cut_is_told_and_not_read() -> None:
    answer = texts([("1",), ("2",), ("3",)], [("4",)])
    assert answer.cut(2)
    assert answer.rows() == [("1",), ("2",)]
    short = texts([("1",), ("2",)])
    assert not short.cut(2)
    assert short.rows() == [("1",), ("2",)]


def test_who_watches_sees_every_batch_as_it_is_read() -> None:
    seen: list[int] = []
    answer = texts([("1",), ("2",)], [("3",)]).watched(seen.append)
    assert answer
    assert answer.rows() == [("1",), ("2",), ("3",)]
    assert seen == [2, 1]


def test_parameters_stay_with_the_statement() -> None:
    connection = duckdb.connect()
    for sql, values in (("SELECT $n + 1 AS n", {"n": 1}), ("SELECT ? + 1 AS n", [1])):
        relation = connection.sql(sql, params=values)
        statement = shaped_sql(relation, lambda columns: cells(columns, Style()))
        assert connection.execute(statement, values).fetchall() == [("2",)]


@pytest.mark.parametrize(
    ("sql", "first"),
    [
        ("SHOW TABLES", ("ad_clicks_1m",)),
        ("DESCRIBE SELECT 1 AS a", ("a", "INTEGER", "YES", None, None, None)),
        ("VALUES (1, 'x')", ("1", "x")),
        ("FROM range(3)", ("0",)),
        ("WITH t AS (SELECT 1 AS n) SELECT n FROM t -- the end", ("1",)),
        ("SELECT i FROM range(3) AS t(i) ORDER BY i DESC;", ("2",)),
    ],
)
def test_every_reading_statement_has_texts(lake: LakeMaker, sql: str, first: Row) -> None:
    with LakeReader(lake.folder) as reader:
        assert reader.snapshot().texts(sql, TABLE).rows()[0] == first


KINDS = """
SELECT 1 AS a, 2.50 AS a, 'x' AS "a b", [1, NULL] AS l, {'k': 1, 'a''b': [{'c': 2}]} AS s, MAP {'k': 1.5} AS m,
    'a'::ENUM('a', 'b''c', 'd e') AS e, '{"j": 1}'::JSON AS j, union_value(k := 1) AS u, [1, 2]::INT[2] AS f,
    NULL AS n, '\\x00'::BLOB AS b, '1'::BIT AS t, DATE '2020-01-01' AS d, TIMESTAMP '2020-01-01 00:00:00.5' AS w,
    TIMESTAMPTZ '2020-01-01 00:00:00+00' AS z, 1::UHUGEINT AS h, 1::DECIMAL(38, 10) AS c, INTERVAL 1 DAY AS i,
    'x'::VARCHAR COLLATE NOCASE AS v, uuid() IS NULL AS q, 1.5::FLOAT AS r"""


@pytest.mark.parametrize("name", ["table", "csv", "json"])
@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        (KINDS, None),
        ("FROM (VALUES (1, 'x'), (2, 'y')) AS t(a, b) ORDER BY a DESC -- the end", None),
        ("SELECT $n + 1 AS n, $t AS t", {"n": 1.5, "t": "x"}),
        ("SELECT ? AS n, ? AS n", [1, "x"]),
        ("SHOW ALL TABLES", None),
        ("SUMMARIZE SELECT * FROM range(10)", None),
    ],
)
def test_a_select_described_by_the_engine_has_the_texts_of_its_relation(
    name: str, sql: str, parameters: Parameters
) -> None:
    connection, shape = duckdb.connect(), shape_of(name)
    relation = connection.sql(sql, params=parameters)
    columns = columns_by_description(connection, sql, parameters)
    assert columns == columns_of(relation)
    for limit, asked in ((None, relation), (1, relation.limit(1))):
        if limit and columns != columns_of(asked):
            continue
        statement = shaped_select(sql, columns, shape, limit)
        expected = connection.execute(shaped_sql(asked, shape), parameters).fetchall()
        assert connection.execute(statement, parameters).fetchall() == expected


def test_columns_of_one_name_are_numbered_where_rows_are_left_out(lake: LakeMaker) -> None:
    with LakeReader(lake.folder) as reader:
        for limit, names in ((None, ["a", "A"]), (1, ["a", "A_1"])):
            found = reader.snapshot().texts("SELECT 1 AS a, 2 AS A", TABLE, limit=limit)
            assert [column.name for column in found.columns] == names


@pytest.mark.parametrize("sql", ["SELECT ';' AS a", "SELECT 1 AS a;", "EXPLAIN SELECT 1"])
def test_what_may_not_stand_in_brackets_has_texts_by_its_relation(lake: LakeMaker, sql: str) -> None:
    with LakeReader(lake.folder) as reader:
        assert len(reader.snapshot().texts(sql, TABLE).rows()) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT\n  nope\nFROM ledger",
        "SELECT 1\nFROM nope",
    ],
)
def test_a_mistake_is_shown_in_the_question_as_it_was_asked(lake: LakeMaker, sql: str) -> None:
    with LakeReader(lake.folder) as reader:
        with pytest.raises(QueryError) as told:
            reader.snapshot().texts(sql, TABLE).rows()
        with pytest.raises(QueryError) as in_arrow:
            reader.query(sql)
    assert str(told.value) == str(in_arrow.value)


def test_a_mistake_seen_while_a_question_runs_is_told_in_the_line_of_its_relation(lake: LakeMaker) -> None:
    sql = "SELECT range.range ||\n  'y'::INT AS i FROM range(2)"
    relation = duckdb.connect().sql(sql)
    with LakeReader(lake.folder) as reader, pytest.raises(QueryError) as told:
        reader.snapshot().texts(sql, TABLE).rows()
    with pytest.raises(duckdb.ConversionException) as by_relation:
        duckdb.connect().execute(shaped_sql(relation, TABLE))
    assert str(told.value) == message_of(by_relation.value)


def test_an_explanation_is_an_answer_too(lake: LakeMaker) -> None:
    with LakeReader(lake.folder) as reader:
        for sql in ("EXPLAIN SELECT 1", "EXPLAIN ANALYZE SELECT count(*) FROM ledger"):
            ((kind, plan),) = reader.snapshot().texts(sql, TABLE).rows()
            assert kind is not None
            assert plan is not None
            assert plan.strip()


def test_the_order_of_rows_and_a_limit_hold_over_many_batches(lake: LakeMaker) -> None:
    sql = f"SELECT i FROM range({3 * BATCH_ROWS}) AS t(i) ORDER BY i DESC"
    with LakeReader(lake.folder) as reader:
        rows = reader.snapshot().texts(sql, TABLE).rows()
        assert [int(text or "") for (text,) in rows] == list(reversed(range(3 * BATCH_ROWS)))
        assert reader.snapshot().texts(sql, TABLE, limit=BATCH_ROWS + 1).rows() == rows[: BATCH_ROWS + 1]
        assert reader.snapshot().query(sql, limit=2).num_rows == 2


def test_the_first_rows_are_there_before_the_last_are_computed(lake: LakeMaker) -> None:
    sql = "SELECT CASE WHEN i < 1000000 THEN i ELSE error('the end') END AS i FROM range(1000001) AS t(i)"
    with LakeReader(lake.folder) as reader:
        answer = iter(reader.snapshot().texts(sql, TABLE))
        assert next(answer)[0] == ("0",)
        with pytest.raises(QueryError, match="the end"):
            list(answer)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT nope FROM ledger", 'column "nope" not found'),
        ("SELECT * FROM nope", "The lake holds: .*ledger"),
        ("DELETE FROM ledger", "only read here"),
        ("SELECT sum(hash(i)) FROM range(100000000000) AS t(i)", "longer than 1 s"),
    ],
)
def test_a_mistake_is_told_as_for_a_table(lake: LakeMaker, sql: str, said: str) -> None:
    limit_s = 1 if "longer" in said else 60
    with LakeReader(lake.folder) as reader, pytest.raises(QueryError, match=said):
        reader.snapshot().texts(sql, TABLE, timeout_s=limit_s)


def test_files_that_a_compaction_removed_are_looked_up_anew(lake: LakeMaker) -> None:
    for minute in range(3):
        lake.commit({"ad_clicks_1m_delta": [clicks("a", minute, 1)]})
    with LakeReader(lake.folder) as reader:
        held = reader.snapshot()
        before = held.query("SELECT count(*) AS n FROM ad_clicks_1m").to_pylist()
        merge(lake.catalog, "ad_clicks_1m_delta")
        assert held.texts("SELECT count(*) AS n FROM ad_clicks_1m", TABLE).rows() == [(str(before[0]["n"]),)]


def test_files_that_go_away_while_an_answer_is_read_end_it_in_words(tmp_path: Path) -> None:
    with LakeMaker(tmp_path / "lake") as maker:
        for minute in range(40):
            maker.commit({"ad_clicks_1m_delta": [clicks(f"ad-{n}", minute, 1) for n in range(500)]})
        # a second thread might have read all files before they go
        with LakeReader(maker.folder, threads=1) as reader:
            answer = iter(reader.snapshot().texts("SELECT *, repeat('x', 2000) AS much FROM ad_clicks_1m_delta", TABLE))
            next(answer)
            shutil.rmtree(maker.folder / "main")
            with pytest.raises(QueryError, match="not whole: ask again"):
                list(answer)
