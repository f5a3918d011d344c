"""Calls of the system raise what the system says."""

import errno
import os

import pytest

from serve.sql.inside import libc


def test_a_call_that_fails_raises_the_error_of_the_system() -> None:
    assert libc.syscall(39) == os.getpid()
    with pytest.raises(OSError, match="Invalid argument") as told:
        libc.prctl(12345)
    assert told.value.errno == errno.EINVAL
    with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
        libc.unshare(0x00000001)
