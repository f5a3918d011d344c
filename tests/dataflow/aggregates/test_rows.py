import pyarrow as pa
import pytest

from dataflow.aggregates.kinds import KINDS
from dataflow.aggregates.rows import PARTS, Taken, collected


@pytest.mark.parametrize(
    ("kind", "taken", "expected"),
    [
        ("count", Taken(None, None), "COUNT(*)"),
        ("count", Taken("`a`", pa.string(), "`b`"), "COUNT(`a`) FILTER (WHERE `b`)"),
        ("sum", Taken("`a`", pa.int64()), "SUM(CAST(`a` AS DECIMAL(38, 0)))"),
        ("sum", Taken("`a`", pa.decimal128(18, 6), "`b`"), "SUM(`a`) FILTER (WHERE `b`)"),
        ("sum", Taken("`a`", pa.float64()), "SUM(`a`)"),
        ("avg", Taken("`a`", pa.int64()), "CAST(SUM(CAST(`a` AS DECIMAL(38, 0))) AS DOUBLE) / COUNT(`a`)"),
        (
            "avg",
            Taken("`a`", pa.decimal128(18, 6), "`b`"),
            "CAST(SUM(`a`) FILTER (WHERE `b`) AS DOUBLE) / COUNT(`a`) FILTER (WHERE `b`)",
        ),
        ("min", Taken("`a`", pa.string()), "MIN(`a`)"),
        ("max", Taken("`a`", pa.float64()), "MAX(CASE WHEN `a` = 0E0 THEN 0E0 ELSE `a` END)"),
        ("count_distinct", Taken("`a`", pa.string(), "`b`"), "COUNT(DISTINCT `a`) FILTER (WHERE `b`)"),
    ],
)
def test_each_kind_has_its_form(kind, taken, expected):
    assert {engine: sql(taken) for engine, sql in KINDS[kind].rows.items()} == {"flink": expected, "spark": expected}


@pytest.mark.parametrize("engine", ["flink", "spark"])
def test_sketches_have_no_equal_form(engine):
    assert {name for name, kind in KINDS.items() if engine not in kind.rows} == {
        "approx_count_distinct",
        "approx_quantile",
    }


def test_what_reads_rows_at_once_reads_them_in_batches_too_out_of_parts_that_have_a_form():
    for kind in KINDS.values():
        assert kind.merged.keys() == {"spark"} & kind.rows.keys()
        assert not kind.merged or {part.name for part in kind.parts} <= PARTS.keys()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("count", "SUM(n0)"),
        ("sum", "SUM(n0)"),
        ("min", "MIN(n0)"),
        ("max", "MAX(n0)"),
        ("avg", "CAST(SUM(n0) AS DOUBLE) / SUM(n1)"),
        ("count_distinct", "CAST(SIZE(ARRAY_DISTINCT(FLATTEN(COLLECT_LIST(n0)))) AS BIGINT)"),
    ],
)
def test_parts_are_merged_into_the_value(kind, value):
    parts = len(KINDS[kind].parts) or 1
    assert KINDS[kind].merged["spark"](*(f"n{at}" for at in range(parts))) == value


def test_distinct_values_are_kept_as_an_array():
    assert collected(Taken("`a`", pa.string(), "`b`")) == "COLLECT_SET(`a`) FILTER (WHERE `b`)"
