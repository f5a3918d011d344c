"""What is told of a published epoch is what its manifest holds."""

from dataflow.messages import Range
from sinks.lake.catalog.staged import StagedFile
from sinks.lake.commit_stats import stats_of
from sinks.lake.manifest import Manifest


def staged(table: str, rows: int, size_bytes: int) -> StagedFile:
    return StagedFile(table, 1, f"{table}.parquet", rows, size_bytes, 0, "", ())


def test_files_rows_and_bytes_are_those_of_the_manifest() -> None:
    ranges = (Range("ads/0", "ads", 0, 5, read=5),)
    manifest = Manifest("lineage", 7, (staged("ledger", 1, 100), staged("clicks_delta", 4, 50)), ranges)
    told = stats_of(manifest, 12, 0.25, 0.5)
    assert (told.epoch, told.snapshot_id, told.files, told.file_bytes) == (7, 12, 2, 150)
    assert told.rows == {"ledger": 1, "clicks_delta": 4}
    assert (told.ranges, told.stage_seconds, told.seconds, told.alerts) == (ranges, 0.25, 0.5, ())
