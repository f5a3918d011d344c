"""Files as source partitions."""

import json
import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel

from dataflow import EventTime, Money
from dataflow.errors import InputMissing, SourceError
from dataflow.event.schema import EventSchema, schema_of
from dataflow.sources.files.recognised import recognise
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


def test_a_file_that_goes_while_the_folder_is_looked_at_is_one_that_is_not_there(
    tmp_path: Path, event: EventSchema, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        (tmp_path / f"{name}.ndjson").write_text("{}\n")
    seen: list[int] = []

    def goes(files: Any, known: Any) -> Any:
        if not seen:
            (tmp_path / "a.ndjson").unlink()
        seen.append(len(files))
        return recognise(files, known)

    monkeypatch.setattr("dataflow.sources.files.source.recognise", goes)
    assert FilesSource(tmp_path, event).partitions() == ["b"]
    assert seen == [2, 1]


def test_a_file_that_goes_before_it_is_opened_is_one_message(
    tmp_path: Path, event: EventSchema, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text("{}\n")
    source = FilesSource(tmp_path, event)
    monkeypatch.setattr(Path, "is_file", lambda self: True)
    path.unlink()
    with pytest.raises(InputMissing, match=r"a\.ndjson is gone: put it back"):
        source.open("a", None, None)


@pytest.mark.parametrize("name", ["a.ndjson", "a.csv", "a.parquet", "a.avro", "a.ndjson.gz"])
def test_a_file_that_cannot_be_read_is_one_message(tmp_path: Path, event: EventSchema, name: str) -> None:
    # the memory of a process is a file that nobody can read at its beginning
    (tmp_path / name).symlink_to("/proc/self/mem")
    with pytest.raises((SourceError, InputMissing), match=rf"{name} |mem cannot be read") as told:
        FilesSource(tmp_path, event).open("a", None, None)
    assert "cannot be read" in str(told.value)


def test_a_folder_that_cannot_be_looked_into_is_named_and_not_passed_by(
    tmp_path: Path, event: EventSchema, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.ndjson").write_text("{}\n")
    (tmp_path / "locked").mkdir()
    scandir = os.scandir

    def refused(path: Any) -> Any:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr("os.scandir", refused)
    with pytest.raises(SourceError, match=r"locked cannot be read: Permission denied\. Let this user read it"):
        FilesSource(tmp_path, event)


@pytest.mark.parametrize("name", ["a.ndjson", "a.csv", "a.avro", "a.parquet"])
def test_a_file_that_is_cut_while_it_is_read_is_one_message_or_none(
    tmp_path: Path, event: EventSchema, name: str
) -> None:
    rows = [{"event_time": n, "ad_id": f"ad-{n}"} for n in range(200_000)]
    path = tmp_path / name
    if name == "a.parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=50_000)
    elif name == "a.avro":
        fields = [{"name": "event_time", "type": "long"}, {"name": "ad_id", "type": "string"}]
        with path.open("wb") as file:
            fastavro.writer(file, {"type": "record", "name": "Click", "fields": fields}, rows, sync_interval=1000)
    elif name == "a.csv":
        path.write_text("event_time,ad_id\n" + "".join(f"{each['event_time']},{each['ad_id']}\n" for each in rows))
    else:
        path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    reader = FilesSource(tmp_path, event, whole=False).open("a", None, None)
    poll = reader.poll(10, 1 << 20)
    assert poll is not None
    os.truncate(path, path.stat().st_size // 3)
    read, told = poll.end, ""
    try:
        while not reader.finished:
            poll = reader.poll(10_000, 1 << 20)
            read = read if poll is None else poll.end
    except SourceError as problem:
        told = str(problem)
    assert not told or str(path) in told
    assert 10 <= read <= 200_000
    reader.close()
