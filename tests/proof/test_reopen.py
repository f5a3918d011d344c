"""A lake's own source read once more: from its beginning, as it was, and without touching the pipeline's group."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dataflow.errors import LakeError
from dataflow.sources.generator.adstream import AdStream
from proof.reopen import generator_start, reopen
from query.reader import LakeReader
from runtime.settings import Settings
from tests.query.lakes import LakeMaker, clicks

STREAM = AdStream(3, 2, 5_000.0)
START_MS = 1_767_225_600_000
NOW = datetime(2026, 5, 5, tzinfo=UTC)


def stored(table: str, partition: int, offset: int) -> dict[str, list[dict[str, Any]]]:
    """A row of the stream that began at START_MS."""
    stamp = START_MS + int(STREAM.timestamps(partition, offset, 1)[0])
    row: dict[str, Any] = {"partition": f"generator/{partition}", "offset": offset, "record_timestamp": stamp}
    return {table: [row]}


@pytest.fixture
def lake(tmp_path: Path) -> Any:
    with LakeMaker(tmp_path / "lake") as maker:
        yield maker


@pytest.mark.parametrize("table", ["events", "dead_letters"])
def test_the_start_of_a_generators_stream_is_worked_out_from_any_stored_row(lake: LakeMaker, table: str) -> None:
    lake.commit(stored(table, 1, 77))
    with LakeReader(lake.folder) as reader:
        assert generator_start(STREAM, reader) == START_MS


def test_a_stream_that_knows_another_start_gives_the_same(lake: LakeMaker) -> None:
    lake.commit(stored("events", 0, 5))
    other = AdStream(3, 2, 5_000.0, START_MS + 99)
    with LakeReader(lake.folder) as reader:
        assert generator_start(other, reader) == START_MS


def test_a_lake_without_such_a_row_cannot_tell(lake: LakeMaker) -> None:
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 1)]})
    with LakeReader(lake.folder) as reader, pytest.raises(LakeError, match="run it for a moment"):
        generator_start(STREAM, reader)


def test_the_generator_gives_the_very_records_again_all_at_once(lake: LakeMaker) -> None:
    lake.commit(stored("events", 0, 5))
    settings = Settings(source="generator", generator_seed=3, generator_partitions=2, generator_rate=5_000.0)
    with LakeReader(lake.folder) as reader:
        source = reopen(settings, lake.plan, reader, lambda: NOW)
    poll = source.open("generator/0", 5, None, 7).poll(10, 1 << 20)
    assert poll is not None
    wanted = AdStream(3, 2, 5_000.0, START_MS).records(0, 5, 2)
    found = zip(*(poll.records.column(name).to_pylist() for name in ("timestamp", "value")), strict=True)
    assert list(found) == wanted


def test_other_sources_are_read_from_the_oldest_on_in_a_group_of_their_own(
    lake: LakeMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Settings, datetime]] = []

    def opened(settings: Settings, _plan: Any, clock: Any, *, known: Any) -> str:
        assert known == {}
        asked.append((settings, clock() + timedelta(0)))
        return "the source"

    monkeypatch.setattr("runtime.sources.open_source", opened)
    settings = Settings(source="kafka", start="latest", group="mine")
    with LakeReader(lake.folder) as reader:
        assert reopen(settings, lake.plan, reader, lambda: NOW) == "the source"  # type: ignore[comparison-overlap]
    ((again, now),) = asked
    assert (again.start, again.group, now) == ("earliest", "mine-check", NOW)
    assert settings.start == "latest"
