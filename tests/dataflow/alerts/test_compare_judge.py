"""A rule that compares windows, without a lake: exact, over any number of windows at once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow import aggregates as agg
from dataflow.alerts.compare_judge import CompareJudge, grid
from dataflow.alerts.judge import Stored
from dataflow.alerts.windows import Span, in_windows, times_ms
from dataflow.messages import NEVER_MS
from dataflow.pipeline.closed_rules import compare, earlier, mean
from dataflow.pipeline.tables import ALERT_SCHEMA, rollup_tables
from dataflow.windows import Window, cumulate, hop, tumble
from tests.dataflow.alerts.rules import plan_of
from tests.model.spec import WindowSpec
from tests.model.windows import windows_of

TOLD: dict[str, Any] = {
    "keys": ["user"],
    "window": tumble("10s"),
    "aggregates": {"spend": agg.sum("cost"), "mean": agg.avg("cost")},
}


class Lake:
    """What is stored, as a rule reads it."""

    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows
        self.changes = ALERT_SCHEMA.empty_table()

    def read(self, windows: set[Span]) -> Stored:
        return Stored(self.rows.filter(pa.array(in_windows(self.rows, windows))), {}, self.changes)

    def ending(self, after_ms: int) -> Stored:
        return Stored(self.rows.filter(pa.array(times_ms(self.rows, "window_end") > after_ms)), {}, self.changes)


def judged(rule: Any, rows: Sequence[tuple[str, int, str | None]], *, since_ms: int = NEVER_MS) -> list[dict[str, Any]]:
    """The alerts of rows: user, number of the window, money of one event or of none that tells it."""
    plan = plan_of(rule)
    spec = rollup_tables(plan.rollup)[0]
    zero = datetime(1970, 1, 1)
    made = [
        {
            "user": user,
            "window_start": zero + timedelta(seconds=10 * number),
            "window_end": zero + timedelta(seconds=10 * number + 10),
            "spend": None if cost is None else Decimal(cost),
            "mean_sum": None if cost is None else Decimal(cost),
            "mean_count": int(cost is not None),
            "row_count": 1,
            "late_count": 0,
        }
        for user, number, cost in rows
    ]
    judge = CompareJudge(plan, Lake(pa.Table.from_pylist(made, schema=spec.schema)), since_ms)
    found: list[dict[str, Any]] = judge.changes({}, end_ms=1_000_000, over_ms=NEVER_MS).to_pylist()
    return found


@pytest.mark.parametrize(
    ("factor", "before", "now", "stands"),
    [
        (0.1, "0.000010", "0.000001", False),
        (0.1, "0.000010", "0.000000", True),
        (0.5, "99999999999999999999999999999999.999998", "49999999999999999999999999999999.999999", False),
        (0.5, "99999999999999999999999999999999.999998", "49999999999999999999999999999999.999998", True),
        (Decimal("0.333333333333"), "3000000", "999999.999999", False),
        (Decimal("0.333333333333"), "3000000", "999999.999998", True),
        (1, "-2", "-2", False),
        (1, "-2", "-3", True),
    ],
)
def test_money_is_compared_exactly(factor: Any, before: str, now: str, stands: bool) -> None:
    rule = compare("r", value="spend", against=earlier("10s"), drops_below=factor, **TOLD)
    found = [each["window_start"].second for each in judged(rule, [("a", 0, before), ("a", 1, now)])]
    assert (10 in found) == stands
    # the same from the other side, where nothing is left of what there was
    assert (20 in found) == (Decimal(now) > 0)


def test_a_mean_goes_over_all_windows_of_a_sum_and_over_those_with_a_value_of_another() -> None:
    rows = [("a", 0, "3"), ("a", 2, "3"), ("a", 3, "1.5"), ("b", 2, "3"), ("b", 3, None)]
    of_sums = compare("r", value="spend", against=mean(3), drops_below=0.8, **TOLD)
    # a: 1.5 of a mean of 2 is 0.75; b: nothing of 1, but of one event in three windows that is too little
    assert [each["values"] for each in judged(of_sums, rows) if each["window_start"].second == 30] == []
    of_sums = compare("r", value="spend", against=mean(2), drops_below=1.1, **TOLD)
    third = [each["values"] for each in judged(of_sums, rows) if each["window_start"].second == 30]
    assert third == []
    of_means = compare("r", value="mean", against=mean(1), drops_below=0.8, **TOLD)
    third = [(each["key"], each["values"]) for each in judged(of_means, rows) if each["window_start"].second == 30]
    assert third == [('{"user": "a"}', '{"spend": 1.5, "mean": 1.5, "before": 3.0, "sample": 1}')]


def test_what_ended_before_is_not_judged_and_a_long_time_is_as_many_short_ones() -> None:
    rule = compare("r", value="spend", against=earlier("20s"), rises_above=1.5, drops_below=0.5, **TOLD)
    rows = [(user, number, str(number % 5 + 1)) for user in "abc" for number in range(40)]
    every = {each["alert_id"] for each in judged(rule, rows)}
    late = {each["alert_id"] for each in judged(rule, rows, since_ms=200_000)}
    ids = {each["alert_id"] for each in judged(rule, rows) if each["window_end"] > datetime(1970, 1, 1, 0, 3, 20)}
    assert late == ids < every


@pytest.mark.parametrize("window", [tumble("5s"), hop("7s", every="3s"), hop("6s", every="2s"), cumulate("12s", "4s")])
@given(offset=st.integers(0, 2_999), after=st.integers(-50_000, 50_000), length=st.integers(0, 40_000))
def test_the_grid_has_every_window_that_ends_in_a_time(window: Window, offset: int, after: int, length: int) -> None:
    given_window = window._replace(offset_ms=offset)
    spec = WindowSpec(window.kind, window.size_ms, window.slide_ms, offset)
    expected = {
        span
        for time in range(after - window.size_ms - 4_000, after + length + 4_000, 100)
        for span in windows_of(time, spec)
        if after < span[1] <= after + length
    }
    assert set(grid(given_window, after, after + length)) == expected
