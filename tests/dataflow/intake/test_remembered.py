"""The memory of event ids against a dictionary, row by row."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.columnar.hashing import SPREAD
from dataflow.intake import remembered as dedup
from dataflow.intake.judge import watermarks_before
from dataflow.intake.remembered import DedupMemory
from dataflow.messages import NEVER_MS

LOW, HIGH = -(2**63), 2**63 - 1


class Naive:
    """Semantics rule 5, one row at a time."""

    def __init__(self, horizon: int) -> None:
        self.horizon = horizon
        self.first: dict[int, int] = {}

    def is_first(self, identity: int, time: int, watermark: int) -> bool:
        seen = self.first.get(identity)
        if seen is not None and not (watermark != NEVER_MS and seen + self.horizon <= watermark):
            return False
        self.first[identity] = time
        return True


def judge_all(
    memory: DedupMemory, ids: list[int], times: list[int], bound: int, cuts: list[int]
) -> tuple[list[bool], list[int]]:
    watermark, _ = watermarks_before(np.array(times, np.int64), None, bound)
    first: list[bool] = []
    edges = sorted({0, len(ids), *(cut for cut in cuts if cut < len(ids))})
    for start, end in pairwise(edges):
        lanes = np.array(ids[start:end], np.uint64)
        # One value in the first lane for three ids: the second lane must tell them apart.
        first += memory.judge(
            lanes // np.uint64(3), lanes, np.array(times[start:end], np.int64), watermark[start:end]
        ).tolist()
    return first, watermark.tolist()


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(-30, 60)), max_size=60),
    st.integers(1, 40),
    st.integers(0, 20),
    st.lists(st.integers(1, 59), max_size=6),
)
def test_duplicates_are_those_of_the_rule_however_rows_are_cut_into_batches(
    rows: list[tuple[int, int]], horizon: int, bound: int, cuts: list[int]
) -> None:
    ids, times = [i for i, _ in rows], [t + n for n, (_, t) in enumerate(rows)]
    memory, naive = DedupMemory(horizon), Naive(horizon)
    first, watermark = judge_all(memory, ids, times, bound, cuts)
    assert first == [naive.is_first(*row) for row in zip(ids, times, watermark, strict=True)]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(LOW, HIGH)), max_size=12), st.integers(1, HIGH))
def test_extreme_times_do_not_overflow(rows: list[tuple[int, int]], horizon: int) -> None:
    ids, times = [i for i, _ in rows], [t for _, t in rows]
    naive = Naive(min(horizon, 2**62))
    first, watermark = judge_all(DedupMemory(horizon), ids, times, 5, [3])
    assert first == [naive.is_first(*row) for row in zip(ids, times, watermark, strict=True)]


@pytest.mark.parametrize(("watermark", "is_first"), [(1_009, False), (1_010, True)])
def test_an_id_is_remembered_until_event_time_plus_horizon_is_reached(watermark: int, is_first: bool) -> None:
    memory = DedupMemory(10)
    lane = np.array([7], np.uint64)
    memory.judge(lane, lane, np.array([1_000]), np.array([NEVER_MS]))
    assert memory.judge(lane, lane, np.array([1_000]), np.array([watermark])).tolist() == [is_first]


def test_a_repeat_does_not_extend_the_memory() -> None:
    memory = DedupMemory(10)
    lane = np.full(3, 7, np.uint64)
    first = memory.judge(lane, lane, np.array([100, 109, 100]), np.array([NEVER_MS, 100, 110]))
    assert first.tolist() == [True, False, True]


def test_many_ids_grow_wrap_and_leave() -> None:
    rng = np.random.default_rng(5)
    memory, naive = DedupMemory(40_000), Naive(40_000)
    # Entry numbers are 32 bits wide and begin close below the end here, so that they wrap early.
    memory._base = memory._top = 2**32 - 2 * dedup._BLOCK
    largest = 0
    for batch in range(40):
        ids = rng.integers(0, 60_000, 4_000).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        times = batch * 4_000 + rng.integers(-500, 4_000, 4_000)
        watermark, newest = watermarks_before(times, largest, 1_000)
        assert newest is not None
        largest = newest
        found = memory.judge(ids, ~ids, times, watermark).tolist()
        rows = zip(ids.tolist(), times.tolist(), watermark.tolist(), strict=True)
        assert found == [naive.is_first(*row) for row in rows]
    live = {identity: time for identity, time in naive.first.items() if time + 40_000 > largest}
    lane1, _, times = memory.remembered(largest)
    assert dict(zip(lane1.tolist(), times.tolist(), strict=True)) == live
    # a block stays as long as its newest id, which may be as much newer as a batch is out of order
    assert len(memory) < len(live) + 4_500 + 3 * dedup._BLOCK
    assert memory._top > 2**32


def test_a_thousand_memories_of_few_ids_are_small_however_many_came_and_went() -> None:
    memory = DedupMemory(500)
    for start in range(0, 200_000, 700):
        lanes = np.arange(start, start + 700).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        times = np.arange(start, start + 700)
        assert memory.judge(lanes, ~lanes, times, times - 1).all()
    assert memory.nbytes * 1_024 < 128 * 2**20


def test_a_million_ids_take_less_than_29_bytes_each() -> None:
    memory = DedupMemory(10**9)
    rng = np.random.default_rng(2)
    for _ in range(60):
        lanes = rng.integers(0, 2**64, 2**14, dtype=np.uint64)
        memory.remember(lanes, ~lanes, np.zeros(2**14, np.int64))
    assert memory.nbytes / len(memory) <= 29


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(-30, 60)), max_size=40),
    st.lists(st.tuples(st.integers(0, 12), st.integers(-30, 60)), max_size=40),
    st.integers(1, 40),
)
def test_ids_that_are_told_without_being_judged_are_known_by_their_newest_time(
    told: list[tuple[int, int]], rows: list[tuple[int, int]], horizon: int
) -> None:
    memory, naive = DedupMemory(horizon), Naive(horizon)
    lanes = np.array([i for i, _ in told], np.uint64)
    memory.remember(lanes // np.uint64(3), lanes, np.array([t for _, t in told], np.int64))
    naive.first = dict(told)
    first, watermark = judge_all(memory, [i for i, _ in rows], [t for _, t in rows], 5, [7])
    assert first == [naive.is_first(i, t, w) for (i, t), w in zip(rows, watermark, strict=True)]


def test_ids_stay_known_when_the_table_of_slots_grows() -> None:
    memory = DedupMemory(10**9)
    rng = np.random.default_rng(3)
    # few slots for the low bits, so that chains are long
    lanes = rng.permutation(60_000).astype(np.uint64) << np.uint64(8)
    times = np.zeros(len(lanes), np.int64)
    for at in range(0, len(lanes), 1_000):
        memory.remember(lanes[at : at + 1_000], ~lanes[at : at + 1_000], times[:1_000])
    assert not memory.judge(lanes, ~lanes, times, np.full(len(lanes), NEVER_MS)).any()
    lane1, lane2, _ = memory.remembered(NEVER_MS)
    assert (lane1.tolist(), lane2.tolist()) == (lanes.tolist(), (~lanes).tolist())


def test_times_of_a_block_may_be_as_far_apart_as_they_like() -> None:
    rng = np.random.default_rng(7)
    memory, naive = DedupMemory(300_000), Naive(300_000)
    largest: int | None = None
    for batch in range(30):
        ids = rng.integers(0, 9_000, 3_000).astype(np.uint64)
        # near each other, then farther apart than 16 bits tell, then near again
        apart = 200_000 if 10 <= batch < 20 else 900
        times = batch * 20_000 + rng.integers(0, apart, 3_000)
        watermark, largest = watermarks_before(times, largest, 50_000)
        found = memory.judge(ids, ~ids, times, watermark).tolist()
        rows = zip(ids.tolist(), times.tolist(), watermark.tolist(), strict=True)
        assert found == [naive.is_first(*row) for row in rows]
    assert largest is not None
    lane1, _, kept = memory.remembered(largest)
    assert dict(zip(lane1.tolist(), kept.tolist(), strict=True)) == {
        identity: time for identity, time in naive.first.items() if time + 300_000 > largest
    }


def test_ids_that_all_belong_at_the_end_of_the_table_are_told_apart() -> None:
    memory = DedupMemory(10**9)
    # what the memory makes of the first lane has the same upper half, the highest there is
    spread = np.arange(2**64 - 2**32, 2**64 - 2**32 + 6_000, dtype=np.uint64)
    lanes = spread * np.uint64(pow(SPREAD, -1, 2**64))
    for at in range(0, len(lanes), 1_000):
        part = lanes[at : at + 1_000]
        assert memory.judge(part, ~part, np.zeros(1_000, np.int64), np.full(1_000, NEVER_MS)).all()
    assert not memory.judge(lanes, ~lanes, np.zeros(len(lanes), np.int64), np.full(len(lanes), NEVER_MS)).any()
    assert memory.judge(lanes, lanes, np.zeros(len(lanes), np.int64), np.full(len(lanes), NEVER_MS)).all()
    lane1, lane2, _ = memory.remembered(NEVER_MS)
    assert lane1.tolist() == [*lanes.tolist(), *lanes.tolist()]
    assert lane2.tolist() == [*(~lanes).tolist(), *lanes.tolist()]


def test_ids_that_have_left_make_room_for_others() -> None:
    memory = DedupMemory(100_000)
    sizes = []
    for start in range(0, 2_000_000, 10_000):
        lanes = np.arange(start, start + 10_000).astype(np.uint64)
        times = np.arange(start, start + 10_000)
        assert memory.judge(lanes, ~lanes, times, times - 1).all()
        assert not memory.judge(lanes, ~lanes, times, times).any()
        sizes.append(memory.nbytes)
    assert max(sizes[100:]) == max(sizes[20:100])
