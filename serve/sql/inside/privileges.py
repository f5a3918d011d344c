"""What a process of the system may do beside reading and computing, given up."""

import ctypes
import os
import signal
from contextlib import suppress
from pathlib import Path

from serve.sql.inside.libc import prctl, syscall, unshare

_PDEATHSIG, _DUMPABLE, _CAPBSET_DROP, _NO_NEW_PRIVS, _CAP_AMBIENT = 1, 4, 24, 38, 47
_AMBIENT_CLEAR = 4
_NEW_NETWORK, _NEW_IPC, _NEW_USER = 0x40000000, 0x08000000, 0x10000000
_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITY_VERSION = 0x20080522
_MOST_CAPABILITIES = 64


def leave_network() -> str:
    """Move to a network of its own in which there is nothing, for a process of one thread. Raises OSError."""
    flags = _NEW_NETWORK | _NEW_IPC
    try:
        unshare(flags)
    except PermissionError:
        unshare(flags | _NEW_USER)
        return "in a user namespace of its own"
    return ""


def give_up(owner: Path) -> str:
    """Keep no capability and gain none by any program; root becomes who owns the data. Raises OSError."""
    told = _become_owner(owner) if os.geteuid() == 0 else ""
    with suppress(OSError):
        prctl(_CAP_AMBIENT, _AMBIENT_CLEAR)
    for capability in range(_MOST_CAPABILITIES):
        with suppress(OSError):
            # only who has capabilities may drop them from the bounds; others have none to lose
            prctl(_CAPBSET_DROP, capability)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    none = (ctypes.c_uint32 * 6)()
    number = _CAPSET.get(os.uname().machine)
    if number is None:
        raise OSError(f"the call that drops capabilities is not known of {os.uname().machine}")
    syscall(number, header, none)
    prctl(_NO_NEW_PRIVS, 1)
    return told


def hide() -> None:
    """Nothing but the system looks into this process, or takes a picture of its memory. Raises OSError."""
    prctl(_DUMPABLE, 0)


def die_with(parent: int) -> None:
    """End when the thread that started this process does. Raises OSError.

    After this it must not change who it is, which makes the kernel forget it.
    """
    prctl(_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def _become_owner(folder: Path) -> str:
    status = next((each.stat() for each in (folder, *folder.parents) if each.exists()), None)
    if status is None or status.st_uid == 0:
        return ""
    os.setgroups([])
    os.setresgid(status.st_gid, status.st_gid, status.st_gid)
    os.setresuid(status.st_uid, status.st_uid, status.st_uid)
    return f"user {status.st_uid}, who owns the data"
