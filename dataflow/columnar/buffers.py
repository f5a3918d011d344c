"""Arrow's memory as numpy arrays."""

from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dataflow.columnar.types import Int32s, UInt8s

_Word = TypeVar("_Word", bound=np.generic)

SPARE_BYTES = 64
"""What a buffer has behind its last value, so that compiled code may read whole words there."""


def words_in(buffer: pa.Buffer | None, word: type[_Word]) -> npt.NDArray[_Word]:
    """All of a buffer that is there, without a copy."""
    assert buffer is not None, "only the buffer of validity bits may be absent"
    return np.frombuffer(memoryview(buffer), word)


def values_in(values: pa.Array) -> tuple[UInt8s, Int32s, UInt8s]:
    """Of a binary array: the bytes with SPARE_BYTES behind them, where each value ends in them, which are there.

    The ends begin with where the first value begins; of those that are there, nothing stands for all.
    """
    rows = len(values)
    _, ends_buffer, data_buffer = values.buffers()
    ends = words_in(ends_buffer, np.int32)[values.offset : values.offset + rows + 1]
    data = np.zeros(0, np.uint8) if data_buffer is None else words_in(data_buffer, np.uint8)
    if len(data) < int(ends[-1]) + SPARE_BYTES:
        padded = np.zeros(int(ends[-1]) + SPARE_BYTES, np.uint8)
        padded[: len(data)] = data[: len(padded)]
        data = padded
    valid = np.zeros(0, np.uint8)
    if values.null_count:
        valid = values.is_valid().to_numpy(zero_copy_only=False).view(np.uint8)
    return data, ends, valid
