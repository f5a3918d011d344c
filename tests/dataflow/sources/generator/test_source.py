"""The made-up stream as a source: paced by a clock or all at once, up to a total."""

import pytest

from dataflow.errors import ConfigError
from dataflow.messages import POLL_SCHEMA
from dataflow.sources.generator.adstream import AdStream
from dataflow.sources.generator.source import GeneratorSource
from dataflow.sources.source import Source

START_MS = 1_767_225_600_000
STREAM = AdStream(seed=5, partitions=4, rate=1_000.0, start_ms=START_MS)


def test_a_paced_source_follows_the_clock_and_goes_on_where_it_was() -> None:
    now_ms = START_MS
    source: Source = GeneratorSource(AdStream(rate=1_000.0), now_ms=lambda: now_ms, seconds=10)
    assert source.partitions() == ["generator/0", "generator/1", "generator/2", "generator/3"]
    reader = source.open("generator/0", None, None)
    now_ms += 2_000
    poll = reader.poll(100_000, 1 << 30)
    assert poll is not None
    assert poll.records.schema == POLL_SCHEMA
    assert poll.records.column("timestamp").to_pylist()[-1] <= now_ms
    assert reader.poll(100_000, 1 << 30) is None
    now_ms += 1_000
    lag = reader.lag()
    again = GeneratorSource(AdStream(rate=1_000.0), now_ms=lambda: now_ms, seconds=10)
    resumed = again.open("generator/0", reader.position, reader.hint)
    here, there = reader.poll(100_000, 1 << 30), resumed.poll(100_000, 1 << 30)
    assert here is not None
    assert there is not None
    assert here.records.equals(there.records)
    assert here.records.num_rows == lag
    now_ms += 60_000
    while not reader.finished:
        assert reader.poll(1_000, 1 << 30) is not None
    assert reader.position == source.end_offsets()["generator/0"]


def test_without_a_pace_everything_is_there_at_once_up_to_the_total() -> None:
    source = GeneratorSource(STREAM, now_ms=lambda: 0, paced=False, total=10_000)
    read = 0
    for partition in source.partitions():
        reader = source.open(partition, None, None, source.end_offsets()[partition])
        while not reader.finished:
            poll = reader.poll(777, 1 << 30)
            assert poll is not None
            read += poll.records.num_rows
        assert reader.poll(1, 1) is None
    assert read == 10_000


def test_a_total_and_seconds_together_are_refused() -> None:
    with pytest.raises(ConfigError, match="not both"):
        GeneratorSource(STREAM, now_ms=lambda: 0, total=1, seconds=1)
