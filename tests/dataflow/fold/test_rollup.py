"""One rollup over one batch: what it counts, leaves out and calls late, and the tables it makes of it."""

from typing import Any

import numpy as np
import pyarrow as pa

from dataflow.columnar.types import Int64s
from dataflow.enrich.columns import Columns
from dataflow.enrich.lookup import Lookup
from dataflow.fold.assign import Assigner
from dataflow.fold.rollup import RollupDelta, RollupFold, Times
from dataflow.messages import NEVER_MS
from dataflow.pipeline.plan import RollupPlan
from dataflow.windows import tumble
from tests.dataflow.hot_path import Row, batch_of, plan

PLAN = plan()
ROLLUPS = {rollup.name: rollup for rollup in PLAN.rollups}


def row(time: int, **values: Any) -> Row:
    nothing = dict.fromkeys(("event_id", "member", "amount", "ratio", "cost", "day"))
    return {**nothing, "kind": "view", "shop": "a", "event_time": time, **values}


def fold(name: str, rows: list[Row], watermarks: list[int] | None = None) -> tuple[RollupPlan, RollupDelta]:
    batch = batch_of(rows, PLAN.event.arrow)
    columns = Columns(batch, [Lookup(each) for each in PLAN.dimensions])
    time: Int64s = np.array([each["event_time"] for each in rows], np.int64)
    watermark = np.array(watermarks if watermarks is not None else [NEVER_MS] * len(rows), np.int64)
    return ROLLUPS[name], RollupFold(ROLLUPS[name]).fold(columns, Times(time, watermark))


def told(delta: RollupDelta, name: str) -> list[tuple[int, int, int, int]]:
    """(start, end, row_count, late_count) of the delta rows."""
    table = delta.tables.get(f"{name}_delta")
    if table is None:
        return []
    start, end = (table.column(column).cast(pa.int64()).to_pylist() for column in ("window_start", "window_end"))
    counts = (table.column(column).to_pylist() for column in ("row_count", "late_count"))
    return sorted(zip(start, end, *counts, strict=True))


def test_no_taken_row_makes_no_table_and_all_are_filtered() -> None:
    _, delta = fold("clicks", [row(1), row(2)])
    assert (delta.count.filtered, delta.count.counted, delta.count.late) == (2, 0, 0)
    assert delta.tables == {}


def test_rows_of_one_key_and_window_are_one_delta_row() -> None:
    _, delta = fold("tumbling", [row(3), row(22), row(23)])
    assert told(delta, "tumbling") == [(3, 23, 2, 0), (23, 43, 1, 0)]


def test_a_row_behind_its_watermark_by_more_than_the_lateness_is_late() -> None:
    # window [3, 23) with 4 ms of lateness is final once the watermark is at 26
    for watermark, late in ((25, 0), (26, 1), (30, 1)):
        _, delta = fold("tumbling", [row(22)], [watermark])
        assert (delta.count.counted, delta.count.late) == (1 - late, late)
        assert told(delta, "tumbling") == [(3, 23, 1 - late, late)]
        assert delta.late_at.tolist() == [0] * late
        assert delta.late_by_ms.tolist() == [watermark - 26] * late


def test_a_row_late_for_one_of_its_windows_counts_in_the_others_and_is_not_late() -> None:
    _, delta = fold("hopping", [row(20)], [30])
    assert (delta.count.counted, delta.count.late) == (1, 0)
    assert {late for *_, late in told(delta, "hopping")} == {0, 1}


def test_late_rows_of_a_session_stand_apart_with_their_own_window() -> None:
    _, delta = fold("sessions", [row(0), row(50), row(55)], [60, 50, 50])
    assert told(delta, "sessions") == [(0, 7, 0, 1), (50, 62, 2, 0)]


def test_a_batch_whose_rows_are_all_late_has_no_session() -> None:
    _, delta = fold("sessions", [row(0), row(0)], [60, 60])
    assert told(delta, "sessions") == [(0, 7, 0, 2)]
    assert delta.count.counted == 0


def test_values_of_a_distinct_count_stand_in_every_window_of_their_row() -> None:
    plan_, delta = fold("growing", [row(5, shop="a"), row(15, shop="a")])
    table = delta.tables[plan_.distinct_table("shops")]
    ends = table.column("window_end").cast(pa.int64()).to_pylist()
    assert sorted(set(ends)) == [10, 20, 30, 40]
    assert set(table.column("value").to_pylist()) == {"a"}


def test_only_rows_at_or_behind_their_watermark_are_looked_at_for_lateness() -> None:
    times = Times(np.array([5, 6, 7, 5]), np.array([5, 5, NEVER_MS, 9]))
    assert times.suspects.tolist() == [0, 3]


def test_rollups_with_one_grid_share_their_panes() -> None:
    times = Times(np.array([1, 21]), np.array([NEVER_MS, NEVER_MS]))
    one, other = Assigner(tumble("20ms"), 0), Assigner(tumble("20ms"), 9)
    assert times.panes(one) is times.panes(other)
    assert times.panes(Assigner(tumble("20ms", offset="1ms"), 0)) is not times.panes(one)
