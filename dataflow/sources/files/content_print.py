"""What a file is known by: a print of the bytes that were read of it, whatever the file is called."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

BLOCK_BYTES = 1 << 16
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Known:
    """The first `size` bytes of a file's content (unpacked), all that was read of it, and where they were found.

    `first` is the print of what the file begins with, `chain` of all whole blocks, `part` of the bytes behind them,
    `last` of the last record, which begins at byte `last_at`; `stat` is the file's (size, time of its last change, in
    ns), `path` its place below the folder.
    """

    kind: str
    size: int
    first: str | None
    chain: str
    part: str
    last_at: int
    last: str
    stat: tuple[int, int]
    path: str

    def told(self) -> dict[str, Any]:
        """As plain builtins."""
        return asdict(self)

    def text(self) -> str:
        """As JSON."""
        return json.dumps(self.told(), sort_keys=True, separators=(",", ":"))


def known_of(told: Any) -> Known | None:
    """From builtins or a JSON text; None where nothing is known, or in words that this version does not know."""
    values = json.loads(told) if isinstance(told, str) else told
    try:
        return Known(**{**values, "stat": tuple(values["stat"])})
    except (TypeError, KeyError):
        return None


def digest(data: bytes | memoryview) -> str:
    """The print of some bytes."""
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()


class Print:
    """The print of bytes that come piece by piece; it can go on from a `Known` and the bytes behind its blocks."""

    def __init__(self, chain: str = "", size: int = 0) -> None:
        """`size`: of the whole blocks that `chain` stands for."""
        self.size = size
        self._chain = chain
        self._part = hashlib.blake2b(digest_size=_DIGEST_BYTES)

    def update(self, data: bytes | memoryview) -> None:
        """The bytes that follow."""
        view = memoryview(data)
        while len(view):
            piece = view[: BLOCK_BYTES - self.size % BLOCK_BYTES]
            self._part.update(piece)
            self.size += len(piece)
            view = view[len(piece) :]
            if self.size % BLOCK_BYTES == 0:
                self._chain = digest((self._chain + self._part.hexdigest()).encode())
                self._part = hashlib.blake2b(digest_size=_DIGEST_BYTES)

    def value(self) -> tuple[str, str]:
        """(chain, part) of all so far."""
        return self._chain, self._part.hexdigest()

    def is_of(self, known: Known) -> bool:
        """Whether these are the bytes of `known`."""
        return self.size == known.size and self.value() == (known.chain, known.part)


def whole_blocks(size: int) -> int:
    """The bytes of `size` that are in whole blocks."""
    return size - size % BLOCK_BYTES
