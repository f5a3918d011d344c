"""Tolerances from what was seen, rounded to what a person would write."""

from hypothesis import given
from hypothesis import strategies as st

from dataflow.durations import to_ms
from starter.tolerances import NICE, nice, tolerances

Events = list[tuple[int, int | None]]


def in_order(count: int, step_ms: int = 1_000, ahead_ms: int | None = None) -> Events:
    return [(n * step_ms, None if ahead_ms is None else n * step_ms - ahead_ms) for n in range(count)]


def test_a_sample_in_order_gets_the_least_patience() -> None:
    found = tolerances([in_order(200)])
    assert (found.out_of_orderness, found.allowed_lateness, found.max_future) == ("5s", "1m", None)
    assert found.disorder_seen == "in the sample every event came in the order of its time"
    assert (
        found.future_seen == "the records have no timestamps of their own, which max_future would count from: it is off"
    )


def test_usual_disorder_and_the_furthest_are_covered_and_said() -> None:
    events = in_order(1_000)
    for at in range(100, 1_000, 20):
        events[at] = (events[at][0] - 8_000, None)
    events[500] = (events[500][0] - 400_000, None)
    found = tolerances([events])
    assert (found.out_of_orderness, found.allowed_lateness) == ("10s", "10m")
    assert found.disorder_seen == (
        "99 % of the events came at most 7 s behind the newest before them, the furthest 6.8 min"
    )


def test_each_stretch_has_an_order_of_its_own() -> None:
    late, early = in_order(150), [(time - 10**7, stamp) for time, stamp in in_order(150)]
    assert tolerances([late, early]).out_of_orderness == "5s"
    assert tolerances([[*late, *early]]).out_of_orderness == "1h"


def test_few_events_are_a_guess() -> None:
    assert tolerances([in_order(3)]).disorder_seen.endswith("(of only 3: a guess)")
    assert tolerances([]).out_of_orderness == "5s"


def test_one_clock_that_is_years_ahead_makes_nothing_late() -> None:
    plain, stamped = in_order(500), in_order(500, ahead_ms=0)
    plain[10] = (10**11, None)
    stamped[10] = (10**11, 10_000)
    for events in (plain, stamped):
        found = tolerances([events])
        assert (found.out_of_orderness, found.allowed_lateness) == ("5s", "1m")
    assert found.future_seen.endswith("1 of 500 would be dead letters")


def test_events_ahead_of_their_records_are_taken_with_some_room_or_all_are() -> None:
    assert tolerances([in_order(200, ahead_ms=10 * 60_000)]).max_future == "30m"
    assert tolerances([in_order(200, ahead_ms=60 * 60_000)]).max_future == "2h"
    found = tolerances([in_order(200, ahead_ms=3 * 3_600_000)])
    assert found.max_future is None
    assert "so none is refused" in found.future_seen


@given(st.lists(st.integers(0, 5_000_000), min_size=1, max_size=50))
def test_no_sampled_event_would_be_late(times: list[int]) -> None:
    found = tolerances([[(time, None) for time in times]])
    patience_ms = to_ms(found.out_of_orderness) + to_ms(found.allowed_lateness)
    newest = times[0]
    for time in times:
        assert newest - time <= patience_ms
        newest = max(newest, time)


@given(st.integers(0, 10**10))
def test_a_nice_duration_is_the_shortest_that_is_enough(ms: int) -> None:
    found = nice(ms, "5s", "7d")
    assert found in NICE
    assert to_ms(found) >= min(ms, to_ms("7d"))
    assert not any(ms <= to_ms(each) < to_ms(found) and to_ms(each) >= 5_000 for each in NICE)
