from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sinks.lake.upkeep.tiers import BASE_BYTES, FAN_IN, TARGET_BYTES, LiveFile, runs_to_merge, summable, tier


def files_of(sizes: list[int], *, rows: int = 10) -> list[LiveFile]:
    return [
        LiveFile(number, f"{number}.parquet", rows, size, number * rows, number + 1, None)
        for number, size in enumerate(sizes)
    ]


def ids(runs: list[list[LiveFile]]) -> list[list[int]]:
    return [[file.id for file in run] for run in runs]


def test_tiers_grow_by_the_fan_in() -> None:
    assert [tier(size) for size in (0, BASE_BYTES * FAN_IN - 1, BASE_BYTES * FAN_IN)] == [0, 0, 1]
    assert tier(BASE_BYTES * FAN_IN**3) == 3


def test_fewer_files_than_the_fan_in_are_left_alone() -> None:
    assert runs_to_merge(files_of([100] * (FAN_IN - 1)), summed_below=None) == []
    assert ids(runs_to_merge(files_of([100] * FAN_IN), summed_below=None)) == [list(range(FAN_IN))]


def test_a_larger_file_is_not_rewritten_for_smaller_ones() -> None:
    big = BASE_BYTES * FAN_IN**2
    assert ids(runs_to_merge(files_of([big] + [100] * FAN_IN), summed_below=None)) == [list(range(1, FAN_IN + 1))]


def test_small_files_between_larger_ones_come_along() -> None:
    big = BASE_BYTES * FAN_IN
    sizes = [big, big, 100, *[big] * (FAN_IN - 2)]
    assert ids(runs_to_merge(files_of(sizes), summed_below=None)) == [list(range(len(sizes)))]


def test_a_hole_in_the_row_ids_ends_a_run_unless_the_rows_are_summed() -> None:
    files = files_of([100] * FAN_IN)
    last = files[-1]
    files[-1] = LiveFile(last.id, last.path, 10, 100, 1_000, last.begin_snapshot, None)
    assert runs_to_merge(files, summed_below=None) == []
    assert ids(runs_to_merge(files, summed_below=99)) == [list(range(FAN_IN))]


def test_rows_that_may_be_summed_are_not_mixed_with_rows_that_may_not() -> None:
    files = files_of([100] * (2 * FAN_IN))
    runs = runs_to_merge(files, summed_below=FAN_IN + 1)
    assert ids(runs) == [list(range(FAN_IN)), list(range(FAN_IN, 2 * FAN_IN))]
    assert [summable(run, FAN_IN + 1) for run in runs] == [True, False]


def test_files_with_deletions_are_not_touched() -> None:
    files = files_of([100] * (FAN_IN + 1))
    middle = files[FAN_IN]
    files[FAN_IN] = LiveFile(middle.id, middle.path, 10, 100, middle.row_id_start, 1, None, mergeable=False)
    assert ids(runs_to_merge(files, summed_below=None)) == [list(range(FAN_IN))]


def test_no_merge_goes_beyond_the_target() -> None:
    files = files_of([TARGET_BYTES // 3] * 30)
    assert all(sum(file.size_bytes for file in run) <= TARGET_BYTES for run in runs_to_merge(files, summed_below=None))


def test_large_files_that_cannot_reach_the_fan_in_fill_the_target() -> None:
    runs = runs_to_merge(files_of([TARGET_BYTES // 5] * 12), summed_below=None)
    assert ids(runs) == [list(range(5)), list(range(5, 10))]
    assert runs_to_merge(files_of([TARGET_BYTES - 10, 5, TARGET_BYTES - 10]), summed_below=None) == []


@given(st.lists(st.integers(1, 4), min_size=1, max_size=400), st.none() | st.integers(0, 500))
def test_appending_for_ever_keeps_few_files_and_rewrites_each_row_a_few_times(
    bursts: list[int], summed_below: int | None
) -> None:
    files: list[LiveFile] = []
    rewritten = rows = number = 0
    for burst in bursts:
        for _ in range(burst):
            files.append(LiveFile(number, "", 10, 3_000, rows, number, None))
            rows += 10
            number += 1
        for run in runs_to_merge(files, summed_below=summed_below):
            first = files.index(run[0])
            assert files[first : first + len(run)] == run
            size = sum(file.size_bytes for file in run)
            count = sum(file.rows for file in run)
            rewritten += count
            number += 1
            newest = max(file.newest for file in run)
            merged = LiveFile(number, "", count, size, run[0].row_id_start, run[0].begin_snapshot, newest)
            files[first : first + len(run)] = [merged]
        assert sum(file.rows for file in files) == rows
        assert len(files) <= 8 * FAN_IN
    assert rewritten <= 8 * rows


def slotted(sizes: list[int], slots: list[int], **changes: Any) -> list[LiveFile]:
    return [replace(file, slot=slot, **changes) for file, slot in zip(files_of(sizes), slots, strict=True)]


def test_no_run_is_of_two_slots() -> None:
    files = slotted([100] * (2 * FAN_IN), [4] * 3 + [5] * (2 * FAN_IN - 3))
    assert ids(runs_to_merge(files, summed_below=None)) == [list(range(3, 2 * FAN_IN)), [0, 1, 2]]


def test_a_slot_that_goes_on_waits_for_the_fan_in_and_one_that_has_ended_does_not() -> None:
    assert runs_to_merge(slotted([100] * 3, [4, 4, 4]), summed_below=None) == []
    big = BASE_BYTES * FAN_IN**2
    assert ids(runs_to_merge(slotted([big, 100, 100], [4, 4, 5]), summed_below=None)) == [[0, 1]]


def test_a_slot_that_has_ended_as_one_file_is_left_alone() -> None:
    assert runs_to_merge(slotted([100, 100], [4, 5]), summed_below=None) == []
    assert runs_to_merge(slotted([TARGET_BYTES - 10, TARGET_BYTES - 10, 100], [4, 4, 5]), summed_below=None) == []


def test_it_is_rewritten_once_more_when_its_rows_may_be_summed() -> None:
    files = slotted([100, 100], [4, 5], partial_max=3)
    assert ids(runs_to_merge(files, summed_below=4)) == [[0]]
    assert runs_to_merge(files, summed_below=3) == []
    assert runs_to_merge(slotted([100, 100], [4, 5]), summed_below=4) == []
