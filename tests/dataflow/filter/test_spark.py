import pyarrow as pa
import pytest

from dataflow.filter.engine_sql import Decimals, NotInEngine
from dataflow.filter.parse import parse
from dataflow.filter.spark import SparkSql, spark_text

SCHEMA = pa.schema(
    [
        pa.field("i", pa.int64()),
        pa.field("m", pa.decimal128(18, 6)),
        pa.field("t", pa.string()),
        pa.field("f", pa.float64()),
    ]
)
COLUMNS = {name: f"`{name}`" for name in SCHEMA.names}
DIGITS = {"i": Decimals(19, 0), "m": Decimals(18, 6)}


def spark(text: str) -> str:
    return SparkSql(COLUMNS, DIGITS).boolean(parse(text, SCHEMA).root)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("t = 'it''s'", r"`t` = 'it\'s'"),
        (r"t = 'a\b'", r"`t` = 'a\\b'"),
        (r"t LIKE 'a\%'", r"`t` LIKE 'a\\\\%'"),
        ("i / 2 > 1", "(CAST(`i` AS DOUBLE) / CAST(2 AS DOUBLE)) > CAST(1 AS DOUBLE)"),
        (
            "i / f = 1",
            "(CASE WHEN `f` = 0E0 THEN CAST(`i` AS DOUBLE) * CASE WHEN CAST(`f` AS STRING) = '-0.0'"
            " THEN DOUBLE('-Infinity') ELSE DOUBLE('Infinity') END ELSE CAST(`i` AS DOUBLE) / `f` END)"
            " = CAST(1 AS DOUBLE)",
        ),
        ("f > 1", "`f` > CAST(1 AS DOUBLE)"),
        ("i + 1 > 3", "(CAST(`i` AS DECIMAL(19, 0)) + CAST(1 AS DECIMAL(1, 0))) > 3"),
        ("i * i > 1", "(CAST(`i` AS DECIMAL(19, 0)) * CAST(`i` AS DECIMAL(19, 0))) > 1"),
    ],
)
def test_each_operator_has_its_form(text, expected):
    assert spark(text) == expected


def test_a_text_stands_on_one_line():
    assert spark_text("a;\n\r") == r"'a;\n\r'"


def test_exact_numbers_of_more_digits_than_spark_has_are_refused():
    with pytest.raises(NotInEngine, match=r"digits, and Spark's decimals have 38; compare smaller numbers, or"):
        spark("m * m * i > 1")


def test_a_comparison_that_would_cut_digits_is_refused():
    with pytest.raises(NotInEngine, match=r'to compare "i" \* "i" with "m" takes 44 digits, and Spark\'s decimals'):
        spark("i * i > m")
