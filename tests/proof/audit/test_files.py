"""The audit of data files: missing, cut short, changed, or of another number of rows."""

import pyarrow.parquet as pq
import pytest

from tests.proof.audit.told import kinds, the


@pytest.mark.parametrize("table", ["events", "dead_letters", "late_events", "per_ad_delta", "ledger"])
def test_a_missing_file_is_named(lake, table):
    path = lake.files(table)[0][1]
    path.unlink()
    report = lake.audit()
    assert the(report, "file_missing", table).files == (f"main/{table}/{path.name}",)
    others = kinds(report) - {("file_missing", table)}
    if table == "ledger":
        assert ("gap", "ledger") in others
    elif table == "per_ad_delta":
        assert others == {("window", table)}
    else:
        assert others == {("missing", table)}


@pytest.mark.parametrize("table", ["events", "ledger", "visits_delta"])
def test_a_truncated_file_is_named(lake, table):
    _, path = lake.files(table)[1]
    path.write_bytes(path.read_bytes()[:-30])
    report = lake.audit()
    assert the(report, "file_size", table).files == (f"main/{table}/{path.name}",)
    assert the(report, "unreadable", table).files == (f"main/{table}/{path.name}",)


@pytest.mark.parametrize("table", ["events", "dead_letters", "late_events", "per_ad_delta", "moving_delta", "ledger"])
def test_a_changed_byte_is_found_even_where_no_row_changes(lake, table):
    _, path = lake.files(table)[0]
    content = pq.read_table(path, partitioning=None)
    pq.write_table(content, path, store_schema=False, compression="none")
    lake.run("UPDATE ducklake_data_file SET file_size_bytes = ? WHERE path = ?", path.stat().st_size, path.name)
    report = lake.audit()
    assert kinds(report) == {("file_digest", table)}
    assert report.findings[0].files == (f"main/{table}/{path.name}",)


def test_a_wrong_row_count_in_the_catalog_is_found(lake):
    number, path = lake.files("moving_delta")[0]
    lake.run("UPDATE ducklake_data_file SET record_count = record_count + 1 WHERE data_file_id = ?", number)
    report = lake.audit()
    assert kinds(report) == {("file_rows", "moving_delta")}
    assert report.findings[0].files == (f"main/moving_delta/{path.name}",)
