"""CRC-32C, both ways."""

import random

import numpy as np
from numba import njit

from dataflow.sources.kafka.direct import crc_kernel
from tests.dataflow.sources.kafka.direct.encoded import crc32c


def test_the_table_and_the_instruction_give_the_known_sums() -> None:
    by_table, chosen = crc_kernel.by_table, crc_kernel.crc32c
    table = njit("int64(int64, int64)")(lambda data, size: by_table(data, size))
    one = njit("int64(int64, int64)")(lambda data, size: chosen(data, size))
    made = random.Random(3)
    known = {b"123456789": 0xE3069283, b"": 0, bytes(32): 0x8A9136AA}
    for data in [*known, *(made.randbytes(size) for size in (1, 7, 8, 9, 63, 1_000))]:
        held = np.frombuffer(data + b" ", np.uint8)
        wanted = known.get(data, crc32c(data))
        assert table(held.ctypes.data, len(data)) == wanted
        assert one(held.ctypes.data, len(data)) == wanted
