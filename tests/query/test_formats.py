"""Every output format: exact decimals, ISO times, base64 bytes, and no bytes on a terminal."""

import io
import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataflow.errors import ConfigError, QueryError
from query.formats import BINARY_FORMATS, FORMATS, answer_of, require_format, write, write_to
from query.texts import Row, Texts

TABLE = pa.table(
    {
        "name": pa.array(["a,b", None, 'say "ü"']),
        "n": pa.array([1, -2, None], pa.int64()),
        "money": pa.array([Decimal("123456789012.123456"), Decimal("0.000001"), None], pa.decimal128(38, 6)),
        "x": pa.array([0.1, float("nan"), None], pa.float64()),
        "at": pa.array([datetime(2026, 1, 2, 3, 4, 5, 678000), datetime(1969, 12, 31), None], pa.timestamp("us")),
        "day": pa.array([date(2026, 1, 2), None, None], pa.date32()),
        "raw": pa.array([b"\xff\x00", b"", None], pa.binary()),
        "ok": pa.array([True, False, None]),
        "list": pa.array([[1, 2], [], None], pa.list_(pa.int64())),
    }
)


def _written(name: str, table: pa.Table = TABLE, *, pretty: bool = False) -> bytes:
    stream = io.BytesIO()
    write(answer_of(table, name), name, stream, pretty=pretty)
    return stream.getvalue()


def _read(name: str, written: bytes) -> pa.Table:
    return pa.ipc.open_stream(written).read_all() if name == "arrow" else pq.read_table(io.BytesIO(written))


def test_json_keeps_every_digit_and_has_no_value_that_json_lacks() -> None:
    text = _written("json").decode()
    rows = json.loads(text, parse_float=Decimal)
    assert rows[0] == {
        "name": "a,b",
        "n": 1,
        "money": Decimal("123456789012.123456"),
        "x": Decimal("0.1"),
        "at": "2026-01-02T03:04:05.678Z",
        "day": "2026-01-02",
        "raw": "/wA=",
        "ok": True,
        "list": [1, 2],
    }
    assert rows[1]["x"] is None
    assert rows[1]["money"] == Decimal("0.000001")
    assert set(rows[2].values()) == {None, 'say "ü"'}


def test_ndjson_is_one_json_value_a_line() -> None:
    lines = _written("ndjson").decode().splitlines()
    assert [json.loads(line) for line in lines] == json.loads(_written("json"))


def test_csv_quotes_what_needs_it_and_leaves_null_empty() -> None:
    lines = _written("csv").decode().split("\n")
    assert lines[0] == "name,n,money,x,at,day,raw,ok,list"
    assert lines[1] == '"a,b",1,123456789012.123456,0.1,2026-01-02T03:04:05.678Z,2026-01-02,/wA=,true,"[1, 2]"'
    assert lines[3] == '"say ""ü""",,,,,,,,'


@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_binary_formats_give_the_table_back(name: str) -> None:
    written = _written(name)
    table = _read(name, written)
    assert table.drop_columns(["x", "list"]).equals(TABLE.drop_columns(["x", "list"]))
    assert table.num_rows == 3


def test_the_plain_table_aligns_numbers_right_and_shows_null() -> None:
    lines = _written("table", TABLE.select(["name", "n"])).decode().splitlines()
    assert lines == ["name        n", "-------  ----", "a,b         1", "NULL       -2", 'say "ü"  NULL']


def test_the_framed_table_takes_texts_as_they_are() -> None:
    drawn = _written("table", pa.table({"a": ["[red]x[/red]"]}), pretty=True).decode()
    assert "[red]x[/red]" in drawn


NOTHING = TABLE.slice(0, 0)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("table", "name  n  money  x  at  day  raw  ok  list\n----  -  -----  -  --  ---  ---  --  ----\n"),
        ("rows", ""),
        ("csv", "name,n,money,x,at,day,raw,ok,list\n"),
        ("json", "[]\n"),
        ("ndjson", ""),
    ],
)
def test_no_rows_are_the_columns_alone_in_every_text_format(name: str, text: str) -> None:
    assert _written(name, NOTHING).decode() == text


@pytest.mark.parametrize("name", BINARY_FORMATS)
def test_no_rows_keep_their_columns_and_types_in_every_binary_format(name: str) -> None:
    found = _read(name, _written(name, NOTHING))
    assert (found.num_rows, found.schema.names) == (0, TABLE.schema.names)
    assert found.schema.types == _read(name, _written(name)).schema.types


def test_the_framed_table_of_no_rows_shows_the_columns() -> None:
    drawn = _written("table", NOTHING, pretty=True).decode()
    assert re.sub(r"\x1b\[[0-9;]*m", "", drawn).split("\n")[0].split() == TABLE.column_names


def test_each_row_on_its_side_names_its_columns() -> None:
    lines = _written("rows", TABLE.select(["name", "at", "raw"]).slice(1, 1)).decode().splitlines()
    assert lines == ["row 1", "name   NULL", "at     1969-12-31 00:00:00Z", "raw"]


