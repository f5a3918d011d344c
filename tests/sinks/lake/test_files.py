"""Parquet files of the lake: what is in them, what is said of them, and that none is left half written."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataflow.errors import LakeUnwritable
from sinks.lake.catalog.layout import Column, TableLayout
from sinks.lake.files import column_stats, encode, write_durably, write_encoded, write_file
from tests.sinks.lake.small import event_row, parcel, per_ad_row, small_plan, writer_for

PLAN = small_plan()


def events(start: int, end: int, epoch: int, partition: str = "t/0") -> Any:
    rows = [event_row(offset, partition=partition) for offset in range(start, end)]
    deltas = [per_ad_row("x", 0, end - start)] if end > start else []
    return parcel(PLAN, epoch, start, end, partition=partition, tables={"events": rows, "per_ad_delta": deltas})


def parquet_files(lake: Path) -> set[str]:
    return {path.name for path in lake.glob("main/*/*.parquet")}


@pytest.mark.parametrize("error", [28, 5])
def test_a_full_or_broken_disk_leaves_no_partial_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    writer = writer_for(tmp_path, PLAN)
    writer.write([events(0, 5, 1)])

    def refuse(handle: int) -> None:
        raise OSError(error, os.strerror(error))

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", refuse)
        with pytest.raises(LakeUnwritable, match="Free space"):
            writer.snapshot()
    assert not parquet_files(tmp_path)


LAYOUT = TableLayout(
    5,
    "things",
    "things/",
    (
        Column(1, "n", "int64"),
        Column(2, "hashes", "list", 3, "int64"),
        Column(4, "at", "timestamp"),
        Column(5, "score", "float64"),
        Column(6, "raw", "blob"),
    ),
)


def table(rows: int = 3) -> pa.Table:
    return pa.table(
        {
            "at": pa.array([1_000 * n for n in range(rows)], pa.timestamp("ms")),
            "n": pa.array([n - 1 for n in range(rows)], pa.int64()),
            "hashes": pa.array([[n, n + 1] for n in range(rows)], pa.list_(pa.int64())),
        }
    )


def test_a_file_holds_its_columns_in_the_tables_order_with_their_field_ids(tmp_path: Path) -> None:
    staged = write_file(tmp_path, LAYOUT, table(), "a.parquet")
    path = tmp_path / "main" / "things" / "a.parquet"
    schema = pq.read_schema(path)
    assert schema.names == ["n", "hashes", "at"]
    ids = [int((field.metadata or {})[b"PARQUET:field_id"]) for field in schema]
    assert ids == [1, 2, 4]
    hashes = schema.field("hashes").type
    assert isinstance(hashes, pa.ListType)
    assert (hashes.value_field.metadata or {})[b"PARQUET:field_id"] == b"3"
    content = path.read_bytes()
    assert staged.digest == hashlib.sha256(content).hexdigest()
    assert (staged.rows, staged.size_bytes, staged.table_id) == (3, len(content), 5)
    assert pq.read_metadata(path).serialized_size == staged.footer_bytes


def test_what_is_said_of_a_file_are_the_bounds_of_each_leaf(tmp_path: Path) -> None:
    staged = write_file(tmp_path, LAYOUT, table(), "a.parquet")
    told = {stats.column_id: (stats.low, stats.high, stats.value_count) for stats in staged.columns}
    assert told[1] == ("-1", "1", 3)
    assert told[3] == ("0", "3", 6)
    assert told[4][:2] == ("1970-01-01 00:00:00", "1970-01-01 00:00:02")


def test_a_large_table_is_compressed_and_reads_the_same(tmp_path: Path) -> None:
    big = table(20_000)
    staged = write_file(tmp_path, LAYOUT, big, "big.parquet")
    path = tmp_path / "main" / "things" / "big.parquet"
    group = pq.read_metadata(path).row_group(0).column(0)
    assert group.compression == "ZSTD"
    small = write_file(tmp_path, LAYOUT, table(), "small.parquet")
    assert pq.read_metadata(path.with_name("small.parquet")).row_group(0).column(0).compression == "UNCOMPRESSED"
    assert (staged.rows, small.rows) == (20_000, 3)
    assert pq.read_table(path, partitioning=None)["n"].equals(big["n"])
    assert {stats.column_id: stats.high for stats in staged.columns}[1] == "19998"


def test_an_epochs_table_is_compressed_in_a_quick_way_and_reads_the_same(tmp_path: Path) -> None:
    rows = table(3_000)
    slow = write_file(tmp_path, LAYOUT, rows, "slow.parquet")
    quick = encode(tmp_path, LAYOUT, rows, "quick.parquet", quick=True)
    assert write_encoded([quick]) == (quick.told,)
    codecs: dict[str, Any] = {
        name: pq.ParquetFile(tmp_path / "main" / "things" / f"{name}.parquet").metadata.row_group(0).column(0)
        for name in ("slow", "quick")
    }
    assert [codecs[name].compression for name in ("slow", "quick")] == ["ZSTD", "SNAPPY"]
    assert [codecs[name].has_dictionary_page for name in ("slow", "quick")] == [True, False]
    read = [pq.read_table(quick.path.with_name(f"{name}.parquet")) for name in ("slow", "quick")]
    assert read[0].equals(read[1])
    assert read[0].num_rows == 3_000
    assert [(each.low, each.high) for each in slow.columns] == [(each.low, each.high) for each in quick.told.columns]


def test_the_snapshot_of_each_row_stands_beside_it_where_it_is_given(tmp_path: Path) -> None:
    marks = pa.chunked_array([pa.array([7, 7, 9], pa.int64())])
    write_file(tmp_path, LAYOUT, table(), "a.parquet", snapshots=marks)
    found = pq.read_table(tmp_path / "main" / "things" / "a.parquet", partitioning=None)
    assert found["_ducklake_internal_snapshot_id"].to_pylist() == [7, 7, 9]


def test_a_file_that_is_there_already_is_never_written_over(tmp_path: Path) -> None:
    target = tmp_path / "a"
    write_durably(target, b"first")
    with pytest.raises(LakeUnwritable, match="File exists"):
        write_durably(target, b"second")
    assert target.read_bytes() == b"first"


def test_a_crash_before_the_content_is_durable_is_seen_at_its_point(tmp_path: Path) -> None:
    passed: list[str] = []
    write_file(tmp_path, LAYOUT, table(), "a.parquet", fault=passed.append)
    assert passed == ["before_file", "in_file", "after_file"]


@pytest.mark.parametrize("rows", [3, 100])
def test_bounds_leave_out_nulls_and_are_unknown_beside_nan(rows: int) -> None:
    numbers = [None, *(float(n) for n in range(rows))]
    stats = column_stats(5, "float64", pa.array(numbers), 10)
    assert (stats.value_count, stats.null_count, stats.contains_nan) == (rows, 1, False)
    assert (float(stats.low or "nan"), float(stats.high or "nan")) == (0.0, rows - 1)
    stats = column_stats(5, "float64", pa.array([*numbers, float("nan")]), 10)
    assert (stats.low, stats.high, stats.contains_nan) == (None, None, True)


def test_a_column_of_nulls_and_one_of_bytes_have_no_bounds() -> None:
    stats = column_stats(1, "int64", pa.nulls(2, pa.int64()), 10)
    assert (stats.low, stats.high, stats.value_count, stats.null_count) == (None, None, 0, 2)
    stats = column_stats(6, "blob", pa.array([b"a"]), 10)
    assert (stats.low, stats.high, stats.contains_nan) == (None, None, None)
