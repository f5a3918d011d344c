from datetime import date
from decimal import Decimal

import pyarrow as pa

from dataflow.aggregates.parts import MONEY
from flink.contract.dimension import TEXT_BYTES, columns_text, row_texts


def test_columns_say_kind_and_name_and_the_key_comes_first():
    columns = pa.schema([("budget", MONEY), ("since", pa.date32()), ("big", pa.bool_()), ("share", pa.float64())])
    text = columns_text(pa.field("merchant.id", pa.string()), columns)
    assert text == "str merchant.id|money budget|date since|bool big|float share"
    assert columns_text(pa.field("n", pa.int64()), pa.schema([])) == "int n"


def test_a_row_keeps_every_character_and_null_apart():
    columns = pa.RecordBatch.from_pydict(
        {
            "t": pa.array(["a|b~c;d", None, "\\N"], pa.string()),
            "m": pa.array([Decimal("0.5"), None, Decimal("-999999999999.999999")], MONEY),
            "d": pa.array([date(2026, 1, 31), None, date(1, 1, 1)], pa.date32()),
            "b": pa.array([True, None, False], pa.bool_()),
        }
    )
    (text,) = row_texts(pa.array(["x\ny", "z\r", ""]), columns)
    assert text == (
        "x\\ny|a\\pb\\qc\\sd|0.500000|2026-01-31|true~z\\r|\\N|\\N|\\N|\\N~|\\\\N|-999999999999.999999|0001-01-01|false"
    )


def test_a_table_without_rows_is_no_text():
    assert (
        list(row_texts(pa.array([], pa.string()), pa.RecordBatch.from_pydict({"t": pa.array([], pa.string())}))) == []
    )


def test_texts_are_cut_between_rows():
    keys = pa.array([f"é{number:06}" for number in range(5_000)])
    texts = list(row_texts(keys, pa.RecordBatch.from_pydict({"t": pa.array(["x" * 20] * 5_000)})))
    assert len(texts) > 5
    assert all(len(text.encode()) <= TEXT_BYTES for text in texts)
    assert "~".join(texts).count("~") == 4_999
