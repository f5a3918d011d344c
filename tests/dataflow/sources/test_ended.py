"""Partitions that ended and are gone stay on a source's list, give nothing and keep their place."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from dataflow import EventTime
from dataflow.event.schema import schema_of
from dataflow.sources.ended import EndedReader, WithEnded
from dataflow.sources.files.source import FilesSource


class Click(BaseModel):
    time: EventTime


@pytest.fixture
def source(tmp_path: Path) -> WithEnded:
    (tmp_path / "here.ndjson").write_text('{"time":1}\n{"time":2}\n')
    return WithEnded(FilesSource(tmp_path, schema_of(Click)), {"gone": 7})


def test_the_ended_ones_stand_behind_those_that_are_there(source: WithEnded) -> None:
    assert source.partitions() == ["here", "gone"]
    assert source.topic_of("gone") is None
    assert source.end_offsets() == {}
    assert not source.partitions_changed()


def test_an_ended_one_finishes_at_once_with_its_place_and_hint(source: WithEnded) -> None:
    for next_offset, place in ((9, 9), (None, 7)):
        reader = source.open("gone", next_offset, (120, True))
        assert isinstance(reader, EndedReader)
        assert (reader.position, reader.finished, reader.hint) == (place, True, (120, True))
        assert (reader.poll(10, 1000), reader.lag()) == (None, 0)
        reader.confirm()
        reader.close()


def test_one_that_is_there_is_read_as_ever(source: WithEnded) -> None:
    reader = source.open("here", 1, None)
    poll = reader.poll(10, 1000)
    assert poll is not None
    assert (poll.start, poll.end) == (1, 2)
    reader.close()
    source.close()


def test_partitions_of_other_sources_rest_with_their_topics_and_are_not_at_their_end(tmp_path: Path) -> None:
    (tmp_path / "here.ndjson").write_text("{}\n")
    both = WithEnded(FilesSource(tmp_path, schema_of(Click)), {"gone": 7}, {"ads/0": "ads"})
    assert both.partitions() == ["here", "gone", "ads/0"]
    assert (both.topic_of("ads/0"), both.topic_of("gone")) == ("ads", None)
    reader = both.open("ads/0", 9, "its hint")
    assert (reader.position, reader.finished, reader.unfinished, reader.hint) == (9, True, True, "its hint")
    assert not both.open("gone", None, None).unfinished


def test_a_file_that_was_read_to_its_end_stays_so_while_its_source_rests(tmp_path: Path) -> None:
    (tmp_path / "here.ndjson").write_text("{}\n")
    both = WithEnded(FilesSource(tmp_path, schema_of(Click)), {}, {"old": None, "half": None}, {"old": 4})
    assert not both.open("old", 4, None).unfinished
    assert both.open("half", 4, None).unfinished
    assert [both.rests(name) for name in ("old", "half", "here")] == [True, True, False]
