"""The newest records of a lake: dead, late or at an absurd time, and told with the likely cause."""

from typing import Any

import pytest

from dataflow.messages import RollupCount
from doctor.finding import Finding, Severity
from query.moment import to_ms
from tests.doctor.examined import World, at
from tests.sinks.lake.small import parcel

NOON_MS = to_ms(at(0))


def commit(
    world: World, read: int, *, partition: str = "p", tables: dict[str, Any] | None = None, **counts: int
) -> int:
    """One commit of `read` records; the first offset of it."""
    start = world.next.get(partition, 0)
    world.next[partition] = start + read
    world.epoch += 1
    lost = sum(counts.get(name, 0) for name in ("dead", "late"))
    taken = read - counts.get("dead", 0)
    rollups = {
        each.name: RollupCount(0, taken - counts.get("late", 0), counts.get("late", 0)) for each in world.plan.rollups
    }
    settings: dict[str, Any] = {"accepted": read - lost, "max_event_time": NOON_MS, "rollups": rollups, **counts}
    entry = parcel(
        world.plan, world.epoch, start, start + read, partition=partition, tables=tables, topic=None, **settings
    )
    world.writer.write([entry])
    world.writer.snapshot()
    world.writer.publish_now()
    world.after(1)
    return start


def letters(offsets: range, value: bytes, reason: str, field: str | None = None) -> list[dict[str, Any]]:
    return [
        {"partition": "p", "offset": offset, "value": value, "reason": reason, "field": field, "message": "refused"}
        for offset in offsets
    ]


def found(world: World) -> Finding:
    return world.findings()["records"]


def test_a_lake_without_records_and_one_with_few_losses_are_well(world: World) -> None:
    assert found(world).message == "no record has been read yet"
    dead = letters(range(5), b"<a/>", "malformed")
    commit(world, 100, tables={"dead_letters": dead}, dead=5)
    assert (found(world).severity, found(world).message) == (
        Severity.OK,
        "of the newest 100 records 5 are dead letters and 0 late",
    )


def test_dead_letters_are_an_error_in_the_words_of_the_run(world: World) -> None:
    tables = {"dead_letters": letters(range(900), b"\x00\x00\x00\x00\x2a\x10", "malformed")}
    tables["dead_letters"] += letters(range(900, 1_000), b"{}", "missing_field", "ad")
    commit(world, 1_000, tables=tables, dead=1_000)
    finding = found(world)
    assert finding.severity is Severity.ERROR
    assert finding.message.startswith(
        "1,000 of 1,000 newest records are dead letters, 900 of them malformed, like offset 899 of p: "
        "\\x00\\x00\\x00\\x00*\\x10. Likely: the records are framed by a schema registry"
    )
    assert finding.fix is not None
    assert "format=avro()" in finding.fix
    assert (finding.details["dead"], finding.details["of"], finding.details["offset"]) == (1_000, 1_000, 899)


def test_a_fifth_dead_is_a_warning_and_names_what_the_model_lacks(world: World) -> None:
    tables = {"dead_letters": letters(range(200), b'{"shop": 1}', "missing_field", "ad")}
    commit(world, 1_000, tables=tables, dead=200)
    finding = found(world)
    assert finding.severity is Severity.WARNING
    assert "required fields are missing: ad, time; the example has the keys shop" in finding.message


def test_only_the_newest_commits_count_so_what_was_mended_is_not_told(world: World) -> None:
    commit(world, 5_000, tables={"dead_letters": letters(range(5_000), b"<a/>", "malformed")}, dead=5_000)
    assert found(world).severity is Severity.ERROR
    commit(world, 600)
    assert found(world).severity is Severity.ERROR
    commit(world, 400)
    assert found(world).message == "of the newest 1,000 records 0 are dead letters and 0 late"


def test_late_events_are_a_warning_with_how_late(world: World) -> None:
    row = {"rollup": "per_ad", "partition": "p", "event_time": NOON_MS, "watermark": NOON_MS + 90_000}
    rows = [{**row, "offset": offset, "late_by_ms": 20_000} for offset in range(500)]
    commit(world, 1_000, tables={"late_events": rows}, late=500)
    finding = found(world)
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith(
        "500 of 1,000 newest records are late for every rollup that takes them, like offset 499"
    )
    assert "20 s too late, after one of 2026-11-25 12:01:35" in finding.message


@pytest.mark.parametrize(("scale", "declared"), [(1 / 1000, "EventTimeSeconds"), (1000, "EventTimeMicros")])
def test_events_at_absurd_times_are_a_warning_with_the_unit(world: World, scale: float, declared: str) -> None:
    at_ms = int(NOON_MS * scale)
    events = [{"partition": "p", "offset": offset, "ad": "a", "time": at_ms} for offset in range(50)]
    commit(world, 50, tables={"events": events}, max_event_time=at_ms)
    finding = found(world)
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith("50 of 50 newest records have an event time that looks like one of another unit")
    assert finding.fix is not None
    assert f"time: {declared}," in finding.fix


def test_one_absurd_event_among_many_is_not_much(world: World) -> None:
    events = [{"partition": "p", "offset": offset, "ad": "a", "time": NOON_MS} for offset in range(49)]
    events.append({"partition": "p", "offset": 49, "ad": "a", "time": NOON_MS * 1000})
    commit(world, 50, tables={"events": events}, max_event_time=NOON_MS * 1000)
    assert found(world).severity is Severity.OK


def test_without_a_pipeline_file_that_runs_the_bytes_still_tell(world: World) -> None:
    commit(world, 10, tables={"dead_letters": letters(range(10), b"<a/>", "malformed")}, dead=10)
    (world.folder / "job.py").write_text("1 / 0\n")
    assert "Likely: the records are XML" in found(world).message


def test_counts_without_rows_are_a_warning_that_names_the_audit(world: World) -> None:
    commit(world, 10, dead=10)
    finding = found(world)
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith("of the newest 10 records 10 are dead letters and 0 late, and their tables")
