"""Landlock: from the kernel on, the data folders can be read, and nothing else on any disk can be opened."""

import ctypes
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from serve.sql.inside.libc import syscall

# the numbers of these calls are the same on every machine
_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION = 1
_PATH_BENEATH = 1

_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""From this version of Landlock on, so many rights over files are known."""
_BIND, _CONNECT = 1, 2
_ABSTRACT_SOCKETS, _SIGNALS = 1, 2


_ENGINE_READS = (Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))
"""What the engine looks at when it is opened, for how much memory there is: it opens nothing if that is refused."""


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """Landlock's version in this kernel. Raises OSError where there is none, or it is switched off."""
    return syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint(_VERSION))


def restrict(folders: Sequence[Path]) -> str:
    """Leave this thread, and those that it starts, nothing but reading below `folders`; which version did it.

    Needs PR_SET_NO_NEW_PRIVS. Folders that are not there stay out of reach when they come. Raises OSError.
    """
    known = version()
    rights = next(bits for least, bits in sorted(_FILE_RIGHTS.items(), reverse=True) if known >= least)
    rules = _Ruleset(
        files=(1 << rights) - 1,
        network=_BIND | _CONNECT if known >= 4 else 0,
        scoped=_ABSTRACT_SOCKETS | _SIGNALS if known >= 6 else 0,
    )
    length = 24 if known >= 6 else 16 if known >= 4 else 8
    ruleset = syscall(_CREATE, ctypes.byref(rules), ctypes.c_size_t(length), ctypes.c_uint(0))
    try:
        for path in (*folders, *_ENGINE_READS):
            _allow(ruleset, path)
        syscall(_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint(0))
    finally:
        os.close(ruleset)
    return f"version {known}"


def _allow(ruleset: int, path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rights = _READ_FILE | _READ_DIR if stat.S_ISDIR(os.fstat(descriptor).st_mode) else _READ_FILE
        rule = _Beneath(allowed=rights, parent=descriptor)
        syscall(_ADD, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), ctypes.byref(rule), ctypes.c_uint(0))
    finally:
        os.close(descriptor)
