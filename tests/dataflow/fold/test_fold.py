"""The fold, and the merge of what it makes, against rows one by one."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.aggregates.accuracy import BUCKET_SHIFT, MAX_BUCKET
from dataflow.columnar.hashing import checksum
from dataflow.fold.fold import Fold
from dataflow.fold.merge import merge_rows
from dataflow.messages import NEVER_MS, Judged, Parcel
from dataflow.own_columns import WATERMARK
from dataflow.pipeline.plan import AggregatePlan, RollupPlan
from dataflow.pipeline.tables import tables_of
from tests.dataflow.hot_path import ROWS, Row, batch_of, enriched, micros, plan
from tests.model.aggregates import GAMMA, aggregate
from tests.model.engine import merge_sessions
from tests.model.expression import is_true, parse
from tests.model.spec import AggregateSpec, WindowSpec
from tests.model.windows import is_late, windows_of

BOUND = 10
LOW, HIGH = -(2**63), 2**63 - 1


def watermarked(rows: list[Row]) -> list[Row]:
    largest: int | None = None
    found = []
    for offset, row in enumerate(rows):
        watermark = NEVER_MS if largest is None else max(largest - BOUND, NEVER_MS)
        found.append({**row, "offset": offset, "record_timestamp": None, WATERMARK: watermark})
        largest = row["event_time"] if largest is None else max(largest, row["event_time"])
    return found


def fold_in_pieces(rows: list[Row], cuts: list[int], *, events: bool = False) -> list[Parcel]:
    numbers = [pa.field(name, pa.int64()) for name in ("offset", "record_timestamp", WATERMARK)]
    schema = pa.schema([*plan().event.arrow, *numbers])
    fold = Fold(plan(), events=events)
    edges = sorted({0, len(rows), *(cut for cut in cuts if cut < len(rows))})
    return [
        fold.fold(Judged("t/0", "t", start, end, read=end - start, rows=batch_of(rows[start:end], schema)))
        for start, end in pairwise(edges)
    ]


def merged(parcels: list[Parcel], name: str) -> list[Row]:
    spec = next(spec for spec in tables_of(plan(), events=True) if spec.name == name)
    batches = [parcel.tables[name] for parcel in parcels if name in parcel.tables]
    table = merge_rows(spec, pa.Table.from_batches(batches, spec.schema))
    assert table.schema == spec.schema
    table.validate(full=True)
    for at, field in enumerate(table.schema):
        if field.type == pa.timestamp("ms"):
            table = table.set_column(at, field.name, table.column(at).cast(pa.int64()))
    return table.to_pylist()


def result(each: AggregatePlan, row: Row, values: list[Any]) -> Any:
    """What the view makes of a delta row's columns."""
    name, kind = each.name, each.aggregate.kind
    if kind == "count_distinct":
        return len(values)
    if kind == "avg":
        return None if row[f"{name}_sum"] is None else float(row[f"{name}_sum"]) / row[f"{name}_count"]
    if kind == "approx_count_distinct":
        return len(row[f"{name}_kmv"])
    if kind != "approx_quantile":
        return row[name]
    codes = [code for code, n in zip(row[f"{name}_buckets"], row[f"{name}_counts"], strict=True) for _ in range(n)]
    if not codes:
        return None
    assert each.aggregate.q is not None
    code = codes[max(1, int(np.ceil(each.aggregate.q * len(codes)))) - 1]
    assert abs(code) <= BUCKET_SHIFT + MAX_BUCKET
    return 0.0 if code == 0 else float(np.copysign(2 * GAMMA ** (abs(code) - BUCKET_SHIFT) / (GAMMA + 1), code))


def model_of(rollup: RollupPlan, rows: list[Row]) -> tuple[dict[Any, list[Row]], Counter[Any], list[int], list[int]]:
    """Rows per (window, key); late rows per (window, key); offsets taken; offsets late for the rollup."""
    window = WindowSpec(rollup.window.kind, rollup.window.size_ms, rollup.window.slide_ms, rollup.window.offset_ms)
    where = None if rollup.where is None else parse(rollup.where.sql)
    groups: dict[Any, list[Row]] = {}
    late: Counter[Any] = Counter()
    taken, late_offsets = [], []
    for row in map(enriched, rows):
        if not is_true(where, row):
            continue
        taken.append(row["offset"])
        keys = tuple(row[key.name] for key in rollup.keys)
        watermark = None if row[WATERMARK] == NEVER_MS else row[WATERMARK]
        spans = windows_of(row["event_time"], window)
        in_time = [span for span in spans if not is_late(span, rollup.allowed_lateness_ms, watermark)]
        for span in spans:
            if span in in_time:
                groups.setdefault((span, keys), []).append(row)
            else:
                late[(span, keys)] += 1
        if not in_time:
            late_offsets.append(row["offset"])
    return groups, late, taken, late_offsets


