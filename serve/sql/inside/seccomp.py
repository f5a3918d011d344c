"""Seccomp: the system calls that are left are those that reading, computing and answering need."""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from serve.sql.inside.libc import syscall

MACHINE = "x86_64"
"""Whose system calls are known here."""

_ARCH_X86_64 = 0xC000003E
_SECCOMP = 317
_SET_MODE_FILTER, _ALL_THREADS = 1, 1
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_X32 = 0x40000000
_NEWER = 424
"""From here on calls are so new that the C library tries an older one if the kernel says that it knows none."""

_LOAD, _JUMP_EQUAL, _JUMP_FROM, _JUMP_ANY, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16


class Call(NamedTuple):
    """A system call: its name, and its number on x86_64."""

    name: str
    number: int


ALLOWED = tuple(
    Call(*each)
    for each in (
        # what is open is read; files are opened for reading below
        *(("read", 0), ("close", 3), ("fstat", 5), ("poll", 7), ("lseek", 8), ("pread64", 17), ("readv", 19)),
        *(("preadv", 295), ("stat", 4), ("lstat", 6), ("newfstatat", 262), ("statx", 332), ("access", 21)),
        *(("faccessat", 269), ("faccessat2", 439), ("readlink", 89), ("readlinkat", 267), ("getdents64", 217)),
        *(("getcwd", 79), ("statfs", 137), ("fstatfs", 138), ("fadvise64", 221), ("readahead", 187)),
        # memory
        *(("munmap", 11), ("brk", 12), ("mremap", 25), ("madvise", 28), ("mincore", 27), ("membarrier", 324)),
        # threads and their waits
        *(("futex", 202), ("futex_waitv", 449), ("set_robust_list", 273), ("get_robust_list", 274), ("rseq", 334)),
        *(("sched_yield", 24), ("sched_getaffinity", 204), ("getcpu", 309), ("nanosleep", 35)),
        *(("clock_nanosleep", 230), ("select", 23), ("pselect6", 270), ("ppoll", 271), ("restart_syscall", 219)),
        # signals that come
        *(("rt_sigaction", 13), ("rt_sigprocmask", 14), ("rt_sigreturn", 15), ("rt_sigtimedwait", 128)),
        *(("sigaltstack", 131), ("rt_sigpending", 127)),
        # what there is to know
        *(("getpid", 39), ("gettid", 186), ("getppid", 110), ("getuid", 102), ("geteuid", 107), ("getgid", 104)),
        *(("getegid", 108), ("uname", 63), ("sysinfo", 99), ("getrusage", 98), ("getrlimit", 97), ("times", 100)),
        *(("gettimeofday", 96), ("time", 201), ("clock_gettime", 228), ("clock_getres", 229), ("getrandom", 318)),
        # the end
        *(("exit", 60), ("exit_group", 231)),
    )
)
"""Calls that are allowed whatever their arguments are."""

_WRITE, _WRITEV, _OPEN, _OPENAT, _CLONE, _CLONE3 = 1, 20, 2, 257, 56, 435
_MMAP, _MPROTECT, _PRCTL, _PRLIMIT, _IOCTL, _FCNTL, _TGKILL = 9, 10, 157, 302, 16, 72, 234

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | 0o20000000
_CLONE_THREAD = 0x00010000
_PROT_EXEC = 4
_NAMES = (15, 16, 0x53564D41)
"""Options of prctl: give a thread or a piece of memory a name."""
_TERMINAL = (0x5401, 0x541B)
"""Requests of ioctl: whether it is a terminal, and how much there is to read."""
_DESCRIPTOR = (1, 2, 3, 5, 6, 37, 38)
"""Commands of fcntl: flags of a descriptor, and locks."""


def restrict() -> str:
    """Leave every thread of this process the calls above. Needs PR_SET_NO_NEW_PRIVS. Raises OSError.

    There is no way back, and what is refused fails with EPERM, as if a privilege were missing.
    """
    if platform.machine() != MACHINE:
        raise OSError(errno.ENOSYS, f"the calls of {MACHINE} are known, not those of {platform.machine()}")
    code = program(os.getpid())
    instructions = ctypes.create_string_buffer(code, len(code))
    filter_ = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(instructions))
    buffer = ctypes.create_string_buffer(filter_, len(filter_))
    syscall(_SECCOMP, ctypes.c_uint(_SET_MODE_FILTER), ctypes.c_uint(_ALL_THREADS), buffer)
    return f"{len(ALLOWED)} calls, and {len(_guarded(0))} with arguments that are looked at"


