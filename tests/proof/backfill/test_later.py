"""A rollup over rows that were accepted without it, and which of its windows are whole."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from dataflow import Rollup
from dataflow import aggregates as agg
from dataflow.messages import NEVER_MS
from dataflow.pipeline.plan import make_plan
from dataflow.windows import session, tumble
from proof.audit.windows import Totals
from proof.backfill.later import LaterRollup
from tests.proof.audited import pipeline


def later(window: Any) -> LaterRollup:
    rollup = Rollup(
        "later", keys=["user"], window=window, aggregates={"n": agg.count(), "ads": agg.count_distinct("ad")}
    )
    plan = make_plan(pipeline(rollups=[rollup]), Path())
    return LaterRollup(plan, plan.rollups[0], stored=True)


def folded(rollup: LaterRollup, rows: list[tuple[int, int, str]]) -> dict[str, pa.Table]:
    """Of rows (time, user, ad), merged."""
    batch = pa.RecordBatch.from_pydict(
        {
            "time": pa.array([row[0] for row in rows], pa.int64()),
            "user": pa.array([row[1] for row in rows], pa.int64()),
            "ad": pa.array([row[2] for row in rows], pa.string()),
            "offset": pa.array(range(len(rows)), pa.int64()),
            "_watermark": pa.array([NEVER_MS] * len(rows), pa.int64()),
        }
    )
    parcel = rollup.parcel("t/0", "t", 0, len(rows), batch)
    assert parcel.range.rollups["later"].counted == len(rows)
    merged = {}
    for name, spec in rollup.specs.items():
        totals = Totals(spec)
        totals.add(parcel.tables[name])
        merged[name] = totals.table()
    return merged


def starts(table: pa.Table) -> list[int]:
    return sorted(table.column("window_start").cast(pa.timestamp("ms")).cast(pa.int64()).to_pylist())


def test_windows_are_whole_that_begin_behind_the_last_lost_row() -> None:
    rollup = later(tumble("10ms"))
    tables = folded(rollup, [(5, 1, "a"), (15, 1, "a"), (25, 1, "b")])
    assert rollup.first_whole_ms(14) == 15
    kept = rollup.whole(tables, 15)
    assert {name: starts(table) for name, table in kept.items()} == {
        "later_delta": [20],
        "later_ads_distinct": [20],
    }
    assert rollup.whole_from_ms(tables, 15) == 15
    assert rollup.whole(tables, None) == tables
    assert rollup.whole_from_ms(tables, None) is None


def test_a_session_that_a_lost_row_could_have_joined_goes_with_all_its_values() -> None:
    rollup = later(session("10ms"))
    # the last lost row is at 0: what begins by 10 could have joined it
    rows = [(8, 1, "a"), (16, 1, "b"), (24, 1, "c"), (40, 1, "d"), (11, 2, "e"), (5, 3, "f")]
    tables = folded(rollup, rows)
    from_ms = rollup.first_whole_ms(0)
    assert from_ms == 11
    kept = rollup.whole(tables, from_ms)
    assert starts(kept["later_delta"]) == [11, 40]
    assert starts(kept["later_ads_distinct"]) == [11, 40]
    # rows of the rollup's own time may go on the session of user 1 that ends at 34
    assert rollup.whole_from_ms(tables, from_ms) == 35
