"""The bytes of a file as they were written, whether they are packed or not, read forwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from dataflow.errors import InputMissing, SourceError
from dataflow.sources.files.form import Compression

_SKIP_BYTES = 4 << 20
_CUT = "Truncated compressed stream"


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Tells in one message what the system has against reading `path`, or something below it.

    Raises InputMissing where it is gone, SourceError where it cannot be read.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise InputMissing(
            f"{_named(error, path)} is gone: put it back; what was read of it is in the lake already"
        ) from None
    except OSError as error:
        raise SourceError(
            f"{_named(error, path)} cannot be read: {error.strerror or error}. Let this user read it, or take it "
            "elsewhere"
        ) from None


def _named(error: OSError, path: Path) -> str:
    return str(path if error.filename is None else error.filename)


class Content:
    """One file's bytes. `size_bytes`: how many there are; None where only reading tells (packed).

    `is_cut`: the packed file ends in the middle, as while it is still written; what it holds beyond what was read can
    only be told once it is whole.
    """

    def __init__(self, path: Path, compression: Compression | None = None) -> None:
        """Raises OSError when the file cannot be opened."""
        self._path = path
        self._compression = compression
        self._at = 0
        self._file: Any = self._open()
        self.size_bytes: int | None = path.stat().st_size if compression is None else None
        self.is_cut = False

    def _open(self) -> Any:
        if self._compression is None:
            return self._path.open("rb", buffering=0)
        return pa.CompressedInputStream(pa.OSFile(str(self._path)), self._compression)

    @property
    def left_bytes(self) -> int | None:
        """How many bytes follow, by the size that the file had when it was opened; None where `size_bytes` is."""
        return None if self.size_bytes is None else max(0, self.size_bytes - self._at)

    def read(self, size_bytes: int) -> bytes:
        """The next bytes, at most so many; none at the end. Raises SourceError where the file is broken."""
        try:
            block: bytes = self._file.read(size_bytes)
        except OSError as error:
            self._require_cut(error)
            return b""
        self._at += len(block)
        return block

    def readinto(self, place: memoryview) -> int:
        """As `read`, at most as many as there is place for, into that; how many there were."""
        try:
            count: int = self._file.readinto(place)
        except OSError as error:
            self._require_cut(error)
            return 0
        self._at += count
        return count

    def _require_cut(self, error: OSError) -> None:
        """What was told of a read: that the packed file ends in the middle, or an error."""
        if self._compression is not None and _CUT in str(error):
            self.is_cut = True
            return
        self.close()
        raise SourceError(
            f"{self._path} cannot be read behind byte {self._at:,} of its content: {error}. Put a whole copy there"
        ) from None

    def seek(self, at_byte: int) -> bool:
        """Stand at byte `at_byte`; False where the file does not reach it. What is packed is read up to there."""
        if self._compression is None:
            self._at = at_byte
            self._file.seek(at_byte)
            return self.size_bytes is not None and at_byte <= self.size_bytes
        if at_byte < self._at:
            self.close()
            self._file, self._at = self._open(), 0
        while self._at < at_byte:
            if not self.read(min(_SKIP_BYTES, at_byte - self._at)):
                return False
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()
