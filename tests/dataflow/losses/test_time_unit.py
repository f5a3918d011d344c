"""The unit of a time, told by its size: every pair of what is declared and what is written."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.event.fields import EVENT_TIME_LIMIT_MS, TimeUnit
from dataflow.event.unit_size import unit_by_size
from dataflow.losses.time_unit import misread, misread_spans, other_unit, unit_cause, written_cause
from tests.dataflow.losses.events import AT_S, SCHEMAS, TICKS

DECLARED = {
    TimeUnit.SECONDS: "EventTimeSeconds",
    TimeUnit.MILLIS: "EventTime",
    TimeUnit.MICROS: "EventTimeMicros",
    TimeUnit.NANOS: "EventTimeNanos",
}
PAIRS = [(declared, written) for declared in TICKS for written in TICKS]


@pytest.mark.parametrize("unit", TICKS)
def test_the_size_of_a_number_tells_its_unit(unit: TimeUnit) -> None:
    assert unit_by_size(TICKS[unit]) is unit
    assert unit_by_size(0) is unit_by_size(-TICKS[unit]) is unit_by_size(10**20) is None


@pytest.mark.parametrize(("declared", "written"), PAIRS)
def test_a_number_in_another_unit_than_the_models_is_told_with_the_line_to_write(
    declared: TimeUnit, written: TimeUnit
) -> None:
    found = written_cause(SCHEMAS[declared].event_time, TICKS[written])
    if declared is written:
        assert found is None
        return
    assert found is not None
    assert f"{TICKS[written]} is 2026-01-01 00:00:00" in found.what
    assert f"at: {DECLARED[written]}," in found.fix


@pytest.mark.parametrize(("declared", "written"), PAIRS)
def test_an_event_that_was_taken_at_the_wrong_time_tells_its_unit_too(declared: TimeUnit, written: TimeUnit) -> None:
    field = SCHEMAS[declared].event_time
    at_ms = declared.to_ms(TICKS[written])
    if abs(at_ms) > EVENT_TIME_LIMIT_MS:
        return
    assert other_unit(field, at_ms) is (None if declared is written else written)
    found = unit_cause(field, at_ms)
    assert (found is None) == (declared is written)
    times = np.array([AT_S * 1_000, at_ms, at_ms], np.int64)
    assert misread(field, times) == (None if declared is written else (2, at_ms))


def test_a_time_as_text_and_one_with_decimals_are_told() -> None:
    millis, text = SCHEMAS[TimeUnit.MILLIS].event_time, SCHEMAS[TimeUnit.TEXT].event_time
    found = written_cause(millis, "2026-01-01T00:00:00Z")
    assert found is not None
    assert "at: EventTimeText" in found.fix
    found = written_cause(millis, "2026-01-01 00:00:00")
    assert found is not None
    assert "no time with a zone" in found.what
    found = written_cause(millis, AT_S + 0.25)
    assert found is not None
    assert "decimals" in found.what
    found = written_cause(millis, str(AT_S))
    assert found is not None
    assert "inside a string" in found.what
    found = written_cause(text, AT_S)
    assert found is not None
    assert "at: EventTimeSeconds," in found.fix
    assert written_cause(text, "2026-01-01T00:00:00Z") is None


@pytest.mark.parametrize("written", [None, True, 12, 1.5, float("nan"), [], {}])
def test_what_is_no_time_in_any_unit_has_no_such_cause(written: object) -> None:
    assert written_cause(SCHEMAS[TimeUnit.MILLIS].event_time, written) is None


@given(st.lists(st.integers(-EVENT_TIME_LIMIT_MS, EVENT_TIME_LIMIT_MS), max_size=20), st.sampled_from(list(TICKS)))
def test_a_column_is_judged_as_its_times_one_by_one(times: list[int], declared: TimeUnit) -> None:
    field = SCHEMAS[declared].event_time
    spans = misread_spans(field)
    one_by_one = [at for at in times if any(low <= at < high for low, high in spans)]
    assert one_by_one == [at for at in times if other_unit(field, at) is not None]
    assert misread(field, np.array(times, np.int64)) == ((len(one_by_one), one_by_one[0]) if one_by_one else None)
