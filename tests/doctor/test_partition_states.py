"""Where each source partition stands, and which of them decide what is final."""

from dataclasses import replace
from datetime import timedelta

import pytest

from doctor.partition_states import PartitionState, partition_states
from query.definition import lake_definition
from query.moment import to_ms
from query.reader import LakeReader
from sinks.lake.tables.finality import EVER_MS, deciding, frontier_ms, reached_ms
from tests.doctor.examined import NOON, World, at

SLOW = PartitionState("slow", None, 5, 100, 95, NOON, True, False, 5, 0)
FAST = replace(SLOW, name="fast", newest_ms=900, watermark_ms=895)
SILENT = replace(SLOW, name="silent", newest_ms=None, watermark_ms=None)


def states(world: World) -> dict[str, PartitionState]:
    with LakeReader(world.settings.lake) as reader:
        found = partition_states(reader.snapshot(), lake_definition(reader), world.now)
    assert [state.name for state in found] == sorted(state.name for state in found)
    return {state.name: state for state in found}


def idle(state: PartitionState) -> PartitionState:
    return replace(state, active=False)


def done(state: PartitionState) -> PartitionState:
    return replace(state, final=True)


@pytest.mark.parametrize(
    ("given", "names", "frontier"),
    [
        ([], [], EVER_MS),
        ([SLOW, FAST], ["slow", "fast"], 95),
        ([idle(SLOW), FAST], ["fast"], 895),
        ([done(SLOW), FAST], ["fast"], 895),
        ([idle(SLOW), idle(FAST)], ["fast"], 895),
        ([idle(SLOW), done(FAST)], ["slow"], 95),
        ([SILENT, FAST], ["silent", "fast"], -EVER_MS),
        ([idle(SILENT), idle(SLOW)], ["slow"], 95),
        ([done(SLOW), done(FAST)], [], EVER_MS),
    ],
    ids=["none", "all", "idle", "final", "all_idle", "idle_and_final", "silent", "idle_silent", "all_final"],
)
def test_active_partitions_decide_else_the_furthest_else_nothing_is_held(
    given: list[PartitionState], names: list[str], frontier: int
) -> None:
    assert [state.name for state in deciding(given)] == names
    assert frontier_ms(given) == frontier


def test_before_its_first_event_a_partition_has_reached_nothing() -> None:
    assert (reached_ms(SILENT), reached_ms(SLOW)) == (-EVER_MS, 95)


def test_a_partition_stands_where_its_ledger_ends(world: World) -> None:
    world.read("p", [at(0), None])
    world.read("p", [at(-1)])
    found = states(world)["p"]
    assert (found.next_offset, found.read, found.dead) == (3, 3, 1)
    assert (found.newest_ms, found.watermark_ms) == (to_ms(NOON), to_ms(NOON) - 5_000)
    assert (found.active, found.final) == (True, False)


def test_a_partition_without_records_for_its_idle_timeout_is_not_active(world: World) -> None:
    world.read("p", [at(0)])
    since = states(world)["p"].since
    world.now = since + timedelta(seconds=30) - timedelta(milliseconds=1)
    assert states(world)["p"].active
    world.now = since + timedelta(seconds=30)
    assert not states(world)["p"].active


def test_heartbeats_keep_no_partition_active(world: World) -> None:
    world.read("p", [at(0)])
    first = states(world)["p"].since
    world.after(60)
    world.read("p", [])
    found = states(world)["p"]
    assert (found.since, found.active) == (first, False)


def test_a_partition_is_final_until_it_goes_on(world: World) -> None:
    world.read("p", [at(0)], finished=True)
    assert not states(world)["p"].final
    world.read("p", [at(1)], final=True)
    assert states(world)["p"].final
    world.read("p", [at(2)], finished=True)
    assert not states(world)["p"].final
