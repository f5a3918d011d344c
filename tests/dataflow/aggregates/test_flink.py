import pyarrow as pa
import pytest

from dataflow.aggregates.flink import Taken
from dataflow.aggregates.kinds import KINDS


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
    assert KINDS[kind].rows["flink"](taken) == expected


def test_sketches_have_no_equal_form():
    assert {name for name, kind in KINDS.items() if "flink" not in kind.rows} == {
        "approx_count_distinct",
        "approx_quantile",
    }
