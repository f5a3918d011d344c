"""Lots, cut anywhere, give what was put in."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dataflow.columnar.buffers import SPARE_BYTES
from dataflow.sources.kafka.drain_lot import Lot, Room, empty_lot, grown

values_of = st.lists(st.none() | st.binary(max_size=20), max_size=40)


def filled(values: list[bytes | None], spare_rows: int = 3, spare_bytes: int = 5) -> Lot:
    """As compiled code fills it."""
    size_bytes = sum(len(value or b"") for value in values)
    lot = empty_lot(Room(len(values) + spare_rows, size_bytes + spare_bytes))
    at = 0
    for row, value in enumerate(values):
        lot.offsets[row], lot.timestamps[row] = 2 * row, 1_000 + row
        if value is None:
            lot.valid[row >> 3] &= 0xFF ^ (1 << (row & 7))
            lot.nulls += 1
        else:
            lot.data[at : at + len(value)] = np.frombuffer(value, np.uint8)
            at += len(value)
        lot.ends[row + 1] = at
    lot.rows = len(values)
    return lot


@given(values_of, st.integers(1, 9), st.integers(1, 60))
def test_cuts_follow_each_other_and_lose_nothing(values: list[bytes | None], max_rows: int, max_bytes: int) -> None:
    lot = filled(values)
    found: list[bytes | None] = []
    offsets: list[int] = []
    while lot.left.rows:
        before = lot.left
        cut = lot.cut(max_rows, max_bytes)
        cut.values.validate(full=True)
        assert 1 <= len(cut.values) <= max_rows
        assert cut.size_bytes <= max_bytes or len(cut.values) == 1
        assert lot.left == (before.rows - len(cut.values), before.size_bytes - cut.size_bytes)
        assert cut.timestamps.tolist() == [1_000 + offset // 2 for offset in cut.offsets.tolist()]
        data = cut.values.buffers()[2]
        assert data is not None
        assert data.to_pybytes()[cut.size_bytes :] == bytes(SPARE_BYTES), (
            "compiled code reads whole words behind the last value"
        )
        found += cut.values.to_pylist()
        offsets += cut.offsets.tolist()
    assert found == values
    assert offsets == [2 * row for row in range(len(values))]


@given(values_of)
def test_a_lot_is_handed_over_whole_without_a_copy(values: list[bytes | None]) -> None:
    lot = filled([b"first", *values])
    cut = lot.cut(1_000, 1 << 20)
    assert cut.values.to_pylist() == [b"first", *values]
    data = cut.values.buffers()[2]
    assert data is not None
    assert data.address == lot.data.ctypes.data
    assert np.shares_memory(cut.offsets, lot.offsets)


@given(values_of, st.integers(0, 50), st.integers(0, 500))
def test_more_room_changes_nothing(values: list[bytes | None], rows: int, size_bytes: int) -> None:
    lot = filled(values)
    wider = grown(lot, Room(lot.room.rows + rows, lot.room.size_bytes + size_bytes))
    assert wider.room == (lot.room.rows + rows, lot.room.size_bytes + size_bytes)
    assert wider.left == lot.left
    if values:
        assert wider.cut(1_000, 1 << 20).values.to_pylist() == values
