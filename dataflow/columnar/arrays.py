"""Where the words of a numpy array are in memory, which compiled code reads without numpy."""

import ctypes
import sys

import numpy as np

TYPE_AT, DATA_AT, DIMENSIONS_AT, SIZES_AT, KIND_AT, FLAGS_AT = 8, 16, 24, 32, 56, 64
"""Of an array: its type, the address of its data, how many dimensions, the address of their sizes, what describes an
element, and flags: PyArrayObject, as numpy's interface for C has it since its first version."""

BYTE_ORDER_AT, TYPE_NUMBER_AT = 26, 28
"""Of what describes an element: PyArray_Descr, of which all versions of numpy have this part."""

ALIGNED_IN_ONE_PIECE, WRITABLE, SWAPPED = 0x101, 0x400, ord(">")
WRONG, RAISED = 1, 2
"""What a loop's way in gives instead of 0: an array is not of its kind; the loop has raised."""


def are_as_known() -> bool:
    """Whether an array is laid out so here."""
    if sys.implementation.name != "cpython" or sys.abiflags or sys.byteorder != "little":
        return False
    array = np.arange(3, dtype=np.uint32)
    at = id(array)

    def word(place: int) -> int:
        return ctypes.c_uint64.from_address(place).value

    def half(place: int) -> int:
        return ctypes.c_int32.from_address(place).value

    wanted = ALIGNED_IN_ONE_PIECE | WRITABLE
    return (
        word(at + TYPE_AT) == id(np.ndarray)
        and word(at + DATA_AT) == array.ctypes.data
        and half(at + DIMENSIONS_AT) == 1
        and half(at + FLAGS_AT) & wanted == wanted
        and word(at + KIND_AT) == id(array.dtype)
        and word(word(at + SIZES_AT)) == len(array)
        and half(id(array.dtype) + TYPE_NUMBER_AT) == array.dtype.num
        and ctypes.c_char.from_address(id(array.dtype) + BYTE_ORDER_AT).value == b"="
    )
