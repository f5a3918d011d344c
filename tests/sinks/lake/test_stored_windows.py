"""Rows of windows read back: those of live files and of staged ones, whatever was compacted meanwhile."""

from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest

from dataflow.pipeline.tables import rollup_tables
from sinks.lake import files, stored_windows
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.layout import Bounds, DataFile
from sinks.lake.content import DamagedFile, committed_bytes
from sinks.lake.stored_windows import TRIES, StoredWindows, _may_hold
from sinks.lake.writer import commit
from tests.sinks.lake.small import parcel, per_ad_row, small_plan, writer_for
from tests.sinks.lake.upkeep.growing_lake import Lake

PLAN = small_plan()
SPEC = rollup_tables(PLAN.rollups[0])[0]
MINUTE = 60_000


def window(minute: int) -> tuple[int, int]:
    return minute * MINUTE, (minute + 1) * MINUTE


def clicks(folder: Path, *minutes: int, staged: Any = ()) -> list[int]:
    catalog = Catalog.look(folder)
    try:
        table = catalog.tables()[SPEC.name]
        rows = StoredWindows(catalog).rows(table, SPEC.schema, {window(each) for each in minutes}, staged)
        assert rows.schema == SPEC.schema
        return sorted(rows.column("clicks").to_pylist())
    finally:
        catalog.close()


def test_the_rows_of_the_windows_asked_for_come_back_unmerged(tmp_path: Path) -> None:
    writer = writer_for(tmp_path / "lake", PLAN)
    for epoch, minutes in enumerate(((0, 1), (1, 2), (5, 6)), start=1):
        rows = [per_ad_row("a", minute, epoch * 10 + minute) for minute in minutes]
        commit(writer, [parcel(PLAN, 0, epoch, epoch + 1, tables={SPEC.name: rows})], epoch)
    writer.close()
    assert clicks(tmp_path / "lake", 1) == [11, 21]
    assert clicks(tmp_path / "lake", 0, 2, 6) == [10, 22, 36]
    assert clicks(tmp_path / "lake", 3, 4) == []


def test_files_that_are_staged_and_not_published_yet_count(tmp_path: Path) -> None:
    writer = writer_for(tmp_path / "lake", PLAN)
    commit(writer, [parcel(PLAN, 0, 0, 1, tables={SPEC.name: [per_ad_row("a", 1, 1)]})], 1)
    writer.write([parcel(PLAN, 2, 1, 2, tables={SPEC.name: [per_ad_row("a", 1, 5), per_ad_row("a", 9, 6)]})])
    writer.snapshot()
    staged = [file for manifest in writer._pending for file in manifest.files]
    writer.close()
    assert clicks(tmp_path / "lake", 1) == [1]
    assert clicks(tmp_path / "lake", 1, staged=staged) == [1, 5]


