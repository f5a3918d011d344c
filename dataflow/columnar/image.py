"""Machine code as it was kept: put into memory, without the compiler that made it."""

import ctypes
import json
import mmap
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b

_DIGEST_BYTES = 16
_WORD_BYTES = 8
_placed: list[mmap.mmap] = []
"""What runs must not go."""


class Unfit(Exception):
    """Code that cannot be kept, or a machine that cannot run it as it was: the compiler is needed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One loop: where its code begins, what it takes, a letter an argument, and what it gives.

    `a` an array, `i` int64, `u` uint64, `b` a boolean, `v` nothing.
    """

    name: str
    at: int
    takes: str
    gives: str


@dataclass(frozen=True, slots=True)
class Image:
    """Code and constants in one piece, for any place in memory.

    `moved`: places of words that hold a place in the piece, which its address is to be added to; `asked`: places of
    words that are to hold the address of what has that name. `made_of`: the files it was made of, by their prints.
    """

    code: bytes
    entries: tuple[Entry, ...]
    moved: tuple[int, ...]
    asked: tuple[tuple[int, str], ...]
    made_of: Mapping[str, str]

    def write(self) -> bytes:
        """As `read` takes it."""
        told = asdict(self)
        del told["code"]
        head = json.dumps(told).encode()
        whole = len(head).to_bytes(_WORD_BYTES, "little") + head + self.code
        return blake2b(whole, digest_size=_DIGEST_BYTES).digest() + whole

    @staticmethod
    def read(written: bytes) -> "Image | None":
        """What `write` made; None where it is not whole."""
        digest, whole = written[:_DIGEST_BYTES], written[_DIGEST_BYTES:]
        if len(whole) < _WORD_BYTES or blake2b(whole, digest_size=_DIGEST_BYTES).digest() != digest:
            return None
        behind = _WORD_BYTES + int.from_bytes(whole[:_WORD_BYTES], "little")
        told = json.loads(whole[_WORD_BYTES:behind])
        return Image(
            whole[behind:],
            tuple(Entry(**each) for each in told["entries"]),
            tuple(told["moved"]),
            tuple((at, name) for at, name in told["asked"]),
            told["made_of"],
        )

    def place(self, addresses: Mapping[str, int]) -> int:
        """Put it into memory, for good, to be run and read only; its address. `addresses`: of what it asks for.

        Raises Unfit where it asks for more, or the system refuses.
        """
        piece = bytearray(self.code)
        memory = mmap.mmap(-1, len(piece), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ | mmap.PROT_WRITE)
        # a writable piece tells its address; the export that this holds keeps it from being closed
        base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        for at in self.moved:
            word = int.from_bytes(piece[at : at + _WORD_BYTES], "little")
            piece[at : at + _WORD_BYTES] = (word + base).to_bytes(_WORD_BYTES, "little")
        for at, name in self.asked:
            if name not in addresses:
                raise Unfit(f"nobody has {name}")
            word = int.from_bytes(piece[at : at + _WORD_BYTES], "little")
            piece[at : at + _WORD_BYTES] = (word + addresses[name]).to_bytes(_WORD_BYTES, "little")
        memory[:] = bytes(piece)
        protect = ctypes.CDLL(None, use_errno=True).mprotect
        protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        if protect(base, len(piece), mmap.PROT_READ | mmap.PROT_EXEC):
            raise Unfit(f"memory may not be run: error {ctypes.get_errno()}")
        _placed.append(memory)
        return base
