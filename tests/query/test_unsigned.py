"""The largest unsigned integers keep their value on the way to Arrow and to every text."""

import io
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from query.formats import BINARY_FORMATS, shape_of, write
from query.reader import LakeReader
from query.unsigned import exact_table
from tests.query.lakes import LakeMaker

LARGEST = 2**128 - 1
HALF = 2**127


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LakeReader]:
    folder: Path = tmp_path_factory.mktemp("unsigned") / "lake"
    with LakeMaker(folder), LakeReader(folder) as opened:
        yield opened


@pytest.mark.parametrize("value", [0, 1, HALF - 1, HALF, 10**38, LARGEST])
def test_an_unsigned_integer_is_written_with_its_own_digits(reader: LakeReader, value: int) -> None:
    sql = f"SELECT '{value}'::UHUGEINT AS n"
    table = reader.query(sql)
    assert table.to_pydict() == {"n": [Decimal(value)]}
    assert table.schema.field("n").type == pa.decimal256(39, 0)
    for form, written in (
        ("csv", f"n\n{value}\n"),
        ("ndjson", f'{{"n": {value}}}\n'),
        ("rows", f"row 1\nn      {value}\n"),
    ):
        stream = io.BytesIO()
        write(reader.snapshot().texts(sql, shape_of(form)), form, stream)
        assert stream.getvalue().decode() == written
    for form in BINARY_FORMATS:
        write(table, form, io.BytesIO())


def test_inside_of_lists_maps_and_structs_as_well(reader: LakeReader) -> None:
    large = f"'{LARGEST}'::UHUGEINT"
    table = reader.query(
        f"SELECT [{large}, NULL] AS l, {{'a': {large}, 'b': 'x'}} AS s, MAP {{{large}: [{large}]}} AS m,"
        f" array_value({large}, 1::UHUGEINT) AS a, NULL::UHUGEINT AS n, -5::HUGEINT AS signed"
    )
    exact = Decimal(LARGEST)
    assert table.to_pylist() == [
        {
            "l": [exact, None],
            "s": {"a": exact, "b": "x"},
            "m": [(exact, [exact])],
            "a": [exact, Decimal(1)],
            "n": None,
            "signed": Decimal(-5),
        }
    ]


def test_no_rows_have_the_same_types() -> None:
    sql = f"SELECT '{LARGEST}'::UHUGEINT AS n, ['{LARGEST}'::UHUGEINT] AS l, 1 AS i"
    connection = duckdb.connect()
    some, none = (exact_table(connection.sql(f"{sql} {tail}")) for tail in ("", "WHERE false"))
    assert none.num_rows == 0
    assert some.schema == none.schema
