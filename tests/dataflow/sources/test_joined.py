"""Several sources as one."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from dataflow import EventTime
from dataflow.errors import InputMissing
from dataflow.event.schema import schema_of
from dataflow.sources.files.source import FilesSource
from dataflow.sources.joined import JoinedSource


class Click(BaseModel):
    time: EventTime


def test_each_partition_is_opened_by_its_own_source(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.ndjson").write_text(f"{name}\n")
    both = JoinedSource([FilesSource(tmp_path / name, schema_of(Click)) for name in ("a", "b")])
    assert both.partitions() == ["a", "b"]
    for name in ("a", "b"):
        reader = both.open(name, None, None)
        poll = reader.poll(10, 1000)
        assert poll is not None
        assert poll.records.column("value").to_pylist() == [name.encode()]
        reader.close()
        assert both.is_at_end(name)
    assert both.topic_of("c") is None
    assert not both.is_at_end("c")
    assert (both.end_offsets(), both.waiting(), both.partitions_changed()) == ({}, {}, False)
    with pytest.raises(InputMissing, match="c is of a source that is not named"):
        both.open("c", None, None)
    both.close()
