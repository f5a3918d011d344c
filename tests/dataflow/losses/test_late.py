"""The likely cause of late events."""

from dataflow.losses.late import late_cause
from tests.dataflow.losses.events import AT_S, MILLIS

AT_MS = AT_S * 1_000


def test_a_late_event_in_seconds_is_told_as_one() -> None:
    found = late_cause(MILLIS, AT_S, AT_MS, AT_MS - AT_S)
    assert "holds seconds" in found.what
    assert "at: EventTimeSeconds" in found.fix


def test_a_watermark_that_an_event_in_microseconds_moved_is_told() -> None:
    found = late_cause(MILLIS, AT_MS, AT_S * 1_000_000, 5)
    assert "moved the watermark to" in found.what
    assert "holds microseconds" in found.what
    assert "max_future" in found.fix


def test_events_that_are_hours_late_are_no_plain_disorder() -> None:
    found = late_cause(MILLIS, AT_MS, AT_MS + 7_200_000, 7_100_000)
    assert "event from the future" in found.what
    assert "2026-01-01 02:00:00" in found.what
    assert "max_future" in found.fix


def test_plain_disorder_is_told_with_how_late_it_was_and_the_tolerances_to_raise() -> None:
    for newest_ms in (AT_MS + 90_000, None):
        found = late_cause(MILLIS, AT_MS, newest_ms, 90_000)
        assert "by 1.5 min too late" in found.what
        assert "raise out_of_orderness or allowed_lateness" in found.fix
    assert late_cause(None, AT_S, None, 5).what.startswith("events come further out of order")
