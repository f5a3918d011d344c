"""Reading a data file back: only what was committed, under the names and types of now."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pytest

from dataflow.errors import LakeError
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.layout import TableLayout
from sinks.lake.content import DamagedFile, read_content, require_plain
from tests.ducklake_client import ducklake_query
from tests.sinks.lake.small import Clock, at
from tests.sinks.lake.tables.older import PLAN, ROWS, fill, older_lake
from tests.sinks.lake.upkeep.growing_lake import Lake


def of_events(folder: Path) -> tuple[Path, TableLayout]:
    catalog = Catalog.open(folder)
    table = catalog.tables()["events"]
    catalog.close()
    return next((folder / "main" / "events").iterdir()), table


def test_a_file_has_its_rows_and_one_snapshot_for_all_where_it_does_not_tell(tmp_path: Path) -> None:
    fill(tmp_path, Clock(), range(1, 2))
    path, table = of_events(tmp_path)
    content, marks = read_content(path, table, digest=None, snapshot=77)
    assert content.column_names == [column.name for column in table.columns]
    assert content.column("time").to_pylist() == [at(n * 1000 - 5000) for n in range(ROWS)]
    assert marks.to_pylist() == [77] * ROWS


def test_a_merged_file_tells_the_snapshot_of_each_row(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake", 9)
    lake.compact()
    (name,) = (path for path in lake.listed("events") if path.startswith("compact-"))
    _, table = of_events(lake.folder)
    _, marks = read_content(lake.folder / "main" / "events" / name, table, digest=None, snapshot=77)
    assert marks.to_pylist() == sorted(set(marks.to_pylist()))
    assert 77 not in marks.to_pylist()


def test_a_time_from_when_its_column_was_int64_is_a_timestamp(tmp_path: Path) -> None:
    older_lake(tmp_path, Clock(), 1)
    path, table = of_events(tmp_path)
    becomes = tuple(
        column._replace(id=99, type="timestamp", former_id=column.id) if column.name == "time" else column
        for column in table.columns
    )
    content, _ = read_content(path, table._replace(columns=becomes), digest=None, snapshot=1)
    assert content.schema.field("time").type == pa.timestamp("ms")
    assert content.column("time").to_pylist() == [at(n * 1000 - 5000) for n in range(ROWS)]


def test_other_bytes_than_those_committed_and_an_absent_file_are_damage(tmp_path: Path) -> None:
    fill(tmp_path, Clock(), range(1, 2))
    path, table = of_events(tmp_path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    read_content(path, table, digest=digest, snapshot=1)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(DamagedFile, match="is not the file that was committed; see `tidemill audit`"):
        read_content(path, table, digest=digest, snapshot=1)
    path.unlink()
    with pytest.raises(DamagedFile, match="cannot be read"):
        read_content(path, table, digest=digest, snapshot=1)


@pytest.mark.ducklake
def test_what_a_rewritten_file_would_not_keep_is_refused_with_the_way_out(tmp_path: Path) -> None:
    fill(tmp_path, Clock(), range(1, 2))
    assert PLAN.event.event_time.name == "time"
    ducklake_query(tmp_path, ["ALTER TABLE events ADD COLUMN note STRUCT(a INTEGER)"], writable=True)
    catalog = Catalog.open(tmp_path)
    with pytest.raises(LakeError, match="DROP COLUMN note, then start again"):
        require_plain(catalog.connection, catalog.tables()["events"], "start again")
    require_plain(catalog.connection, catalog.tables()["late_events"], "start again")
    catalog.close()
