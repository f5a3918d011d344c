"""The canonical text by example."""

from datetime import date
from decimal import Decimal

import pytest

from tests.model.dump import cell, texts_of
from tests.model.engine import run
from tests.model.spec import AggregateSpec, FieldSpec, PipelineSpec, Record, RollupSpec, WindowSpec


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "\\N"),
        (True, "true"),
        (7, "7"),
        (Decimal("1.500000"), "1.5"),
        (Decimal("1000.000000"), "1000"),
        (Decimal("0E-6"), "0"),
        (Decimal("0.000001"), "0.000001"),
        (0.1, "0.1"),
        (b"\xff", "/w=="),
        (date(2024, 2, 29), "2024-02-29"),
        ("a,b", '"a,b"'),
        ('say "x"', '"say ""x"""'),
        ("", ""),
        ("\\N", '"\\N"'),
    ],
)
def test_cells_have_one_form(value: object, text: str) -> None:
    assert cell(value) == text


def test_rows_are_sorted_by_all_columns_with_null_first() -> None:
    fields = (FieldSpec("t", "event_time_ms"), FieldSpec("k", "str", optional=True, has_default=True))
    spec = PipelineSpec(fields, (RollupSpec("r", ("k",), WindowSpec("tumble", 10, 10), {"n": AggregateSpec("count")}),))
    values = [b'{"t":10}', b'{"t":9,"k":"b"}', b'{"t":9,"k":"B"}', b'{"t":9}', b"x"]
    records = [Record(at, value) for at, value in enumerate(values)]
    texts = texts_of(spec, run(spec, {"q": records, "p": []}), events=True)
    assert texts["r.csv"] == "window_start,window_end,k,n\n10,20,\\N,1\n"
    assert texts["late.csv"] == "rollup,partition,offset,event_time,watermark\nr,q,1,9,10\nr,q,2,9,10\nr,q,3,9,10\n"
    assert texts["dead.csv"] == "partition,offset,reason\nq,4,malformed\n"
    assert texts["accepted.csv"] == "partition,offset\nq,0\n"
    assert texts["counts.csv"] == "partition,read,accepted,duplicate,late,dead\np,0,0,0,0,0\nq,5,1,0,3,1\n*,5,1,0,3,1\n"
    assert texts["counts_rollup.csv"] == "rollup,partition,filtered,counted,late\nr,p,0,0,0\nr,q,0,1,3\n"