def program(pid: int) -> bytes:
    """The filter, for the process `pid`: 8 bytes an instruction, as the kernel takes them."""
    refuse = _ERRNO | errno.EPERM
    code = [
        _step(_LOAD, _ARCH),
        *_unless(_JUMP_EQUAL, _ARCH_X86_64, _KILL),
        _step(_LOAD, _NUMBER),
        *_if(_JUMP_FROM, _X32, refuse),
    ]
    for call in ALLOWED:
        code += _if(_JUMP_EQUAL, call.number, _ALLOW)
    for number, block in _guarded(pid).items():
        code += [_step(_JUMP_EQUAL, number, 0, len(block)), *block]
    code += [*_if(_JUMP_FROM, _NEWER, _ERRNO | errno.ENOSYS), _step(_RETURN, refuse)]
    return b"".join(code)


def _guarded(pid: int) -> dict[int, list[bytes]]:
    """What happens to a call whose arguments are looked at; every block ends."""
    none_of: Callable[[int, int], list[bytes]] = _without
    return {
        # standard output and, for a message of Python's, standard error
        _WRITE: _one_of(0, (1, 2)),
        _WRITEV: _one_of(0, (1, 2)),
        _OPEN: none_of(1, _WRITING),
        _OPENAT: none_of(2, _WRITING),
        # a thread, and no process
        _CLONE: _with(0, _CLONE_THREAD),
        # its flags are out of sight: the C library then takes clone
        _CLONE3: [_step(_RETURN, _ERRNO | errno.ENOSYS)],
        # no code but that which is there
        _MMAP: none_of(2, _PROT_EXEC),
        _MPROTECT: none_of(2, _PROT_EXEC),
        _PRCTL: _one_of(0, _NAMES),
        # limits are read and not set
        _PRLIMIT: [*_zero(2, high=False), *_zero(2, high=True), _step(_RETURN, _ALLOW)],
        _IOCTL: _one_of(1, _TERMINAL),
        _FCNTL: _one_of(1, _DESCRIPTOR),
        _TGKILL: _one_of(0, (pid,)),
    }


def _one_of(argument: int, values: Sequence[int]) -> list[bytes]:
    code = [_step(_LOAD, _ARGUMENTS + 8 * argument)]
    for value in values:
        code += _if(_JUMP_EQUAL, value, _ALLOW)
    return [*code, _step(_RETURN, _ERRNO | errno.EPERM)]


def _without(argument: int, bits: int) -> list[bytes]:
    load = _step(_LOAD, _ARGUMENTS + 8 * argument)
    return [load, *_if(_JUMP_ANY, bits, _ERRNO | errno.EPERM), _step(_RETURN, _ALLOW)]


def _with(argument: int, bits: int) -> list[bytes]:
    load = _step(_LOAD, _ARGUMENTS + 8 * argument)
    return [load, *_if(_JUMP_ANY, bits, _ALLOW), _step(_RETURN, _ERRNO | errno.EPERM)]


def _zero(argument: int, *, high: bool) -> list[bytes]:
    load = _step(_LOAD, _ARGUMENTS + 8 * argument + (4 if high else 0))
    return [load, *_unless(_JUMP_EQUAL, 0, _ERRNO | errno.EPERM)]


def _if(jump: int, value: int, verdict: int) -> list[bytes]:
    return [_step(jump, value, 0, 1), _step(_RETURN, verdict)]


def _unless(jump: int, value: int, verdict: int) -> list[bytes]:
    return [_step(jump, value, 1, 0), _step(_RETURN, verdict)]


def _step(code: int, value: int, true: int = 0, false: int = 0) -> bytes:
    return struct.pack("HBBI", code, true, false, value & 0xFFFFFFFF)
