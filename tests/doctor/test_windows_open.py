"""What holds windows open, by the partition that holds them."""

from doctor.finding import Severity
from tests.doctor.examined import World, at


def test_an_idle_partition_is_named_as_left_out(world: World) -> None:
    world.read("q", [at(-50)])
    world.after(190)
    world.read("p", [at(1)])
    found = world.findings()["windows.per_ad"]
    assert found.severity is Severity.OK
    assert "the oldest 2026-11-25 12:01:00 to 2026-11-25 12:02:00 (open)" in found.message
    assert "idle partition q since 2026-11-25 12:00:00 (left out after 30s)" in found.message
    assert "partition p stands at 2026-11-25 12:00:55 and makes it final with an event of 2026-11-25 12:02:14.999" in (
        found.message
    )


def test_a_partition_far_behind_holds_the_windows_of_all(world: World) -> None:
    world.read("p", [at(0)])
    world.read("q", [at(-40)])
    found = world.findings()["windows.per_ad"]
    assert found.severity is Severity.WARNING
    assert "partition q is 40 min behind the others (its watermark is 2026-11-25 11:19:55)" in found.message
    assert found.details["held_by"] == ["q"]
    assert found.details["open"] == 2


def test_a_partition_without_a_valid_event_holds_everything(world: World) -> None:
    world.read("p", [at(0)])
    world.read("q", [None, None])
    found = world.findings()
    assert "partition q has had no valid event yet (2 records read, 2 of them dead letters)" in (
        found["windows.per_ad"].message
    )
    assert found["windows.per_ad"].fix is not None
    assert "dead_letters WHERE partition = 'q'" in found["windows.per_ad"].fix
    assert "partition q has none yet" in found["watermark"].message


def test_when_all_are_idle_the_furthest_decides(world: World) -> None:
    world.read("p", [at(0)])
    world.read("q", [at(-3)])
    world.after(60)
    found = world.findings()["windows.per_ad"]
    assert "no partition has had records for 30s (the last at 2026-11-25 12:00:00), so the furthest decides" in (
        found.message
    )
    assert "if nothing more ever comes, the same `tidemill run` with --bounded --final says so" in found.message
    assert found.details["held_by"] == ["p"]
    assert found.details["open"] == 1


def test_a_partition_that_was_read_to_its_end_holds_windows_as_any_other_until_it_is_said_to_be_final(
    world: World,
) -> None:
    world.read("p", [at(0)], finished=True)
    found = world.findings()
    assert found["windows.per_ad"].details["held_by"] == ["p"]
    assert "--final" not in found["windows.per_ad"].message
    world.read("p", [at(0)], final=True)
    found = world.findings()
    assert found["windows.per_ad"].message == "every window is final"
    assert (
        found["watermark"].message == "all 1 partition have been read to their end by a run with --final; all is final"
    )


def test_a_closed_window_that_still_takes_corrections_is_said_to_be_closed(world: World) -> None:
    world.read("p", [at(-1), at(0, 6)])
    found = world.findings()["windows.per_ad"]
    assert "the oldest 2026-11-25 11:59:00 to 2026-11-25 12:00:00 (closed, open for corrections)" in found.message
