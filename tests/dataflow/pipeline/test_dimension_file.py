"""Dimension files as people write them."""

from decimal import Decimal

import pyarrow as pa
import pytest

from dataflow.aggregates.parts import MONEY
from dataflow.pipeline.dimension_file import read_dimension


def read(folder, content: bytes, key_type=None, **columns):
    path = folder / "d.csv"
    path.write_bytes(content)
    return read_dimension(path, "k", key_type or pa.string(), columns)


def test_an_empty_field_is_null_and_a_quoted_empty_one_is_empty_text(tmp_path):
    table = read(tmp_path, b'k,a\nx,\ny,""\n', a=pa.string())
    assert table.columns.column("a").to_pylist() == [None, ""]


def test_a_byte_order_mark_windows_line_ends_quotes_and_other_columns_do_no_harm(tmp_path):
    table = read(tmp_path, b'\xef\xbb\xbfother,k,a\r\n9,"x, y",1\r\n', a=pa.int64())
    assert table.keys.to_pylist() == ["x, y"]
    assert table.columns.to_pylist() == [{"a": 1}]


def test_leading_zeros_of_a_text_key_stay(tmp_path):
    assert read(tmp_path, b"k,a\n007,1\n", a=pa.int64()).keys.to_pylist() == ["007"]


def test_decimals_are_exact(tmp_path):
    table = read(tmp_path, b"k,a\nx,123456789012.123456\n", a=MONEY)
    assert table.columns.column("a").to_pylist() == [Decimal("123456789012.123456")]


def test_a_file_with_a_header_only_has_no_keys(tmp_path):
    table = read(tmp_path, b"k,a\n", a=pa.int64())
    assert len(table.keys) == 0
    assert table.columns.num_rows == 0


def test_the_digest_is_of_the_bytes(tmp_path):
    assert read(tmp_path, b"k,a\nx,1\n", a=pa.int64()).digest != read(tmp_path, b"k,a\nx,2\n", a=pa.int64()).digest


@pytest.mark.parametrize(
    ("content", "type_", "message"),
    [
        (b"k,a\nx,1.1234567\n", MONEY, "row 1 has a '1.1234567', which is no decimal"),
        (b"k,a\nx,1e12\n", MONEY, "row 1 has a '1e12', which is no decimal"),
        (b"k,a\nx,yes\n", pa.bool_(), "'yes', which is no bool"),
        (b"k,a\nx,1.2.2020\n", pa.date32(), "which is no date (YYYY-MM-DD)"),
        (b"k,a\nx,nan\n", pa.float64(), "a holds nan or inf"),
        (b"k,a,a\nx,1,2\n", pa.int64(), "two columns a; rename one"),
        (b"k,a\nx\n", pa.int64(), "no UTF-8 CSV file"),
        (b"k,a\n\xff,1\n", pa.int64(), "no UTF-8 CSV file"),
        (b"k\tb\nx\t1\n", pa.int64(), "no column k"),
        (b"\n\n", pa.int64(), "is empty"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(tmp_path, content, type_, message):
    with pytest.raises(ValueError, match=r"d\.csv") as caught:
        read(tmp_path, content, a=type_)
    assert message in str(caught.value)


def test_an_int_key_must_be_an_int(tmp_path):
    with pytest.raises(ValueError, match="row 2 has k 'y', which is no int"):
        read(tmp_path, b"k,a\n1,1\ny,2\n", pa.int64(), a=pa.int64())


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ValueError, match="cannot read"):
        read_dimension(tmp_path, "k", pa.string(), {})
