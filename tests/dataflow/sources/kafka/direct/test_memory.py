"""Memory that is lent and comes back."""

import pyarrow as pa

from dataflow.sources.kafka.direct.memory import LEAST_BYTES, Memory


def test_a_block_is_lent_again_once_nothing_refers_to_it() -> None:
    memory = Memory()
    lent = memory.lend(LEAST_BYTES)
    address = lent.ctypes.data
    lent[:] = 7
    part = lent[10:20]
    values = pa.Array.from_buffers(pa.binary(2), 3, [None, pa.py_buffer(lent)])
    del lent
    others = [memory.lend(LEAST_BYTES) for _ in range(3)]
    assert address not in [other.ctypes.data for other in others]
    del part
    assert memory.lend(LEAST_BYTES).ctypes.data != address
    assert values.to_pylist() == [b"\x07\x07"] * 3
    del values
    assert address in [memory.lend(LEAST_BYTES).ctypes.data for _ in range(5)]


def test_what_is_far_too_large_is_not_lent_and_small_ones_are_never_kept() -> None:
    memory = Memory()
    large = memory.lend(16 * LEAST_BYTES)
    address = large.ctypes.data
    del large
    small = [memory.lend(LEAST_BYTES) for _ in range(4)]
    assert all(not address <= each.ctypes.data < address + 16 * LEAST_BYTES for each in small)
    assert memory.lend(16 * LEAST_BYTES).ctypes.data == address
    assert len(memory.lend(5)) == 5
