"""Raw memory in compiled code: words and bytes at addresses, as numba intrinsics."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

SPARE_BYTES = 64
"""What a buffer has behind its last value, so that whole words may be read there."""


def _load(bits: int) -> Any:
    def typed(_context: Any, _at: Any) -> Any:
        def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            word = ir.IntType(bits)
            loaded = builder.load(builder.inttoptr(arguments[0], word.as_pointer()), align=1)
            return loaded if bits == 64 else builder.zext(loaded, ir.IntType(64))

        return types.int64(types.int64), generate

    return typed


def _store(_context: Any, _at: Any, _word: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        builder.store(arguments[1], builder.inttoptr(arguments[0], ir.IntType(64).as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


def _copy(_context: Any, _to: Any, _from: Any, _length: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        to, source, length = arguments
        byte = ir.IntType(8).as_pointer()
        cgutils.raw_memcpy(builder, builder.inttoptr(to, byte), builder.inttoptr(source, byte), length, 1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


def _zeros(_context: Any, _word: Any) -> Any:
    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


word_at = intrinsic(_load(64))
"""The 8 bytes at an address, little endian, as int64."""
half_at = intrinsic(_load(32))
"""The 4 bytes at an address, as a number from 0."""
byte_at = intrinsic(_load(8))
"""The byte at an address, as a number from 0."""
put_word = intrinsic(_store)
"""Write 8 bytes at an address."""
copy_bytes = intrinsic(_copy)
"""memcpy(to, from, length)."""
trailing_zeros = intrinsic(_zeros)
"""How many of the lowest bits of a uint64 are zero."""
