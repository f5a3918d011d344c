"""Semantics rules 3 to 9, each by a small example worked out by hand."""

from decimal import Decimal
from typing import Any

import pytest

from tests.model.engine import Counts, RollupCounts, Tables, run
from tests.model.hashing import hash64, kmv_hash
from tests.model.spec import AggregateSpec, DimensionSpec, FieldSpec, PipelineSpec, Record, RollupSpec, WindowSpec
from tests.model.windows import is_late, windows_of

FIELDS = (
    FieldSpec("t", "event_time_ms"),
    FieldSpec("id", "str", optional=True, has_default=True),
    FieldSpec("k", "str", optional=True, has_default=True),
    FieldSpec("v", "int", optional=True, has_default=True),
    FieldSpec("m", "money", optional=True, has_default=True),
)
TEN = WindowSpec("tumble", 10, 10)
COUNT = {"n": AggregateSpec("count")}


def _records(*values: str, stamp: int | None = None) -> list[Record]:
    return [Record(at, value.encode(), stamp) for at, value in enumerate(values)]


def _times(*times: int) -> list[Record]:
    return _records(*(f'{{"t":{time}}}' for time in times))


def _spec(window: WindowSpec = TEN, aggregates: dict[str, AggregateSpec] = COUNT, **options: Any) -> PipelineSpec:
    rollup = RollupSpec(
        "r", options.pop("keys", ()), window, aggregates, options.pop("where", None), options.pop("lateness", 0)
    )
    return PipelineSpec(FIELDS, (rollup,), **options)


def _table(tables: Tables) -> dict[tuple[Any, ...], list[Any]]:
    return {(start, end, *keys): values for start, end, keys, values in tables.rollups["r"]}


def test_a_row_exactly_at_the_end_belongs_to_the_next_window() -> None:
    assert _table(run(_spec(bound=100), {"p": _times(0, 9, 10)})) == {(0, 10): [2], (10, 20): [1]}


def test_negative_times_are_floored() -> None:
    assert _table(run(_spec(bound=100), {"p": _times(-1, -10, -11)})) == {(-10, 0): [2], (-20, -10): [1]}


def test_an_offset_moves_the_windows() -> None:
    assert windows_of(2, WindowSpec("tumble", 10, 10, 3)) == [(-7, 3)]
    assert windows_of(3, WindowSpec("tumble", 10, 10, 3)) == [(3, 13)]


def test_hopping_windows_are_all_that_still_hold_the_time() -> None:
    assert windows_of(10, WindowSpec("hop", 10, 5)) == [(5, 15), (10, 20)]
    # Starts are multiples of 3; of 6, 3 and 0 the windows of length 7 reach 13, 10 and 7.
    assert windows_of(6, WindowSpec("hop", 7, 3)) == [(0, 7), (3, 10), (6, 13)]
    assert windows_of(8, WindowSpec("hop", 7, 3)) == [(3, 10), (6, 13)]
    assert windows_of(-1, WindowSpec("hop", 7, 3)) == [(-6, 1), (-3, 4)]


def test_cumulative_windows_grow_from_one_base() -> None:
    window = WindowSpec("cumulate", 12, 4)
    assert windows_of(0, window) == [(0, 4), (0, 8), (0, 12)]
    assert windows_of(4, window) == [(0, 8), (0, 12)]
    assert windows_of(11, window) == [(0, 12)]
    assert windows_of(-1, window) == [(-12, 0)]


def test_the_watermark_that_reaches_the_last_millisecond_makes_late() -> None:
    assert not is_late((0, 10), 0, None)
    assert not is_late((0, 10), 0, 8)
    assert is_late((0, 10), 0, 9)
    assert not is_late((0, 10), 5, 13)
    assert is_late((0, 10), 5, 14)


def test_lateness_is_judged_by_the_watermark_before_the_row() -> None:
    # Bound 2: after 11 the watermark is 9, so a second row of [0, 10) is late; the row 11 itself saw 0 - 2.
    tables = run(_spec(bound=2), {"p": _times(0, 11, 5)})
    assert _table(tables) == {(0, 10): [1], (10, 20): [1]}
    assert tables.late == [("r", "p", 2, 5, 9)]
    assert tables.counts["p"] == Counts(read=3, accepted=2, late=1)
    assert tables.rollup_counts[("r", "p")] == RollupCounts(counted=2, late=1)


def test_one_millisecond_earlier_nothing_is_late() -> None:
    assert run(_spec(bound=2), {"p": _times(0, 10, 5)}).late == []


def test_the_watermark_never_goes_back() -> None:
    assert run(_spec(), {"p": _times(20, 3, 19)}).late == [("r", "p", 1, 3, 20), ("r", "p", 2, 19, 20)]


def test_each_source_partition_has_its_own_watermark() -> None:
    tables = run(_spec(), {"p": _times(100), "q": _times(5)})
    assert tables.late == []
    assert _table(tables) == {(100, 110): [1], (0, 10): [1]}


