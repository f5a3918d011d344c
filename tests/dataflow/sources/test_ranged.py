"""Offset ranges of a source."""

import pytest

from dataflow.errors import ConfigError
from dataflow.pipeline.plan import make_plan
from dataflow.rules import Rules
from dataflow.sources.files.source import FilesSource
from dataflow.sources.ranged import RangedSource, SourceRange, read_ranges, write_ranges
from runtime.settings import load_settings
from runtime.sources import open_source
from tests.proof.audited import pipeline


@pytest.fixture
def plan(tmp_path):
    return make_plan(pipeline(), tmp_path)


@pytest.fixture
def files(tmp_path, plan):
    for name in "abc":
        (tmp_path / f"{name}.ndjson").write_text("".join(f"{number}\n" for number in range(10)))
    return FilesSource(tmp_path, plan.event)


def offsets(reader) -> list[int]:
    found: list[int] = []
    while not reader.finished:
        poll = reader.poll(4, 1000)
        if poll is not None:
            found += poll.records.column("offset").to_pylist()
    reader.close()
    return found


def test_only_the_named_partitions_are_there_from_start_to_end(files):
    source = RangedSource(files, {"c": SourceRange(0, 2), "a": SourceRange(3, 7)})
    assert source.partitions() == ["a", "c"]
    assert offsets(source.open("a", None, None)) == [3, 4, 5, 6]
    assert offsets(source.open("a", 5, None, 6)) == [5, 6]
    assert offsets(source.open("c", 2, None)) == []
    assert source.end_offsets() == {"a": 7, "c": 2}
    assert (source.partitions_changed(), source.topic_of("a")) == (False, None)


def test_a_partition_that_the_source_lacks_is_refused(files):
    with pytest.raises(ConfigError, match="ranges = 'd': the source has no such partition"):
        RangedSource(files, {"d": SourceRange(0, 1)})


def test_ranges_come_from_a_file(tmp_path):
    strict, mild = Rules(0, 1, 2, (("r", 3),)), Rules(9, 8, 7)
    ranges = {"ads/0": SourceRange(1, 5, 17, ((1, strict), (3, mild))), "ads/1": SourceRange(0, 0)}
    write_ranges(tmp_path / "r.json", ranges)
    assert read_ranges(tmp_path / "r.json") == ranges


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}x",
        '{"a": 1}',
        '{"a": {"start": 2}}',
        '{"a": {"start": 2, "end": 1}}',
        '{"a": {"start": 2, "end": 3, "rules": [[2, {}]]}}',
    ],
)
def test_a_file_that_holds_no_ranges_is_refused(tmp_path, text):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(ConfigError, match=r"ranges = .*r\.json"):
        read_ranges(tmp_path / "r.json")


def test_a_range_that_begins_before_the_first_offset_is_refused(tmp_path):
    (tmp_path / "r.json").write_text('{"ads/0": {"start": -1, "end": 2}}')
    with pytest.raises(ConfigError, match=r"ads/0: write whole offsets with 0 <= start <= end"):
        read_ranges(tmp_path / "r.json")


def test_a_run_reads_the_ranges_of_its_setting(tmp_path, plan, files):
    write_ranges(tmp_path / "r.json", {"b": SourceRange(2, 4)})
    settings = load_settings({"source": "files", "input": tmp_path, "ranges": tmp_path / "r.json"}, {}, tmp_path)
    source = open_source(settings, plan, lambda: pytest.fail("no clock is needed"))
    assert source.partitions() == ["b"]
    assert offsets(source.open("b", None, None)) == [2, 3]
