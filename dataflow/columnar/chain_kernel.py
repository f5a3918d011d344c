"""Compiled: rows with equal codes, chained one behind the other; as chains.py says."""

from typing import NamedTuple

import numpy as np
from numba import types
from numba.core.typing.templates import Signature

from dataflow.columnar.kept import kept
from dataflow.columnar.memory import Compiled
from dataflow.columnar.types import Int64s, UInt32s, UInt64s, Whole

_32 = np.uint64(32)
_OLDER = np.uint64(0xFFFFFFFF)


class Kernels(NamedTuple):
    """What `compiled` makes; each is called with arrays in one piece."""

    put: Compiled
    chain: Compiled
    find: Compiled


def _put(codes: UInt32s, first: int, heads: UInt32s, shift: int, links: UInt64s) -> None:
    """Rows from `first` on, one per code: each becomes the head of its slot's chain, as its number + 1."""
    for i in range(len(codes)):
        slot = np.int64(codes[i]) >> shift
        links[first + i] = np.uint64(codes[i]) << _32 | np.uint64(heads[slot])
        heads[slot] = first + i + 1


def _chain(heads: UInt32s, shift: int, links: UInt64s) -> None:
    """All rows into empty slots, the oldest first."""
    for row in range(len(links)):
        code = links[row] >> _32
        slot = np.int64(code) >> shift
        links[row] = code << _32 | np.uint64(heads[slot])
        heads[slot] = row + 1


def _find(codes: UInt32s, heads: UInt32s, shift: int, links: UInt64s, found: Int64s) -> Whole:
    """The rows of these codes into `found`, as far as they go in; gives how many there are."""
    count: Whole = 0
    for i in range(len(codes)):
        at = np.int64(heads[np.int64(codes[i]) >> shift])
        while at > 0:
            link = links[at - 1]
            if link >> _32 == np.uint64(codes[i]):
                if count < len(found):
                    found[count] = at - 1
                count += 1
            at = np.int64(link & _OLDER)
    return count


def compiled() -> Kernels:
    """Compiled once per machine where their cache can be written, else in memory."""
    i64, u32s, u64s = types.int64, types.uint32[::1], types.uint64[::1]
    signatures: tuple[Signature, ...] = (
        types.void(u32s, i64, u32s, i64, u64s),
        types.void(u32s, i64, u64s),
        types.int64(u32s, u32s, i64, u64s, types.int64[::1]),
    )
    functions: tuple[Compiled, ...] = (_put, _chain, _find)
    return Kernels(*map(kept, signatures, functions))