def check_rollup(rollup: RollupPlan, rows: list[Row], parcels: list[Parcel]) -> None:
    groups, late, taken, late_offsets = model_of(rollup, rows)
    is_session = rollup.window.kind == "session"
    if is_session:
        groups = merge_sessions(groups)
    delta = merged(parcels, rollup.delta_table)
    names = [key.name for key in rollup.keys]
    window = ("window_start", "window_end")

    def place(row: Row) -> Any:
        return (row["window_start"], row["window_end"]), tuple(row[name] for name in names)

    found = {place(row): row for row in delta if row["row_count"] > 0}
    assert len(found) == len([row for row in delta if row["row_count"] > 0])
    assert found.keys() == groups.keys()
    distinct = {
        each.name: merged(parcels, rollup.distinct_table(each.name))
        for each in rollup.aggregates
        if each.aggregate.kind == "count_distinct"
    }
    for key, members in groups.items():
        row = found[key]
        assert row["row_count"] == len(members)
        for each in rollup.aggregates:
            declared = each.aggregate
            (start, end), _ = key
            values = {
                value["value"]
                for value in distinct.get(each.name, [])
                if place(value)[1] == key[1] and start <= value["window_start"] and value["window_end"] <= end
                and value["value"] is not None
            }  # fmt: skip
            expected = aggregate(AggregateSpec(declared.kind, declared.column, declared.where, declared.q), members)
            got = result(each, row, list(values))
            assert got == (pytest.approx(expected) if isinstance(expected, float) else expected), each.name
    for side in distinct.values():
        assert len(side) == len({(place(value), value["value"]) for value in side})
        assert is_session or {place(value) for value in side} <= groups.keys()
    late_found: Counter[Any] = Counter()
    for row in delta:
        late_found[place(row)] += row["late_count"]
    assert +late_found == late
    order = [[(row[name] is not None, row[name]) for name in ("window_start", *names, "window_end")] for row in delta]
    assert order == sorted(order)
    assert all(row[name] is not None for row in delta for name in window)
    counts = [parcel.range.rollups[rollup.name] for parcel in parcels]
    assert sum(count.late for count in counts) == len(late_offsets)
    assert sum(count.counted for count in counts) == len(taken) - len(late_offsets)
    assert sum(count.filtered for count in counts) == len(rows) - len(taken)
    late_rows = [row for row in merged(parcels, "late_events") if row["rollup"] == rollup.name]
    assert [row["offset"] for row in late_rows] == late_offsets
    by_offset = {row["offset"]: row for row in rows}
    for row in late_rows:
        assert (row["topic"], row["partition"]) == ("t", "t/0")
        assert (row["event_time"], row["watermark"]) == (
            by_offset[row["offset"]]["event_time"],
            by_offset[row["offset"]][WATERMARK],
        )
        assert row["late_by_ms"] >= 0


@settings(max_examples=40, deadline=None)
@given(st.lists(ROWS, max_size=40), st.lists(st.integers(1, 39), max_size=4))
def test_tables_are_those_of_the_rules_however_rows_are_cut_into_batches(rows: list[Row], cuts: list[int]) -> None:
    rows = watermarked(rows)
    parcels = fold_in_pieces(rows, cuts, events=True)
    taken: dict[int, int] = {}
    late: dict[int, int] = {}
    for rollup in plan().rollups:
        check_rollup(rollup, rows, parcels)
        _, _, taken_here, late_here = model_of(rollup, rows)
        for offset in taken_here:
            taken[offset] = taken.get(offset, 0) + 1
        for offset in late_here:
            late[offset] = late.get(offset, 0) + 1
    accepted = [row for row in rows if not late.get(row["offset"]) or late[row["offset"]] < taken[row["offset"]]]
    assert sum(parcel.range.accepted for parcel in parcels) == len(accepted)
    assert sum(parcel.range.late for parcel in parcels) == len(rows) - len(accepted)
    assert [row["offset"] for row in merged(parcels, "events")] == [row["offset"] for row in accepted]
    names = plan().row_schema.names
    assert [{name: row[name] for name in names} for row in merged(parcels, "events")] == [
        {name: enriched(row)[name] for name in names} for row in accepted
    ]
    total = sum(parcel.range.checksum for parcel in parcels)
    columns = [np.array([row[name] for row in accepted], np.int64) for name in ("offset", "event_time")]
    assert (total - checksum("t/0", *columns)) % 2**64 == 0


