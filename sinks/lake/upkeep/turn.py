"""Who may rewrite files: compactions beside each other, an erasure alone; a process that dies gives its turn back."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dataflow.errors import LakeError

TRIES = 600
"""How often an erasure asks for its turn; a compaction holds one for a single merge."""


@contextmanager
def shared_turn(folder: Path) -> Iterator[bool]:
    """Hold off erasures of the lake in `folder`; False, at once, when one is at work."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield _taken(handle, fcntl.LOCK_SH)
    finally:
        os.close(handle)


@contextmanager
def sole_turn(folder: Path, wait: Callable[[], None]) -> Iterator[None]:
    """Hold off compactions and other erasures of the lake in `folder`; `wait` pauses between two tries.

    Raises LakeError when the others do not end.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for _ in range(TRIES):
            if _taken(handle, fcntl.LOCK_EX):
                break
            wait()
        else:
            raise LakeError(
                f"another erasure or a compaction has been at work in {folder} all the while; nothing was changed. "
                "Wait until it has ended, then run the same command again"
            )
        yield
    finally:
        os.close(handle)


def _taken(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
