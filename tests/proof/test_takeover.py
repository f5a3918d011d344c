"""A lake taken over: what its source partitions start from is read back from the source, or nothing changes."""

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dataflow.decode.decoder import decoder_for
from dataflow.errors import OffsetLost, RecoveryError
from dataflow.intake.judge import Judge
from dataflow.own_columns import WATERMARK
from dataflow.pipeline.plan import Plan
from dataflow.sources.source import Source
from proof.takeover import TakenOver, take_over
from runtime.recovery_folder import RecoveryFolder
from sinks.lake.catalog.catalog import Catalog
from tests.harness import Product
from tests.model import small
from tests.model.changing import Changing, changing
from tests.model.files import read_folder
from tests.model.spec import AggregateSpec, PipelineSpec, Record, RollupSpec, WindowSpec
from tests.model.streams import Cuts
from tests.proof.audited import Audited
from tests.proof.memory_source import MemorySource
from tests.proof.silent_source import SilentReader, SilentSource
from tests.small_event import to_pipeline

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


class LosingSource(MemorySource):
    """Has dropped what lies before `low`."""

    low = 0

    def open(self, partition: str, next_offset: int | None, hint: Any | None, bounded_end: int | None = None) -> Any:
        if (next_offset or 0) < self.low:
            raise OffsetLost(f"{partition} begins at {self.low}")
        return super().open(partition, next_offset, hint, bounded_end)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    return Audited(tmp_path_factory.mktemp("taken"))


@pytest.fixture
def lake(made: Audited, tmp_path: Path) -> Audited:
    SilentReader.asked = 0
    return made.copy(tmp_path)


@contextmanager
def opened(lake: Audited) -> Iterator[Catalog]:
    catalog = Catalog.open(lake.lake)
    try:
        yield catalog
    finally:
        catalog.close()


def taken_from(lake: Audited, source: Source, wait: Callable[[], None] = lambda: None) -> list[TakenOver]:
    recovery = RecoveryFolder(lake.folder / "recovery")
    with opened(lake) as catalog:
        return take_over(catalog, lake.plan, source, recovery, clock=lambda: NOW, wait=wait)


def lineage_of(lake: Audited) -> str:
    with opened(lake) as catalog:
        return str(catalog.one("SELECT lineage FROM own_pipeline")[0])


