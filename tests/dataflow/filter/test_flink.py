from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.filter.engine_sql import Decimals, NotInEngine
from dataflow.filter.flink import FlinkSql
from dataflow.filter.parse import parse

SCHEMA = pa.schema(
    [
        pa.field("i", pa.int64()),
        pa.field("m", pa.decimal128(18, 6)),
        pa.field("t", pa.string()),
        pa.field("b", pa.bool_()),
        pa.field("f", pa.float64()),
        pa.field("d", pa.date32()),
        pa.field("a.b", pa.int64()),
    ]
)
COLUMNS = {name: f"`{name}`" for name in SCHEMA.names}
DIGITS = {"i": Decimals(19, 0), "m": Decimals(18, 6), "a.b": Decimals(19, 0)}


def flink(text: str) -> str:
    return FlinkSql(COLUMNS, DIGITS).boolean(parse(text, SCHEMA).root)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("t = 'it''s'", "`t` = 'it''s'"),
        ("a.b > 3", "`a.b` > 3"),
        ("t IN ('x', 'y') AND b", "(`t` IN ('x', 'y')) AND `b`"),
        ("t LIKE 'a\\%'", "`t` LIKE 'a\\%'"),
        ("NOT (t IS NULL)", "NOT (`t` IS NULL)"),
        ("d >= DATE '2026-01-31'", "`d` >= DATE '2026-01-31'"),
        ("i BETWEEN 1 AND 2.5", "(`i` >= 1) AND (`i` <= 2.5)"),
        ("i IN (1, 2.5)", "(`i` = 1) OR (`i` = 2.5)"),
        ("f > 1", "`f` > CAST(1 AS DOUBLE)"),
        ("i / 2 > 1", "(CAST(`i` AS DOUBLE) / CAST(2 AS DOUBLE)) > CAST(1 AS DOUBLE)"),
        ("i + 1 > 3", "(CAST(`i` AS DECIMAL(19, 0)) + CAST(1 AS DECIMAL(1, 0))) > 3"),
        ("m * i < 5.5", "(CAST(`m` AS DECIMAL(18, 6)) * CAST(`i` AS DECIMAL(19, 0))) < 5.5"),
        ("-i = 3", "(-CAST(`i` AS DECIMAL(19, 0))) = 3"),
        ("(i = 1) = b", "(`i` = 1) = `b`"),
    ],
)
def test_each_operator_has_its_form(text, expected):
    assert flink(text) == expected


def test_a_comparison_that_may_meet_nan_says_where_nan_stands():
    assert flink("i / m > 1") == (
        "CASE WHEN (CAST(`i` AS DOUBLE) / CAST(`m` AS DOUBLE)) IS NULL OR CAST(1 AS DOUBLE) IS NULL"
        " THEN CAST(NULL AS BOOLEAN) ELSE (CAST((CAST(`i` AS DOUBLE) / CAST(`m` AS DOUBLE)) AS STRING) = 'NaN'"
        " AND NOT (FALSE)) OR (CAST(`i` AS DOUBLE) / CAST(`m` AS DOUBLE)) > CAST(1 AS DOUBLE) END"
    )


@pytest.mark.parametrize("text", ["m * m * i > 1", "i * i * i > 1", "(i + i) * (i * 2) > 1"])
def test_exact_numbers_of_more_digits_than_flink_has_are_refused(text):
    with pytest.raises(NotInEngine, match=r"digits, and Flink's decimals have 38; compare smaller numbers, or"):
        flink(text)


def test_numbers_that_just_fit_are_taken():
    assert "DECIMAL" in flink("m * m > 1")
    assert "DECIMAL" in flink("i * i > 1")


ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3),
        st.none()
        | st.decimals(Decimal("-9e11"), Decimal("9e11"), places=6)
        | st.sampled_from([Decimal(0), Decimal(2)]),
        st.none() | st.text("ab%_", max_size=3),
        st.none() | st.booleans(),
        st.none() | st.sampled_from([0.0, 1.5, -2.0, 1e300]),
    ),
    min_size=1,
    max_size=8,
)
CONDITIONS = [
    "i / 2 > 1",
    "i / m >= f",
    "i / m <> m / i",
    "f * i < m OR b",
    "i + 1 > 9223372036854775807",
    "m * i < 5.5 AND NOT b",
    "i BETWEEN -1 AND 2.5",
    "i IN (1, 2.5, 1e0)",
    "(t LIKE 'a%') IS NULL OR t IN ('a', 'b')",
    "-i - m <= 0",
    "m / 0 > 1 OR 0 / i = m / 0",
]


@settings(max_examples=60, deadline=None)
@given(ROWS, st.sampled_from(CONDITIONS))
def test_its_answers_are_those_of_the_filter(rows, text):
    """By an engine that takes the same words: what is asked here is that no meaning got lost."""
    columns = [pa.array(values, field.type) for values, field in zip(zip(*rows, strict=True), SCHEMA, strict=False)]
    batch = pa.RecordBatch.from_arrays(columns, names=SCHEMA.names[: len(columns)])
    wanted = parse(text, SCHEMA).evaluate(batch).to_pylist()
    sql = flink(text).replace("`", '"').replace("'NaN'", "'nan'")
    with duckdb.connect() as connection:
        connection.register("batch", pa.Table.from_batches([batch]))
        assert [answer for (answer,) in connection.sql(f"SELECT {sql} FROM batch").fetchall()] == wanted