def test_rows_of_texts_are_an_answer_in_every_format() -> None:
    lines = [{"a": "it's", "b c": ""}, {"a": "ü", "b c": "2"}]
    for name in FORMATS:
        stream = io.BytesIO()
        write(answer_of(lines, name), name, stream)
        if name in BINARY_FORMATS:
            assert _read(name, stream.getvalue()).to_pylist() == lines
        elif name == "json":
            assert json.loads(stream.getvalue()) == lines
        else:
            assert "it's" in stream.getvalue().decode()


def test_csv_reads_back_with_nothing_and_an_empty_text_apart(tmp_path: Path) -> None:
    table = pa.table({"a": ['x\n"y",\r', "", None, " 1 "], "n": [1, 2, 3, None]})
    (tmp_path / "t.csv").write_bytes(_written("csv", table))
    options = "all_varchar = true, header = true, quote = '\"', allow_quoted_nulls = false"
    found = duckdb.execute(f"SELECT * FROM read_csv('{tmp_path}/t.csv', {options})").fetchall()
    assert found == [('x\n"y",\r', "1"), ("", "2"), (None, "3"), (" 1 ", None)]


def test_csv_of_one_column_tells_null_from_an_empty_text_too(tmp_path: Path) -> None:
    table = pa.table({"a": ["", None, "x", None]})
    (tmp_path / "t.csv").write_bytes(_written("csv", table))
    assert (tmp_path / "t.csv").read_bytes() == b'a\n""\n\nx\n\n'
    options = "all_varchar = true, header = true, quote = '\"', allow_quoted_nulls = false, null_padding = true"
    found = duckdb.execute(f"SELECT * FROM read_csv('{tmp_path}/t.csv', {options}, columns = {{'a': 'VARCHAR'}})")
    assert found.fetchall() == [("",), (None,), ("x",), (None,)]


def test_every_format_is_tested_without_rows() -> None:
    assert {"table", "rows", "csv", "json", "ndjson", *BINARY_FORMATS} == set(FORMATS)


@pytest.mark.parametrize("name", BINARY_FORMATS)
def test_bytes_are_not_written_to_a_terminal_but_to_a_file_beside_it(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="terminal"):
        write_to(TABLE, name, None, io.BytesIO(), terminal=True)
    write_to(TABLE, name, tmp_path / "out", io.BytesIO(), terminal=True)
    assert _read(name, (tmp_path / "out").read_bytes()).num_rows == TABLE.num_rows


def test_an_unknown_format_and_an_unwritable_file_are_told_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="choose one of table, rows, csv"):
        require_format("xml", terminal=False)
    with pytest.raises(ConfigError, match="cannot be written"):
        write_to(answer_of(TABLE, "csv"), "csv", tmp_path / "no" / "out", io.BytesIO(), terminal=False)


def test_an_answer_that_breaks_off_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    whole = answer_of(TABLE.select(["name"]), "csv")
    assert isinstance(whole, Texts)

    def breaking() -> Iterator[list[Row]]:
        yield [("a",)]
        raise QueryError("the answer is not whole")

    for before in (None, b"as it was"):
        if before is not None:
            target.write_bytes(before)
        with pytest.raises(QueryError, match="not whole"):
            write_to(Texts(whole.columns, breaking()), "csv", target, io.BytesIO(), terminal=False)
        assert [path.name for path in tmp_path.iterdir()] == ([] if before is None else ["out.csv"])
    assert target.read_bytes() == b"as it was"
    write_to(answer_of(TABLE.select(["n"]), "csv"), "csv", target, io.BytesIO(), terminal=False)
    assert target.read_text() == "n\n1\n-2\n\n"


def test_a_link_is_followed_and_a_device_is_written_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_to(answer_of(TABLE.select(["n"]), "csv"), "csv", tmp_path / "link", io.BytesIO(), terminal=False)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text().startswith("n\n")
    write_to(answer_of(TABLE, "csv"), "csv", Path("/dev/null"), io.BytesIO(), terminal=False)
    assert Path("/dev/null").is_char_device()


def test_json_is_written_byte_for_byte_with_exact_numbers_however_deep() -> None:
    table = pa.table(
        [
            pa.array([2**63 - 1, -(2**63)], pa.int64()),
            pa.array(
                [Decimal("0.0000001000"), Decimal("-1234567890123456789012345678.0000000000")], pa.decimal128(38, 10)
            ),
            pa.array([Decimal(2**100), None], pa.decimal128(38, 0)),
            pa.array([[0.5, float("nan"), float("inf")], []], pa.list_(pa.float64())),
            pa.array([{"day": date(2026, 1, 2), "money": Decimal("0.00000010")}, None]),
            pa.array(["ü\n\u2028\x7f", '"\\'], pa.string()),
            pa.array([1.0, -0.0], pa.float64()),
        ],
        names=["n", "m", "huge", "list", "struct", 'te"xt', "x"],
    )
    assert _written("ndjson", table).decode() == (
        '{"n": 9223372036854775807, "m": 0.0000001000, "huge": 1267650600228229401496703205376, '
        '"list": [0.5, null, null], "struct": {"day": "2026-01-02", "money": 0.00000010}, '
        '"te\\"xt": "ü\\n\u2028\x7f", "x": 1.0}\n'
        '{"n": -9223372036854775808, "m": -1234567890123456789012345678.0000000000, "huge": null, '
        '"list": [], "struct": null, "te\\"xt": "\\"\\\\", "x": -0.0}\n'
    )
