"""Files as source partitions."""

from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel

from dataflow import EventTime, Money
from dataflow.errors import ConfigError, InputMissing
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


def test_two_files_with_one_stem_are_refused(tmp_path: Path, event: EventSchema) -> None:
    (tmp_path / "a.ndjson").write_text("")
    (tmp_path / "a.parquet").write_text("")
    with pytest.raises(ConfigError, match=r"a\.ndjson and a\.parquet"):
        FilesSource(tmp_path, event)


def test_a_missing_or_empty_folder_is_named(tmp_path: Path, event: EventSchema) -> None:
    with pytest.raises(InputMissing, match="holds no"):
        FilesSource(tmp_path, event)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c.ndjson").write_text("")
    with pytest.raises(InputMissing, match=rf"name a folder that has some, like --input {tmp_path / 'b'}$"):
        FilesSource(tmp_path, event)
    with pytest.raises(InputMissing, match="nowhere"):
        FilesSource(tmp_path / "nowhere", event)


def test_without_a_model_only_lines_are_read_and_parquet_alone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").write_text("")
    with pytest.raises(InputMissing, match="holds Parquet files alone, which are read by an event model"):
        FilesSource(tmp_path, None)
    (tmp_path / "lines.ndjson").write_text("{}\n")
    assert FilesSource(tmp_path, None).partitions() == ["lines"]