def row_at(time: int, **values: Any) -> Row:
    blank = dict.fromkeys(plan().event.arrow.names)
    return {**blank, "event_time": time, "kind": "view", **values}


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from([LOW, LOW + 3, LOW + 30, -1, 0, HIGH - 30, HIGH - 1, HIGH]), min_size=1, max_size=8))
def test_extreme_times_are_counted_as_the_rules_say(times: list[int]) -> None:
    rows = watermarked([row_at(time, shop="a") for time in times])
    parcels = fold_in_pieces(rows, [3])
    for rollup in plan().rollups:
        _, _, taken, late = model_of(rollup, rows)
        counts = [parcel.range.rollups[rollup.name] for parcel in parcels]
        assert sum(count.late for count in counts) == len(late)
        assert sum(count.counted for count in counts) == len(taken) - len(late)


def test_windows_far_apart_need_no_memory_for_what_lies_between() -> None:
    rows = watermarked([row_at(time) for time in range(0, 10**17, 10**15)])
    parcels = fold_in_pieces(rows, [])
    assert len(merged(parcels, "tumbling_delta")) == 100


def test_a_row_late_for_its_first_windows_counts_in_the_others() -> None:
    rows = watermarked([row_at(100), row_at(72)])
    parcels = fold_in_pieces(rows, [])
    hopping = [
        (row["window_start"], row["row_count"], row["late_count"])
        for row in merged(parcels, "hopping_delta")
        if row["window_start"] < 80
    ]
    assert hopping == [(50, 0, 1), (60, 0, 1), (70, 1, 0)]
    assert parcels[0].range.rollups["hopping"].counted == 2
    assert parcels[0].range.accepted == 2


def test_a_row_exactly_a_gap_later_joins_the_session() -> None:
    rows = watermarked([row_at(0, shop="a"), row_at(7, shop="a"), row_at(15, shop="a")])
    sessions = [(row["window_start"], row["window_end"]) for row in merged(fold_in_pieces(rows, [1]), "sessions_delta")]
    assert sessions == [(0, 14), (15, 22)]


def test_sums_beyond_64_bits_are_exact() -> None:
    rows = watermarked([row_at(50, amount=HIGH, cost=micros(10**18 - 1)) for _ in range(2000)])
    [row] = merged(fold_in_pieces(rows, [700]), "tumbling_delta")
    assert row["amount_sum"] == 2000 * HIGH
    assert row["cost_sum"] == Decimal(2000 * (10**18 - 1)).scaleb(-6)
    [row] = merged(fold_in_pieces(watermarked([row_at(50, amount=LOW)] * 3000), []), "tumbling_delta")
    assert row["amount_sum"] == 3000 * LOW


def test_accepted_rows_carry_the_dimensions_columns() -> None:
    rows = watermarked([row_at(1, shop="a"), row_at(2, shop="nowhere"), row_at(3)])
    kept = merged(fold_in_pieces(rows, [], events=True), "events")
    assert [(row["shop"], row["region"], row["tier"]) for row in kept] == [("a", "x", 1), ("nowhere", None, None),
                                                                          (None, None, None)]  # fmt: skip
    assert {row["partition"] for row in kept} == {"t/0"}


def test_a_heartbeat_gives_a_ledger_line_and_no_tables() -> None:
    parcel = Fold(plan(), events=True).fold(Judged("f", None, 7, 7, max_event_time=5, finished=True))
    assert parcel.tables == {}
    assert (parcel.range.start, parcel.range.end, parcel.range.finished, parcel.final) == (7, 7, True, False)
    assert Fold(plan(), events=True).fold(Judged("f", None, 7, 7, finished=True, final=True)).final
    assert {count.counted for count in parcel.range.rollups.values()} == {0}


def test_dead_letters_pass_through_and_are_counted() -> None:
    dead = pa.RecordBatch.from_pylist([{"offset": 1}], schema=tables_of(plan(), events=False)[1].schema)
    parcel = Fold(plan(), events=False).fold(Judged("f", None, 0, 3, read=2, duplicate=1, dead=dead))
    assert (parcel.range.dead, parcel.range.duplicate, parcel.range.read) == (1, 1, 2)
    assert parcel.tables["dead_letters"] is dead


def test_window_columns_are_utc_timestamps() -> None:
    [parcel] = fold_in_pieces(watermarked([row_at(1)]), [])
    start = parcel.tables["tumbling_delta"].column("window_start")[0].as_py()
    assert start == datetime(1969, 12, 31, 23, 59, 59, 983_000, UTC).replace(tzinfo=None)
