"""Calls of the system that Python has no function for."""

import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def syscall(number: int, *arguments: object) -> int:
    """A system call by its number. Raises OSError."""
    ctypes.set_errno(0)
    made = int(_libc.syscall(ctypes.c_long(number), *arguments))
    if made == -1:
        raise _error()
    return made


def prctl(option: int, *arguments: int) -> int:
    """`prctl`, the arguments that are left out being 0. Raises OSError."""
    ctypes.set_errno(0)
    filled = [ctypes.c_ulong(each) for each in (*arguments, 0, 0, 0, 0)[:4]]
    made = int(_libc.prctl(ctypes.c_int(option), *filled))
    if made == -1:
        raise _error()
    return made


def unshare(flags: int) -> None:
    """Leave namespaces of the parent. Raises OSError."""
    ctypes.set_errno(0)
    if _libc.unshare(ctypes.c_int(flags)) == -1:
        raise _error()


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
