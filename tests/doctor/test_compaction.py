"""What doctor says of compaction: files that wait though a run is on, and why."""

import os
from datetime import datetime, timedelta

from doctor.finding import Finding, Severity
from runtime.compaction_mark import CompactionMark
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.tables.specs import specs_of_lake
from sinks.lake.upkeep.compact import compact
from tests.doctor.examined import NOON, World


def commits(world: World, count: int) -> None:
    for _ in range(count):
        world.read("p", [NOON])


def hold(world: World, since: datetime) -> None:
    """A run is on, from `since`."""
    world.recovery.lock()
    os.utime(world.recovery.path / "lock-0", (since.timestamp(), since.timestamp()))


def found(world: World) -> Finding:
    return world.findings()["compaction"]


def merge(world: World) -> None:
    catalog = Catalog.open(world.settings.lake)
    try:
        compact(catalog, specs_of_lake(catalog), clock=lambda: world.now)
    finally:
        catalog.close()


def test_a_lake_whose_files_wait_for_long_though_a_run_is_on_is_a_warning(world: World) -> None:
    hold(world, NOON)
    commits(world, 20)
    world.after(600)
    assert found(world).severity is Severity.OK
    world.after(1)
    late = found(world)
    assert late.severity is Severity.WARNING
    assert "no compaction for 10 min though a run is on: 60 files in 3 tables" in late.message
    assert "none has been merged yet" in late.message
    assert late.details["waiting_files"] == 60
    merge(world)
    done = found(world)
    assert (done.severity, done.details["waiting_files"]) == (Severity.OK, 0)


def test_a_compaction_that_stopped_is_told_with_its_last_merge(world: World) -> None:
    hold(world, NOON)
    commits(world, 20)
    merge(world)
    world.after(3_000)
    commits(world, 20)
    assert found(world).severity is Severity.OK
    world.after(1_200)
    late = found(world)
    assert "no compaction for 20 min" in late.message
    assert "the last merge is of 2026-11-25 12:00:00" in late.message


def test_few_files_wait_for_ever_without_harm(world: World) -> None:
    hold(world, NOON)
    commits(world, 3)
    world.after(1_000_000)
    assert found(world).severity is Severity.OK


def test_without_a_run_nothing_is_late_and_a_new_run_has_its_time(world: World) -> None:
    commits(world, 20)
    world.after(86_400)
    assert found(world).severity is Severity.OK
    hold(world, world.now - timedelta(minutes=5))
    assert found(world).severity is Severity.OK
    world.after(301)
    assert found(world).severity is Severity.WARNING


def test_late_is_measured_by_the_time_between_two_compactions(world: World) -> None:
    hold(world, NOON)
    commits(world, 20)
    world.use(compact_every="1h")
    world.after(36_000)
    assert found(world).severity is Severity.OK
    world.after(1)
    assert found(world).severity is Severity.WARNING


def test_the_reason_that_the_run_knows_is_told_at_once_and_only_while_it_is_on(world: World) -> None:
    commits(world, 1)
    mark = CompactionMark(world.recovery.path)
    mark.write("the compactor was killed by SIGKILL", 7, NOON)
    assert found(world).severity is Severity.OK
    hold(world, NOON)
    told = found(world)
    assert told.severity is Severity.WARNING
    assert "7 failures in a row since 2026-11-25 12:00:00: the compactor was killed by SIGKILL" in told.message
    assert (told.details["reason"], told.details["failures"]) == ("the compactor was killed by SIGKILL", 7)
    mark.clear()
    assert found(world).severity is Severity.OK