def test_a_file_that_a_compaction_has_replaced_is_looked_up_again(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake", 16)
    before = clicks(lake.folder, 0, 1)
    tried: list[Path] = []

    def compacted_meanwhile(path: Path, *given: Any, **named: Any) -> Any:
        if not tried:
            tried.append(path)
            lake.compact()
            path.unlink(missing_ok=True)
        return committed_bytes(path, *given, **named)

    with patch.object(stored_windows, "committed_bytes", compacted_meanwhile):
        assert sum(clicks(lake.folder, 0, 1)) == sum(before) == 16
    assert tried


def test_a_file_that_is_lost_is_told(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake", 2)
    for path in (lake.folder / "main" / SPEC.name).glob("*.parquet"):
        path.unlink()
    asked: list[object] = []

    def counted(*given: Any, **named: Any) -> Any:
        asked.append(given)
        return committed_bytes(*given, **named)

    with patch.object(stored_windows, "committed_bytes", counted), pytest.raises(DamagedFile, match="cannot be read"):
        clicks(lake.folder, 0)
    assert len(asked) == TRIES


@pytest.mark.parametrize(
    ("low", "high", "starts", "may"),
    [
        ("1970-01-01 00:01:00.0", "1970-01-01 00:03:00.0", [0, 240_000], False),
        ("1970-01-01 00:01:00.0", "1970-01-01 00:03:00.0", [0, 120_000, 240_000], True),
        ("1970-01-01 00:01:00.0", "1970-01-01 00:03:00.0", [60_000], True),
        ("1970-01-01 00:01:00.0", "1970-01-01 00:03:00.0", [180_000], True),
        ("1970-01-01 00:01:00.0", "1970-01-01 00:03:00.0", [180_001], False),
        ("1970-01-01 00:00:00.25", "1970-01-01 00:00:00.25", [250], True),
        (None, None, [0], True),
        # a time that has no text may be anywhere
        ("1970-01-01 00:01:00.0", "1970-01-01 00:03:00.0", [2**61], True),
    ],
)
def test_files_are_left_out_by_their_bounds(low: str | None, high: str | None, starts: list[int], may: bool) -> None:
    file = DataFile(1, Path("x"), 1, 0, 1, None, 1, {"window_start": Bounds(low, high, 0)})
    assert _may_hold(file, starts) is may


def test_windows_that_begin_in_some_times_come_back_of_the_files_that_may_have_them(tmp_path: Path) -> None:
    writer = writer_for(tmp_path / "lake", PLAN)
    for epoch, minutes in enumerate(((0, 1), (2, 3), (5, 6)), start=1):
        rows = [per_ad_row("a", minute, minute) for minute in minutes]
        commit(writer, [parcel(PLAN, 0, epoch, epoch + 1, tables={SPEC.name: rows})], epoch)
    writer.close()
    catalog = Catalog.look(tmp_path / "lake")
    read: list[Path] = []

    def seen(path: Path, *given: Any, **named: Any) -> Any:
        read.append(path)
        return committed_bytes(path, *given, **named)

    def between(*spans: tuple[int, int]) -> list[int]:
        read.clear()
        table = catalog.tables()[SPEC.name]
        pieces = StoredWindows(catalog).rows_between(table, SPEC.schema, spans)
        return sorted(value for rows in pieces for value in rows.column("clicks").to_pylist())

    with patch.object(stored_windows, "committed_bytes", seen):
        assert between((MINUTE, 2 * MINUTE + 1), (6 * MINUTE, 7 * MINUTE)) == [1, 2, 6]
        assert between((MINUTE + 1, 2 * MINUTE)) == []
        assert between((3 * MINUTE, 5 * MINUTE)) == [3]
        assert len(read) == 1
        assert between((3 * MINUTE + 1, 2**63 - 1)) == [5, 6]
        assert len(read) == 1
        assert between((-(2**63), 1)) == [0]
    catalog.close()


def test_pieces_come_from_files_that_may_go_meanwhile_with_the_columns_that_are_asked_for(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake", 16)
    catalog = Catalog.look(lake.folder)
    schema = pa.schema([SPEC.schema.field("window_start"), SPEC.schema.field("clicks"), pa.field("absent", pa.int8())])
    pieces = StoredWindows(catalog).rows_between(catalog.tables()[SPEC.name], schema, [(0, 2**63 - 1)])
    first = next(pieces)
    for path in (lake.folder / "main" / SPEC.name).glob("*.parquet"):
        path.unlink()
    rows = pa.concat_tables([first, *pieces])
    assert rows.schema == schema
    assert sum(rows.column("clicks").to_pylist()) == 16
    assert rows.column("absent").null_count == rows.num_rows
    catalog.close()


def test_a_large_file_comes_a_row_group_at_a_time(tmp_path: Path) -> None:
    writer = writer_for(tmp_path / "lake", PLAN)
    with patch.object(files, "ROW_GROUP_ROWS", 2):
        rows = [per_ad_row(f"ad{number}", number % 3, number) for number in range(5)]
        commit(writer, [parcel(PLAN, 0, 0, 5, tables={SPEC.name: rows})], 1)
    writer.close()
    catalog = Catalog.look(tmp_path / "lake")
    table = catalog.tables()[SPEC.name]
    pieces = list(StoredWindows(catalog).rows_between(table, SPEC.schema, [(MINUTE, 9 * MINUTE)]))
    assert max(piece.num_rows for piece in pieces) <= 2
    assert sorted(value for rows in pieces for value in rows.column("clicks").to_pylist()) == [1, 2, 4]
    catalog.close()