def test_dead_letters_do_not_move_the_watermark_but_late_rows_and_duplicates_do() -> None:
    broken = _records('{"t":0,"id":"a"}', '{"t":99,"v":"x"}', '{"t":1}', '{"t":50,"id":"a"}', '{"t":2}')
    tables = run(_spec(dedup_column="id", dedup_horizon=1000), {"p": broken})
    assert tables.dead == [("p", 1, "wrong_type")]
    assert tables.counts["p"] == Counts(read=5, accepted=2, duplicate=1, late=1, dead=1)
    assert tables.late == [("r", "p", 4, 2, 50)]


def test_the_future_guard_needs_a_record_timestamp() -> None:
    spec = _spec(max_future=5)
    assert run(spec, {"p": _records('{"t":15}', stamp=10)}).dead == []
    assert run(spec, {"p": _records('{"t":16}', stamp=10)}).dead == [("p", 0, "future_event")]
    assert run(spec, {"p": _records('{"t":16}')}).dead == []
    clocked = _spec(max_future=5, max_future_clock=20)
    assert run(clocked, {"p": _records('{"t":16}', stamp=10)}).dead == [("p", 0, "future_event")]
    assert run(clocked, {"p": _records('{"t":25}', '{"t":26}')}).dead == [("p", 1, "future_event")]


def test_an_id_is_forgotten_when_its_time_and_the_horizon_are_reached() -> None:
    # Remembered with time 0, horizon 10: a repeat is a duplicate while the watermark is below 10.
    spec = _spec(dedup_column="id", dedup_horizon=10)

    def read(time: int) -> Counts:
        rows = ('{"t":0,"id":"a"}', f'{{"t":{time}}}', '{"t":30,"id":"a"}')
        return run(spec, {"p": _records(*rows)}).counts["p"]

    assert read(9).duplicate == 1
    assert read(10).duplicate == 0


def test_a_repeat_does_not_extend_the_memory() -> None:
    rows = ('{"t":0,"id":"a"}', '{"t":9,"id":"a"}', '{"t":10}', '{"t":10,"id":"a"}')
    assert run(_spec(dedup_column="id", dedup_horizon=10), {"p": _records(*rows)}).counts["p"].duplicate == 1


def test_a_late_row_is_remembered_and_the_same_id_elsewhere_is_another() -> None:
    rows = ('{"t":100}', '{"t":50,"id":"a"}', '{"t":100,"id":"a"}')
    spec = _spec(dedup_column="id", dedup_horizon=51)
    assert run(spec, {"p": _records(*rows)}).counts["p"] == Counts(read=3, accepted=1, duplicate=1, late=1)
    assert run(spec, {"p": _records(rows[1]), "q": _records(rows[1])}).counts["q"].duplicate == 0


def test_a_null_id_is_never_a_duplicate() -> None:
    assert run(_spec(dedup_column="id", dedup_horizon=9), {"p": _times(0, 0)}).counts["p"].duplicate == 0


def test_a_row_counts_in_each_window_for_which_it_is_not_late() -> None:
    # Windows of 5 are [0, 10) and [5, 15); watermark 9 closes the first only.
    tables = run(_spec(WindowSpec("hop", 10, 5)), {"p": _times(9, 5)})
    assert _table(tables) == {(0, 10): [1], (5, 15): [2]}
    assert tables.late == []


def test_cumulative_windows_are_judged_each_by_itself() -> None:
    tables = run(_spec(WindowSpec("cumulate", 12, 4)), {"p": _times(3, 0)})
    assert _table(tables) == {(0, 4): [1], (0, 8): [2], (0, 12): [2]}


def test_a_filtered_row_is_neither_late_nor_counted() -> None:
    tables = run(_spec(where="v = 1"), {"p": _records('{"t":50,"v":2}', '{"t":0,"v":2}', '{"t":0}')})
    assert tables.counts["p"] == Counts(read=3, accepted=3)
    assert tables.rollup_counts[("r", "p")] == RollupCounts(filtered=3)


def test_late_for_one_rollup_only_is_accepted() -> None:
    strict = RollupSpec("strict", (), TEN, COUNT)
    kind = RollupSpec("kind", (), TEN, COUNT, lateness=100)
    tables = run(PipelineSpec(FIELDS, (strict, kind)), {"p": _times(50, 0)})
    assert tables.counts["p"] == Counts(read=2, accepted=2)
    assert tables.late == [("strict", "p", 1, 0, 50)]
    assert tables.accepted == [("p", 0), ("p", 1)]


def test_late_for_every_rollup_that_takes_it_is_late() -> None:
    strict = RollupSpec("strict", (), TEN, COUNT)
    other = RollupSpec("other", (), TEN, COUNT, where="v = 1", lateness=100)
    tables = run(PipelineSpec(FIELDS, (strict, other)), {"p": _times(50, 0)})
    assert tables.counts["p"] == Counts(read=2, accepted=1, late=1)


def test_a_session_takes_a_row_exactly_the_gap_after_the_last() -> None:
    spec = _spec(WindowSpec("session", 10, 10), bound=1000)
    assert _table(run(spec, {"p": _times(0, 10, 21)})) == {(0, 20): [2], (21, 31): [1]}


