"""What a file is known by: a print of the bytes that were read of it, whatever the file is called."""

import hashlib
import json
import threading
from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from dataflow.columnar.loops import loops
from dataflow.columnar.types import UInt64s

if TYPE_CHECKING:
    from dataflow.columnar.memory import Compiled

BLOCK_BYTES = 1 << 16
_DIGEST_BYTES = 16
_MARK = "2:"
"""Begins a `part` that was not made as earlier versions did."""

_compiling = threading.Lock()


class Kernels(NamedTuple):
    """The loops of print_kernel.py; `data` is an address, `pair` two uint64."""

    chain: "Compiled"
    """chain(data, blocks, block_bytes, pair): so many blocks are taken into it."""
    part: "Compiled"
    """part(data, size, pair): it becomes that of some bytes."""


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

    @property
    def is_former(self) -> bool:
        """Whether `chain` and `part` were made as earlier versions did: they are compared with such ones alone."""
        return not self.part.startswith(_MARK)

    def told(self) -> dict[str, Any]:
        """As plain builtins."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

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


class _Blocks(Protocol):
    """Bytes in blocks, as a print takes them."""

    def update(self, data: memoryview) -> None: ...

    def value(self) -> tuple[str, str]:
        """(chain, part) of all so far."""
        ...


class Print:
    """The print of bytes that come piece by piece; it can go on from a `Known` and the bytes behind its blocks.

    128 bits that tell files apart that differ by chance; who can write the files can write two that are alike.
    """

    def __init__(self, chain: str = "", size: int = 0, *, former: bool = False) -> None:
        """`size`: of the whole blocks that `chain` stands for. `former`: made as earlier versions did."""
        self.size = size
        self._blocks: _Blocks = _Former(chain, size) if former else _Mixed(chain)

    @classmethod
    def beside(cls, known: Known | None) -> "Print":
        """Of no bytes yet, made so that it can be compared with `known`."""
        return cls(former=known is not None and known.is_former)

    @classmethod
    def from_blocks(cls, known: Known) -> "Print":
        """Of the whole blocks of `known`."""
        return cls(known.chain, whole_blocks(known.size), former=known.is_former)

    def update(self, data: bytes | memoryview) -> None:
        """The bytes that follow."""
        view = memoryview(data)
        self._blocks.update(view)
        self.size += len(view)

    def value(self) -> tuple[str, str]:
        """(chain, part) of all so far."""
        return self._blocks.value()

    def is_of(self, known: Known) -> bool:
        """Whether these are the bytes of `known`."""
        return self.size == known.size and self.value() == (known.chain, known.part)


class _Mixed:
    """By compiled loops, without the GIL: whole blocks where they lie, what is left of one once it is whole."""

    def __init__(self, chain: str) -> None:
        self._chain = np.array([int(chain[:16], 16), int(chain[16:], 16)] if chain else [0, 0], np.uint64)
        self._is_empty = not chain
        self._rest = bytearray()

    def update(self, data: memoryview) -> None:
        if self._rest:
            wanted = BLOCK_BYTES - len(self._rest)
            self._rest += data[:wanted]
            data = data[wanted:]
            if len(self._rest) == BLOCK_BYTES:
                self._take(self._rest, 1)
                self._rest = bytearray()
        blocks = len(data) // BLOCK_BYTES
        if blocks:
            self._take(data, blocks)
        self._rest += data[blocks * BLOCK_BYTES :]

    def value(self) -> tuple[str, str]:
        place = np.frombuffer(bytes(self._rest) or b"0", np.uint8)
        part = np.empty(2, np.uint64)
        load().part(place.ctypes.data, len(self._rest), part)
        return "" if self._is_empty else _hex(self._chain), _MARK + _hex(part)

    def _take(self, data: bytearray | memoryview, blocks: int) -> None:
        place = np.frombuffer(data, np.uint8)
        load().chain(place.ctypes.data, blocks, BLOCK_BYTES, self._chain)
        self._is_empty = False


class _Former:
    """By BLAKE2b, as lakes have it of the files that earlier versions read."""

    def __init__(self, chain: str, size: int) -> None:
        self._chain, self._size = chain, size
        self._part = hashlib.blake2b(digest_size=_DIGEST_BYTES)

    def update(self, data: memoryview) -> None:
        while len(data):
            piece = data[: BLOCK_BYTES - self._size % BLOCK_BYTES]
            self._part.update(piece)
            self._size += len(piece)
            data = data[len(piece) :]
            if self._size % BLOCK_BYTES == 0:
                self._chain = digest((self._chain + self._part.hexdigest()).encode())
                self._part = hashlib.blake2b(digest_size=_DIGEST_BYTES)

    def value(self) -> tuple[str, str]:
        return self._chain, self._part.hexdigest()


@cache
def _kernels() -> Kernels:
    return Kernels(*loops("sources/files/print_kernel"))


def load() -> Kernels:
    """The loops, ready to run: some tenths of a second at the first use, some seconds where nothing is cached."""
    with _compiling:
        return _kernels()


def _hex(pair: UInt64s) -> str:
    return f"{int(pair[0]):016x}{int(pair[1]):016x}"


def whole_blocks(size: int) -> int:
    """The bytes of `size` that are in whole blocks."""
    return size - size % BLOCK_BYTES
