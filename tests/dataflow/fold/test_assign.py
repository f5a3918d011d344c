"""Window arithmetic against windows one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.fold.assign import Assigner
from dataflow.messages import NEVER_MS
from dataflow.windows import Window, cumulate, hop, session, tumble
from tests.model.spec import WindowSpec
from tests.model.windows import is_late, windows_of

LOW, HIGH = -(2**63), 2**63 - 1
TIMES = st.integers(-300, 300) | st.integers(LOW, HIGH) | st.sampled_from([LOW, LOW + 1, HIGH - 1, HIGH, 0, -1])


@st.composite
def windows(draw: st.DrawFn) -> Window:
    kind = draw(st.sampled_from(["tumble", "hop", "cumulate", "session"]))
    slide = draw(st.integers(1, 40))
    if kind == "tumble":
        return Window("tumble", slide, slide, draw(st.integers(0, 100)))
    if kind == "hop":
        return Window("hop", slide + draw(st.integers(0, 90)), slide, draw(st.integers(0, 100)))
    if kind == "cumulate":
        return Window("cumulate", slide * draw(st.integers(1, 6)), slide, draw(st.integers(0, 100)))
    return Window("session", slide, slide)


def spans(assigner: Assigner, times: list[int]) -> list[list[tuple[int, int]]]:
    expansion = assigner.expand(np.array(times, np.int64))
    found: list[list[tuple[int, int]]] = [[] for _ in times]
    for of, ordinal, start, end in zip(
        *(column.tolist() for column in (expansion.of, expansion.ordinal, expansion.start, expansion.end)), strict=True
    ):
        assert ordinal == len(found[of])
        found[of].append((start, end))
    return found


def naive(window: Window, time: int) -> list[tuple[int, int]]:
    offset = window.offset_ms % window.slide_ms if window.kind == "hop" else window.offset_ms % window.size_ms
    return windows_of(time, WindowSpec(window.kind, window.size_ms, window.slide_ms, offset))


@given(windows(), st.lists(TIMES, max_size=8), st.integers(0, 50), st.data())
def test_windows_and_lateness_are_those_of_the_rules_for_any_int64_times(
    window: Window, times: list[int], lateness: int, data: st.DataObject
) -> None:
    near = [st.integers(max(LOW, time - 200), min(HIGH, time + 200)) | TIMES for time in times]
    watermarks = [data.draw(each) for each in near]
    assigner = Assigner(window, lateness)
    late = assigner.late_windows(np.array(times, np.int64), np.array(watermarks, np.int64))
    counts = assigner.window_counts(np.array(times, np.int64)).tolist()
    for time, watermark, found, count, late_count in zip(
        times, watermarks, spans(assigner, times), counts, late.tolist(), strict=True
    ):
        expected = naive(window, time)
        assert found == [(max(start, LOW), min(end, HIGH)) for start, end in expected]
        assert count == len(expected)
        known = None if watermark == NEVER_MS else watermark
        assert [is_late(span, lateness, known) for span in expected] == [i < late_count for i in range(count)]


@given(windows(), st.lists(TIMES, min_size=1, max_size=8))
def test_times_of_one_pane_have_the_same_windows(window: Window, times: list[int]) -> None:
    if window.kind == "session":
        return
    assigner = Assigner(window, 0)
    close = [time + step for time in times for step in (0, 1, assigner.grid_ms) if time + step <= HIGH]
    panes = assigner.panes(np.array(close, np.int64)).tolist()
    by_pane: dict[int, list[tuple[int, int]]] = {}
    for pane, time in zip(panes, close, strict=True):
        assert by_pane.setdefault(pane, naive(window, time)) == naive(window, time)
    assert all(len(naive(window, time)) > 0 for time in close)


HOUR_MS = 3_600_000
ZONES = (
    ("Europe/Amsterdam", 1_774_746_000_000), ("Europe/Amsterdam", 1_792_890_000_000),
    ("America/Sao_Paulo", 1_541_300_400_000), ("America/St_Johns", 1_289_098_860_000),
    ("Pacific/Apia", 1_325_239_200_000), ("Australia/Lord_Howe", 1_775_314_800_000), ("Asia/Kathmandu", 0),
)  # fmt: skip
"""Zones, each with a time at which its clock changes (the first one forward, the second back, over midnight, ...)."""
CLOCKS = (
    {"size": "1h"}, {"size": "6h"}, {"size": "12h", "offset": "6h"}, {"size": "1d"}, {"size": "1d", "offset": "4h"},
    {"size": "3d"}, {"size": "1w"}, {"size": "1w", "week": "sunday"}, {"size": "2w", "week": "friday"},
)  # fmt: skip


@given(
    st.sampled_from(ZONES), st.sampled_from(CLOCKS), st.integers(-50, 50), st.integers(-1, 1), st.integers(0, HOUR_MS)
)
@settings(max_examples=60, deadline=None)
def test_windows_by_a_clock_are_those_of_the_rules(
    place: tuple[str, int], declared: dict[str, str], hours: int, ms: int, lateness: int
) -> None:
    zone, change = place
    window = tumble(**declared, zone=zone)
    assert window.mistake is None
    time = change + hours * HOUR_MS // 2 + ms
    (span,) = windows_of(time, WindowSpec("tumble", window.size_ms, window.size_ms, window.offset_ms, zone))
    assigner = Assigner(window, lateness)
    assert spans(assigner, [time]) == [[span]]
    assert span[0] <= time < span[1]
    times = np.array([time, time, span[0], span[1] - 1, span[1]], np.int64)
    limit = span[1] - 1 + lateness
    late = assigner.late_windows(times[:2], np.array([limit - 1, limit], np.int64))
    assert late.tolist() == [0, 1]
    assert assigner.late_by(times[:1], np.array([limit + 7], np.int64)).tolist() == [7]
    panes = assigner.panes(times).tolist()
    assert panes[:1] * 4 == panes[:4]
    assert panes[4] > panes[0]


@given(windows(), st.integers(-500, 500), st.integers(0, 20), st.integers(0, 300) | st.integers(2**61, 2**63 - 2**20))
def test_late_by_is_counted_from_the_last_window(window: Window, time: int, lateness: int, past: int) -> None:
    end = naive(window, time)[-1][1]
    watermark = end - 1 + lateness + past
    late_by = Assigner(window, lateness).late_by(np.array([time]), np.array([watermark]))
    assert late_by.tolist() == [past]


@pytest.mark.parametrize(("watermark", "late"), [(1_058, 0), (1_059, 1), (1_060, 1), (NEVER_MS, 0)])
def test_a_row_is_late_once_the_watermark_reaches_end_minus_one_plus_lateness(watermark: int, late: int) -> None:
    assigner = Assigner(tumble("1s"), 60)
    assert assigner.late_windows(np.array([999]), np.array([watermark])).tolist() == [late]


def test_a_row_exactly_at_the_end_belongs_to_the_next_window() -> None:
    assigner = Assigner(tumble("1s"), 0)
    assert spans(assigner, [999, 1000, 1001, -1, -1000, -1001]) == [
        [(0, 1000)], [(1000, 2000)], [(1000, 2000)], [(-1000, 0)], [(-1000, 0)], [(-2000, -1000)],
    ]  # fmt: skip


def test_a_hop_that_does_not_divide_its_size_gives_some_times_one_window_more() -> None:
    assigner = Assigner(hop("5ms", every="3ms"), 0)
    assert assigner.grid_ms == 1
    assert spans(assigner, [3, 5]) == [[(0, 5), (3, 8)], [(3, 8)]]


def test_cumulative_windows_grow_by_the_step_up_to_the_size() -> None:
    assert spans(Assigner(cumulate("6ms", "2ms"), 0), [3, -1]) == [[(0, 4), (0, 6)], [(-6, 0)]]


def test_a_row_of_a_session_has_its_own_window() -> None:
    assert spans(Assigner(session("10ms"), 0), [7]) == [[(7, 17)]]
