"""Files as source partitions."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel

from dataflow import EventTime, Money
from dataflow.errors import InputMissing
from dataflow.event.schema import EventSchema, schema_of
from dataflow.sources.files.source import FilesSource
from dataflow.sources.source import Source


class Click(BaseModel):
    event_time: EventTime
    ad_id: str
    cost: Money = Decimal(0)
    revenue: Money | None = None
    weight: float | None = None


@pytest.fixture
def event() -> EventSchema:
    return schema_of(Click)


def test_every_file_is_a_source_partition_named_by_its_stem_in_name_order(tmp_path: Path, event: EventSchema) -> None:
    for name in ("b.ndjson", "a.ndjson", "notes.txt"):
        (tmp_path / name).write_text("{}\n")
    source: Source = FilesSource(tmp_path, event)
    assert source.partitions() == ["a", "b"]
    assert source.topic_of("a") is None
    assert source.end_offsets() == {}
    assert not source.partitions_changed()


def test_two_files_with_one_stem_are_two_source_partitions(tmp_path: Path, event: EventSchema) -> None:
    for month in ("feb", "jan"):
        (tmp_path / month).mkdir()
        (tmp_path / month / "part-00000.ndjson").write_text(f'{{"ad_id":"{month}"}}\n')
    first, second = FilesSource(tmp_path, event).partitions()
    assert first == "part-00000"
    assert re.fullmatch(r"part-00000~[0-9a-f]{8}", second)


def test_a_missing_or_empty_folder_is_named(tmp_path: Path, event: EventSchema) -> None:
    with pytest.raises(InputMissing, match="holds no"):
        FilesSource(tmp_path, event)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c.txt").write_text("")
    with pytest.raises(InputMissing, match=r"1 file in \S+ is not read: 1 with \*\.txt \(b/c\.txt\): put some there"):
        FilesSource(tmp_path, event)
    with pytest.raises(InputMissing, match="nowhere"):
        FilesSource(tmp_path / "nowhere", event)


def test_without_a_model_only_lines_are_read_and_parquet_alone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").write_text("")
    with pytest.raises(InputMissing, match="holds Parquet, Avro or CSV files alone, which are read by an event model"):
        FilesSource(tmp_path, None)
    (tmp_path / "lines.ndjson").write_text("{}\n")
    assert FilesSource(tmp_path, None).partitions() == ["lines"]
