"""Lines in bytes: where they end, and a column of their texts."""

import threading
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from dataflow.columnar.buffers import SPARE_BYTES
from dataflow.columnar.loops import loops
from dataflow.columnar.types import Int32s, Int64s, UInt8s

if TYPE_CHECKING:
    from dataflow.columnar.memory import Compiled

NEWLINE, RETURN = 10, 13
FEWEST_BYTES = 1 << 16
"""Fewer are not worth the compiled loops, which take some tenths of a second to load."""

_compiling = threading.Lock()


class Kernels(NamedTuple):
    """The loops of line_kernel.py; addresses are of bytes that stay where they are meanwhile."""

    count: "Compiled"
    """count(data, size) -> how many newlines there are in `size` bytes at address `data`."""
    find: "Compiled"
    """find(data, size, found): where they stand, of which there are as many as `found` has room for."""
    measure: "Compiled"
    """measure(data, ends, first, newline, starts, bounds) -> how many bytes the texts have. Gives where lines start,
    and where their texts end behind one another; of both one more than lines."""
    gather: "Compiled"
    """gather(data, first, starts, bounds, to): the texts, copied to the address `to`."""


def newlines(data: UInt8s) -> Int64s:
    """Where newlines stand in bytes in one piece, ascending."""
    kernels = _kernels_for(data)
    if kernels is None:
        return np.flatnonzero(data == NEWLINE)
    # counted first: an array for the most that there could be would be eight times the bytes
    found = np.empty(kernels.count(data.ctypes.data, len(data)), np.int64)
    kernels.find(data.ctypes.data, len(data), found)
    return found


def lines_of(data: UInt8s, ends: Int64s, first: int, *, newline: bool) -> tuple[Int64s, pa.Array]:
    """Where the lines that end at `ends` start in `data`, with where one behind them would; and their texts (binary).

    A text is without the newline, which each line has unless `newline` says that the one there has none, and without a
    return before it; the first one is without `first` bytes. The texts are a copy. Raises nothing.
    """
    kernels = _kernels_for(data)
    ends = np.ascontiguousarray(ends)
    if kernels is None:
        starts, bounds, text = _gathered(data, ends, first, int(newline))
    else:
        starts, bounds = np.empty(len(ends) + 1, np.int64), np.empty(len(ends) + 1, np.int32)
        total = kernels.measure(data.ctypes.data, ends, first, int(newline), starts, bounds)
        text = np.empty(total + SPARE_BYTES, np.uint8)
        text[total:] = 0
        kernels.gather(data.ctypes.data, first, starts, bounds, text.ctypes.data)
    buffers = [None, pa.py_buffer(bounds), pa.py_buffer(text)]
    return starts, pa.Array.from_buffers(pa.binary(), len(ends), buffers)


def _gathered(data: UInt8s, ends: Int64s, first: int, newline: int) -> tuple[Int64s, Int32s, UInt8s]:
    starts = np.zeros(len(ends) + 1, np.int64)
    starts[1:] = ends + newline
    begins = starts[:-1].copy()
    begins[0] += first
    lengths = ends - begins
    kept = np.ones(int(starts[-1]), np.bool_)
    kept[:first] = False
    if newline:
        kept[ends] = False
        returned = (lengths > 0) & (data[np.maximum(ends - 1, 0)] == RETURN)
        kept[ends[returned] - 1] = False
        lengths -= returned
    bounds = np.zeros(len(ends) + 1, np.int32)
    np.cumsum(lengths, out=bounds[1:])
    return starts, bounds, data[: len(kept)][kept]


def _kernels_for(data: UInt8s) -> Kernels | None:
    if len(data) < FEWEST_BYTES:
        return None
    with _compiling:
        return _kernels()


@cache
def _kernels() -> Kernels | None:
    try:
        return Kernels(*loops("sources/files/line_kernel"))
    except ImportError:
        return None
