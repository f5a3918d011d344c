"""Rollups that came later, went, or came back: the records that they never saw are told by the doctor."""

from datetime import timedelta

from doctor.coverage import Coverage, coverage
from doctor.finding import Finding, Severity
from query.reader import LakeReader
from tests.doctor.examined import NOON, World


def read(world: World, count: int, *absent: str) -> None:
    """`count` records while the pipeline has all rollups but these, one minute after those before."""
    world.absent = set(absent)
    world.after(60)
    world.read("p", [world.now - timedelta(seconds=1)] * count)


def found(world: World) -> Finding:
    return world.findings()["rollups"]


def of(world: World, rollup: str) -> Coverage:
    with LakeReader(world.settings.lake) as reader:
        return coverage(reader.snapshot(), rollup)


def test_rollups_that_were_always_there_have_seen_every_record(world: World) -> None:
    read(world, 2)
    world.read("p", [None])
    assert of(world, "per_ad").is_whole
    assert (found(world).severity, found(world).message) == (Severity.OK, "every rollup has seen every record")


def test_an_empty_lake_lacks_nothing(world: World) -> None:
    assert of(world, "per_ad") == Coverage("per_ad", None, None, 0, 0, 0, None, None)
    assert found(world).message == "every rollup has seen every record"


def test_a_rollup_that_was_taken_out_and_put_back_has_a_hole_and_that_is_a_warning(world: World) -> None:
    read(world, 1)
    read(world, 2, "visits")
    read(world, 3, "visits")
    read(world, 4)
    told = found(world)
    assert told.severity is Severity.WARNING
    assert told.message == (
        "visits lacks 5 records read from 2026-11-25 12:02:00 to 2026-11-25 12:03:00, while the pipeline did without it"
    )
    assert told.details["rollups"].keys() == {"visits"}
    assert told.details["rollups"]["visits"]["between"] == 5


def test_a_rollup_that_was_added_later_is_told_from_when_it_counts(world: World) -> None:
    read(world, 2, "visits")
    assert found(world).message == "visits has seen no record yet, 2 records came before it"
    read(world, 1)
    assert found(world).severity is Severity.OK
    assert found(world).message == "visits begins at 2026-11-25 12:02:00, 2 records came before it"


def test_a_rollup_that_was_taken_out_is_told_until_when_it_counts(world: World) -> None:
    read(world, 1)
    read(world, 1, "per_ad")
    assert found(world).severity is Severity.OK
    assert found(world).message == "per_ad ends at 2026-11-25 12:01:00, 1 record came after it was taken out"
    assert of(world, "per_ad").last_ms == (NOON + timedelta(minutes=1)).timestamp() * 1000


def test_commits_without_a_valid_record_make_no_hole(world: World) -> None:
    read(world, 1)
    world.absent = {"visits"}
    world.after(60)
    world.read("p", [None, None])
    read(world, 1)
    assert of(world, "visits").is_whole
