"""Arrow's memory as numpy arrays."""

from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_Word = TypeVar("_Word", bound=np.generic)


def words_in(buffer: pa.Buffer | None, word: type[_Word]) -> npt.NDArray[_Word]:
    """All of a buffer that is there, without a copy."""
    assert buffer is not None, "only the buffer of validity bits may be absent"
    return np.frombuffer(memoryview(buffer), word)
