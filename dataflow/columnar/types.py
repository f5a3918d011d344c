"""The arrays that columns are worked on as."""

from typing import Any

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]
UInt16s = npt.NDArray[np.uint16]
UInt32s = npt.NDArray[np.uint32]
UInt64s = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.intp]
"""Row numbers, group numbers, codes: what an array is indexed with."""
Values = npt.NDArray[Any]
"""Numbers of a type that only the column knows: int64, float64, or Python ints where 64 bits do not suffice."""
Whole = int | np.int64
"""A whole number in compiled code, which has but one kind of them."""
