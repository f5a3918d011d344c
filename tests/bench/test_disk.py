"""Bytes on disk are those of the files that the newest snapshot lists."""

from pathlib import Path

from bench.disk import Table, as_markdown, play, size_bytes, tables


def test_a_table_without_rows_costs_nothing_per_row() -> None:
    assert Table("t", 0, 0).row_bytes == 0.0
    assert Table("t", 4, 10).row_bytes == 2.5


def test_a_line_tells_bytes_per_row_and_per_record() -> None:
    assert as_markdown([Table("t", 4, 1_000)], 500).splitlines()[2] == "| t | 4 | 1,000 | 250.0 | 2.0 |"


def test_sizes_are_those_of_files_and_of_all_files_below_a_folder(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "a").write_bytes(b"12345")
    (tmp_path / "b").write_bytes(b"123")
    assert size_bytes([tmp_path / "deep", tmp_path / "b"]) == 8


def test_a_short_run_fills_the_tables_that_the_page_on_sizing_counts(tmp_path: Path) -> None:
    usage = play(tmp_path, rate=2_000, seconds=1, partitions=2)
    found = {table.name: table for table in tables(tmp_path / "lake")}
    assert found["events"].rows > 1_000
    assert found["events"].bytes == size_bytes((tmp_path / "lake" / "main" / "events").glob("*.parquet"))
    assert {"ledger", "ad_clicks_1m_delta", "campaign_1m_delta", "revenue_1h_delta", "clicks_5m_delta"} <= found.keys()
    assert usage.cpu_s > 0
