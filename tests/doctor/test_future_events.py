"""Events that claim a time ahead of the clock under which they were read."""

from datetime import timedelta

import pytest

from doctor.finding import Severity
from doctor.future_events import TOLERANCE_MS, FutureEvent
from tests.doctor.examined import NOON, World, at


@pytest.mark.parametrize("events", [True, False])
def test_an_event_from_the_future_is_found_by_its_offset(world: World, events: bool) -> None:
    world.read("p", [at(-1), at(0)])
    world.read("p", [at(0, 1), at(600), at(0, 2)])
    world.read("p", [at(0, 3)])
    if not events:
        (world.settings.lake / "main" / "events").rename(world.folder / "gone")
        world.writer._catalog.connection.execute(
            "UPDATE ducklake_table SET end_snapshot = 1 WHERE table_name = 'events'"
        )
    found = world.findings()
    future = found["future_event.p"]
    assert future.severity is Severity.WARNING
    where = "offset 3 of p" if events else "offsets [2, 5) of p"
    assert future.message.startswith(f"an event from the future at {where} (2026-11-25 22:00:00, 10 h ahead")
    assert "moved its watermark to 2026-11-25 21:59:55" in future.message
    assert f"an event from the future at {where} moved its watermark" in found["windows.per_ad"].message


@pytest.mark.parametrize(("over_ms", "told"), [(0, False), (1, True)])
def test_clocks_of_producers_may_differ_by_a_minute(world: World, over_ms: int, told: bool) -> None:
    world.read("p", [world.now + timedelta(milliseconds=TOLERANCE_MS + over_ms)])
    assert ("future_event.p" in world.findings()) is told


def test_an_older_event_that_the_clock_has_passed_is_told_no_more(world: World) -> None:
    world.read("p", [NOON + timedelta(minutes=10)])
    assert "future_event.p" in world.findings()
    world.after(1_200)
    world.read("p", [NOON])
    assert "future_event.p" not in world.findings()


def test_a_place_is_an_offset_or_a_range() -> None:
    assert FutureEvent("p", 0, 0, 7, 5, 9).place == "offset 7 of p"
    assert FutureEvent("p", 0, 0, None, 5, 9).place == "offsets [5, 9) of p"
