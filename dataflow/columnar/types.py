"""The arrays that columns are worked on as."""

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Positions = npt.NDArray[np.intp]
"""Row numbers, group numbers, codes: what an array is indexed with."""
