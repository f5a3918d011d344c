"""Columns that grow in their place: what they held stays, and what was not written costs nothing."""

import mmap
import resource

import numpy as np
import pytest

from dataflow.columnar.growing import Growing


def test_what_was_written_stays_and_zeros_are_behind_it() -> None:
    column = Growing(np.uint32)
    assert column.values.tolist() == []
    column.grow(0)
    for rows in (3, 3, 5_000, 2_000_000):
        column.grow(rows)
        assert len(column.values) == rows
        column.values[rows - 1] = rows
    assert column.values[[0, 2, 3, 4_999, 5_000, -1]].tolist() == [0, 3, 0, 5_000, 0, 2_000_000]


def test_a_view_of_what_was_there_stays_as_it_was() -> None:
    column = Growing(np.int64)
    column.grow(4)
    column.values[:] = [1, 2, 3, 4]
    view = column.values[1:3]
    column.grow(1_000_000)
    column.values[1] = 9
    assert (view.tolist(), column.values[:5].tolist()) == ([2, 3], [1, 9, 3, 4, 0])


def test_where_a_system_cannot_move_pages_they_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fixed(mmap.mmap):
        def resize(self, _size: int) -> None:
            raise SystemError("mmap: resizing not available--no mremap()")

    monkeypatch.setattr("dataflow.columnar.growing.mmap.mmap", Fixed)
    column = Growing(np.uint64)
    column.grow(2)
    column.values[:] = [5, 6]
    column.grow(3)
    assert column.values.tolist() == [5, 6, 0]


def test_pages_that_are_not_written_are_not_there() -> None:
    column = Growing(np.int64)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    column.grow(1 << 27)
    column.grow(1 << 28)
    column.values[-1] = 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 1_000
