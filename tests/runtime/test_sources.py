"""The source that settings name, opened."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel

from dataflow import EventTime, KafkaKey, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.errors import ConfigError, InputMissing
from dataflow.pipeline.plan import make_plan
from dataflow.sources.files.source import FilesSource
from dataflow.sources.generator.source import GeneratorSource
from dataflow.sources.kafka.topic_choice import TopicChoice
from dataflow.sources.ranged import RangedSource, SourceRange, write_ranges
from dataflow.windows import tumble
from runtime.settings import Settings
from runtime.sources import open_source, open_to_look, require_record_times
from tests.sinks.lake.small import small_plan

PLAN = small_plan()
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def opened(**settings: Any) -> Any:
    return open_source(Settings(**settings), PLAN, lambda: NOW)


def test_files_are_read_from_the_folder_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text(json.dumps({"time": 1}) + "\n")
    source = opened(source="files", input=tmp_path)
    assert isinstance(source, FilesSource)
    assert source.partitions() == ["a"]


def test_files_without_a_folder_are_refused() -> None:
    with pytest.raises(ConfigError, match="input"):
        opened(source="files")
    with pytest.raises(InputMissing):
        opened(source="files", input=Path("nowhere-at-all"))


def test_the_generator_makes_the_stream_of_its_settings_from_the_clock_on() -> None:
    source = opened(source="generator", generator_partitions=2, generator_seed=5, generator_records=9)
    assert isinstance(source, GeneratorSource)
    assert source.partitions() == ["generator/0", "generator/1"]
    assert sum(source.end_offsets().values()) == 9
    assert source.open("generator/0", None, None).hint == int(NOW.timestamp() * 1000)


def test_ranges_cut_any_source_to_what_they_name(tmp_path: Path) -> None:
    write_ranges(tmp_path / "ranges.json", {"generator/1": SourceRange(3, 8, 0)})
    source = opened(source="generator", generator_partitions=2, generator_paced=False, ranges=tmp_path / "ranges.json")
    assert isinstance(source, RangedSource)
    assert source.partitions() == ["generator/1"]
    assert source.end_offsets() == {"generator/1": 8}


def test_kafka_is_asked_with_all_that_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    class Source:
        def __init__(self, brokers: str, topics: TopicChoice, **options: Any) -> None:
            asked.update(brokers=brokers, topics=topics, **options)

        def ask_for(self, beside: tuple[str, ...]) -> None:
            assert beside == ()

    monkeypatch.setattr("dataflow.sources.kafka.source.KafkaSource", Source)
    settings = Settings(brokers="b:1", topic="t", group="g", start="latest", kafka={"client.id": "x"})
    open_source(settings, PLAN, lambda: NOW, lambda: True)
    assert asked.pop("stopping")() is True
    assert asked == {
        "brokers": "b:1",
        "topics": TopicChoice(("t",)),
        "group": "g",
        "start": "latest",
        "properties": {"client.id": "x"},
    }


def test_who_only_looks_gets_no_group_and_needs_no_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(
        "dataflow.sources.kafka.source.KafkaSource", lambda *given, **options: asked.append((*given, options))
    )
    open_to_look(Settings(brokers="b:1", topic="t", group="g", kafka={"client.id": "x"}))
    assert asked == [("b:1", TopicChoice(("t",)), {"group": None, "properties": {"client.id": "x"}})]
    (tmp_path / "a.ndjson").write_text("{}\n")
    assert open_to_look(Settings(source="files", input=tmp_path)).partitions() == ["a"]


def test_a_field_that_must_come_from_kafka_is_refused_for_files_by_its_name(tmp_path: Path) -> None:
    class Click(BaseModel):
        at: EventTime
        user: KafkaKey
        note: KafkaKey | None = None

    each = Rollup("each", keys=[], window=tumble("1m"), aggregates={"n": agg.count()})
    plan = make_plan(Pipeline("clicks", Click, [each]), tmp_path)
    with pytest.raises(ConfigError, match=r"field user is the key of a Kafka record, which files do not have"):
        open_source(Settings(source="files", input=tmp_path), plan, lambda: NOW)


def guarded(**more: Any) -> Any:
    return small_plan(max_future="5m", **more)


def test_max_future_needs_a_clock_where_records_have_no_time() -> None:
    for source in ("kafka", "generator"):
        require_record_times(source, guarded())
    require_record_times("files", PLAN)
    require_record_times("files", guarded(max_future_clock="2100-01-01T00:00:00Z"))
    with pytest.raises(ConfigError, match=r"max_future = '5m': counts from a record's timestamp, .* max_future_clock="):
        require_record_times("files", guarded())


def test_no_form_of_file_gives_records_a_time_and_the_generator_gives_each_one(tmp_path: Path) -> None:
    rows = pa.table({"ad": ["a", "b"], "time": [1, 2]})
    lines = b'{"ad": "a", "time": 1}\n{"ad": "b", "time": 2}\n'
    (tmp_path / "a.ndjson").write_bytes(lines)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(lines))
    (tmp_path / "c.csv").write_text("ad,time\na,1\nb,2\n")
    pq.write_table(rows, tmp_path / "d.parquet")
    schema = {"type": "record", "name": "r", "fields": [{"name": "ad", "type": "string"}]}
    with (tmp_path / "e.avro").open("wb") as file:
        fastavro.writer(file, schema, [{"ad": "a"}, {"ad": "b"}])
    files = opened(source="files", input=tmp_path, bounded=True)
    generator = opened(source="generator", generator_partitions=1, generator_records=5, generator_paced=False)
    seen = {name: times(files, name) for name in files.partitions()}
    assert seen == {name: [None, None] for name in "abcde"}
    made = times(generator, "generator/0")
    assert len(made) == 5
    assert None not in made


def times(source: Any, partition: str) -> list[int | None]:
    """The record timestamps of all that a source partition holds."""
    reader = source.open(partition, None, None, source.end_offsets().get(partition))
    found: list[int | None] = []
    while not reader.finished:
        poll = reader.poll(100, 1 << 20)
        found += [] if poll is None else poll.records.column("timestamp").to_pylist()
    reader.close()
    return found