def test_a_correction_merges_two_sessions_over_partitions() -> None:
    spec = _spec(WindowSpec("session", 10, 10), bound=1000)
    assert _table(run(spec, {"p": _times(0, 20), "q": _times(10)})) == {(0, 30): [3]}


def test_a_late_row_does_not_join_sessions() -> None:
    # Its own window [10, 20) is closed by watermark 20: late, so 0 and 20 stay apart.
    tables = run(_spec(WindowSpec("session", 10, 10)), {"p": _times(0, 20, 10)})
    assert _table(tables) == {(0, 10): [1], (20, 30): [1]}
    assert tables.late == [("r", "p", 2, 10, 20)]


def test_sessions_of_different_keys_are_apart_and_null_is_a_key() -> None:
    rows = _records('{"t":0,"k":"a"}', '{"t":1}', '{"t":2,"k":"a"}')
    tables = run(_spec(WindowSpec("session", 10, 10), keys=("k",)), {"p": rows})
    assert _table(tables) == {(0, 12, "a"): [2], (1, 11, None): [1]}


def test_aggregates_ignore_nulls_and_all_null_is_null() -> None:
    names = ("sum", "min", "max", "avg", "count", "count_distinct", "approx_count_distinct")
    aggregates = {name: AggregateSpec(name, "v") for name in names} | {
        "q": AggregateSpec("approx_quantile", "v", q=0.5)
    }
    some = _records('{"t":0,"v":3}', '{"t":0}', '{"t":0,"v":1}', '{"t":0,"v":3}')
    assert _table(run(_spec(aggregates=aggregates), {"p": some})) == {
        (0, 10): [7, 1, 3, 7 / 3, 3, 2, 2, pytest.approx(3, rel=0.01)]
    }
    assert _table(run(_spec(aggregates=aggregates), {"p": _times(0)})) == {
        (0, 10): [None, None, None, None, 0, 0, 0, None]
    }


def test_an_aggregates_own_filter_leaves_the_window_in_place() -> None:
    aggregates = {"n": AggregateSpec("count", where="v > 1"), "s": AggregateSpec("sum", "v", where="v > 1")}
    assert _table(run(_spec(aggregates=aggregates), {"p": _records('{"t":0,"v":1}')})) == {(0, 10): [0, None]}


def test_money_sums_exactly_beyond_28_digits() -> None:
    rows = _records('{"t":0,"m":999999999999.999999}', '{"t":0,"m":0.000001}', '{"t":0,"m":-1e-6}')
    spec = _spec(aggregates={"s": AggregateSpec("sum", "m")})
    assert _table(run(spec, {"p": rows})) == {(0, 10): [Decimal("999999999999.999999")]}


def test_unknown_dimension_keys_give_nulls_or_dead_letters() -> None:
    rows = _records('{"t":0,"k":"a"}', '{"t":0,"k":"b"}', '{"t":0}')
    nulls = DimensionSpec("k", ("d",), {"a": {"d": "x"}})
    dead = DimensionSpec("k", ("d",), {"a": {"d": "x"}}, unknown_is_dead=True)
    assert _table(run(_spec(keys=("d",), dimensions=(nulls,)), {"p": rows})) == {(0, 10, "x"): [1], (0, 10, None): [2]}
    tables = run(_spec(keys=("d",), dimensions=(dead,)), {"p": rows})
    assert _table(tables) == {(0, 10, "x"): [1]}
    assert tables.dead == [("p", 1, "unknown_dimension"), ("p", 2, "unknown_dimension")]


def test_the_sketch_is_exact_below_its_size_and_near_above() -> None:
    spec = _spec(aggregates={"u": AggregateSpec("approx_count_distinct", "v")})

    def count(values: int) -> int:
        rows = _records(*(f'{{"t":0,"v":{value}}}' for value in range(values)))
        found = _table(run(spec, {"p": rows}))[(0, 10)][0]
        assert isinstance(found, int)
        return found

    assert count(1023) == 1023
    assert 4500 < count(5000) < 5500


def test_hashes_have_63_bits_and_depend_on_the_length() -> None:
    assert hash64(b"") != hash64(b"\0")
    assert 0 <= kmv_hash("a") < 2**63
    assert kmv_hash(1) != kmv_hash("1")


def test_conservation_holds_for_all_that_was_read() -> None:
    rows = _records('{"t":0,"id":"a"}', '{"t":0,"id":"a"}', "", '{"t":40}', '{"t":0,"v":1}', '{"t":0}')
    tables = run(_spec(where="v IS NULL", dedup_column="id", dedup_horizon=5), {"p": rows})
    counts, rollup = tables.counts["p"], tables.rollup_counts[("r", "p")]
    assert counts == Counts(read=6, accepted=3, duplicate=1, late=1, dead=1)
    assert rollup == RollupCounts(filtered=1, counted=2, late=1)
    assert counts.read - counts.dead - counts.duplicate == rollup.filtered + rollup.counted + rollup.late