def test_a_source_that_has_nothing_yet_is_waited_for_and_not_asked_without_pause(lake: Audited) -> None:
    waits: list[int] = []
    source = MemorySource(read_folder(lake.input), (0, 0, 7))
    taken = taken_from(lake, source, lambda: waits.append(1))
    polls = sum(-(-len(records) // 7) for records in source.records.values())
    assert len(waits) == 2 * polls
    assert [(each.partition, each.next_offset, each.how) for each in taken] == [
        ("left", 60, "ids read back from offset 0 of the source"),
        ("right", 60, "ids read back from offset 0 of the source"),
    ]
    recovery = RecoveryFolder(lake.folder / "recovery")
    assert recovery.lineage == lineage_of(lake)
    assert {name: state["next"] for name, state in recovery.seed().items()} == {"left": 60, "right": 60}


def test_whatever_ends_the_wait_leaves_everything_as_it_was_and_another_try_is_free_to_begin(lake: Audited) -> None:
    recovery = RecoveryFolder(lake.folder / "recovery")
    lineage, before = recovery.create(), lineage_of(lake)

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        taken_from(lake, SilentSource(read_folder(lake.input), ()), interrupted)
    assert (recovery.lineage, lineage_of(lake)) == (lineage, before)
    taken_from(lake, lake.source())
    assert recovery.lineage == lineage_of(lake) != before
    assert RecoveryFolder(lake.folder / "recovery.before-20260304T050607").lineage == lineage


def test_a_source_that_ends_before_the_lake_does_is_refused_and_not_waited_for(lake: Audited) -> None:
    class Short(SilentSource):
        def end_offsets(self) -> dict[str, int]:
            return {"left": 59}

    with pytest.raises(RecoveryError, match="partition left does not hold the records that the lake was made from"):
        taken_from(lake, Short(read_folder(lake.input), ()))
    assert SilentReader.asked == 0


def test_a_file_that_lost_its_last_lines_is_refused(lake: Audited) -> None:
    lines = (lake.input / "left.ndjson").read_text().splitlines(keepends=True)
    # the last line but one is late by far: neither duplicates nor the watermark tell that it is gone
    late = json.loads(lines[58]) | {"id": "late", "time": 1_700_000_000_000}
    longer = [*lines, json.dumps(late) + "\n"]
    lake.run("UPDATE own_offset SET next = 61 WHERE \"partition\" = 'left'")
    (lake.input / "left.ndjson").write_text("".join(longer))
    assert [each.next_offset for each in taken_from(lake, lake.source())] == [61, 60]
    (lake.input / "left.ndjson").write_text("".join(lines))
    with pytest.raises(RecoveryError, match="partition left does not hold"):
        taken_from(lake, lake.source())


def test_a_source_that_gives_another_watermark_is_refused(lake: Audited) -> None:
    lines = (lake.input / "right.ndjson").read_text().splitlines()
    times = [json.loads(line)["time"] if line not in ("", "{") else 0 for line in lines]
    newest = times.index(max(times))
    # the same ids, so as many duplicates: only the largest event time tells that these are other records
    lines[newest] = json.dumps(json.loads(lines[newest]) | {"time": times[newest] + 1})
    (lake.input / "right.ndjson").write_text("".join(f"{line}\n" for line in lines))
    before = lineage_of(lake)
    with pytest.raises(RecoveryError, match=r"partition right does not hold the records.*other duplicates or another"):
        taken_from(lake, lake.source())
    assert lineage_of(lake) == before
    assert not (lake.folder / "recovery").exists()


def test_a_source_that_gives_other_duplicates_is_refused(lake: Audited) -> None:
    lines = (lake.input / "right.ndjson").read_text().splitlines()
    lines[58] = json.dumps(json.loads(lines[58]) | {"id": json.loads(lines[57])["id"]})
    (lake.input / "right.ndjson").write_text("".join(f"{line}\n" for line in lines))
    with pytest.raises(RecoveryError, match="partition right does not hold"):
        taken_from(lake, lake.source())


def test_where_the_source_has_dropped_the_records_the_ids_come_from_the_lakes_events(lake: Audited) -> None:
    source = LosingSource(read_folder(lake.input), (7,))
    source.low = 60
    assert {each.how.partition(" (")[0] for each in taken_from(lake, source)} == {"ids read back from the table events"}
    state = RecoveryFolder(lake.folder / "recovery").seed()["left"]
    assert state["judge"]["ids"]


def test_ids_that_have_left_with_the_events_cannot_be_read_back_and_recovery_says_why(lake: Audited) -> None:
    lake.run(
        "INSERT INTO own_left SELECT 'events', max(max_event_time) - 2000 - 60000 + ?, 1, 1 FROM own_offset"
        " WHERE \"partition\" = 'left'",
        1,
    )
    source = LosingSource(read_folder(lake.input), (7,))
    source.low = 60
    with pytest.raises(RecoveryError, match=r"have left the lake: a repeat of one of them could not be told"):
        taken_from(lake, source)
    lake.run("UPDATE own_left SET before = before - 1000000")
    assert len(taken_from(lake, source)) == 2


def test_a_file_goes_on_at_the_byte_where_the_lake_ends(lake: Audited) -> None:
    taken_from(lake, lake.source())
    hint = RecoveryFolder(lake.folder / "recovery").seed()["left"]["hint"]
    place, is_inside, known = hint
    assert (place, is_inside) == ((lake.input / "left.ndjson").stat().st_size, False)
    assert known["size"] == place


def event(at: int, identity: str, time: int) -> Record:
    return Record(at, json.dumps({"id": identity, "time": time, "kind": "a"}).encode())


COUNT = RollupSpec("r", (), WindowSpec("tumble", 10, 10), {"n": AggregateSpec("count")})
SHORT = PipelineSpec(small.FIELDS, (COUNT,), dedup_column="id", dedup_horizon=10)
IDS = (("old", 0), ("young", 15), ("x", 20), ("y", 21), ("old", 22), ("young", 23), ("old", 24), ("z", 25))
FORGETTING: Changing = (
    [SHORT, replace(SHORT, dedup_horizon=100)],
    {"p": [event(at, *each) for at, each in enumerate(IDS)]},
    Cuts((("poll", 0, 3), ("epoch", 0, 0), ("epoch", 0, 0), ("rules", 1, 0))),
)
"""At the change of rules, before y, one id has been forgotten and stays so; both are still among the lake's events."""


@settings(deadline=None, max_examples=20, suppress_health_check=SLOW)
@given(run=changing(), dropped=st.booleans())
@example(run=FORGETTING, dropped=False)
@example(run=FORGETTING, dropped=True)
def test_after_changes_of_rules_a_lake_goes_on_from_the_ledger_as_from_its_own_recovery_folder(
    run: Changing, dropped: bool
) -> None:
    specs, records, cuts = run
    if dropped:
        # ids of late events are not in the table events, so nothing is late
        specs = [replace(spec, rollups=tuple(replace(each, lateness=10**9) for each in spec.rollups)) for spec in specs]
    first = {name: each[: len(each) // 2] for name, each in records.items()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pipeline, *others = [to_pipeline(spec, folder) for spec in specs]
        product = Product(pipeline, folder, first, folder, others)
        product.run(cuts)
        source = LosingSource(first, (7,))
        source.low = 10**9 if dropped else 0
        recovery = RecoveryFolder(folder / "recovery")
        catalog = Catalog.open(folder / "lake")
        take_over(catalog, product.plan, source, recovery, clock=lambda: NOW, wait=lambda: None)
        catalog.close()
        for at, partition in enumerate(product.partitions):
            rest = records[partition.name][len(first[partition.name]) :]
            found = []
            for state, ids in (
                (partition.state[2], partition.folder),
                (recovery.seed()[partition.name]["judge"], recovery.dedup_folder(partition.name)),
            ):
                # rules that are others once more
                judge = Judge(
                    product.plans[(at + 1) % len(specs)], partition.name, partition.topic, folder=ids, state=state
                )
                found.append(judged_rows(product.plan, judge, rest))
                judge.close()
            assert found[0] == found[1]


def judged_rows(plan: Plan, judge: Judge, records: list[Record]) -> tuple[int, int | None, list[Any]]:
    """What a judge makes of records: duplicates, the watermark after them, and offsets with the watermarks before."""
    reader = MemorySource({"p": records}, (1000,)).open("p", 0, None, 10**6)
    poll = reader.poll(1000, 0)
    assert poll is not None
    judged = judge.judge(poll, decoder_for(plan).decode(poll.records.column("value")))
    rows = [] if judged.rows is None else judged.rows.select(["offset", WATERMARK]).to_pylist()
    return judged.duplicate, judged.watermark, rows
