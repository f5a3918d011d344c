"""Memory between two pages that nothing may be read from: who reads beyond its ends is ended by the system."""

import ctypes
import mmap
from types import TracebackType

import pyarrow as pa

_NOTHING, _READ_AND_WRITE = 0, 3


class GuardedPage:
    """One page with a guard on either side."""

    def __enter__(self) -> "GuardedPage":
        self._memory = mmap.mmap(-1, 3 * mmap.PAGESIZE)
        self._bytes = (ctypes.c_char * len(self._memory)).from_buffer(self._memory)
        self._start = ctypes.addressof(self._bytes) + mmap.PAGESIZE
        self._protect(_NOTHING)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._protect(_READ_AND_WRITE)
        del self._bytes
        self._memory.close()

    def _protect(self, rights: int) -> None:
        protect = ctypes.CDLL(None, use_errno=True).mprotect
        for guard in (self._start - mmap.PAGESIZE, self._start + mmap.PAGESIZE):
            if protect(ctypes.c_void_p(guard), ctypes.c_size_t(mmap.PAGESIZE), rights):
                raise OSError(ctypes.get_errno(), "mprotect")

    def at_start(self, record: bytes) -> pa.Array:
        """One record, as binary, with a guard right before it."""
        return self._placed(record, self._start)

    def at_end(self, record: bytes) -> pa.Array:
        """One record, as binary, with a guard right behind it."""
        return self._placed(record, self._start + mmap.PAGESIZE - len(record))

    def _placed(self, record: bytes, at: int) -> pa.Array:
        assert len(record) <= mmap.PAGESIZE
        ctypes.memmove(at, record, len(record))
        ends = pa.array([0, len(record)], pa.int32()).buffers()[1]
        buffer = pa.foreign_buffer(at, len(record), self)  # type: ignore[attr-defined]  # its stubs do not have it
        return pa.Array.from_buffers(pa.binary(), 1, [None, ends, buffer])
