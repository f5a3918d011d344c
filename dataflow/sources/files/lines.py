"""Reads one NDJSON file as a source partition: a line is a record, its number from 0 the offset."""

from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from dataflow.errors import OffsetLost, SourceError
from dataflow.messages import POLL_SCHEMA, Poll

BLOCK_BYTES = 4 << 20
NEWLINE = 10
LONGEST_LINE_BYTES = (1 << 31) - (1 << 24)

Hint = tuple[int, bool]
"""Byte at which the line of the same offset begins; True when the file's last line was read and had no newline."""


class LineReader:
    """One NDJSON file, in blocks: memory holds about one block, or the longest line.

    Only LF ends a line: a CR before it belongs to the record. An empty line is an empty record. A last line without
    LF counts. The reader finishes at the file's end, however it was opened.
    """

    def __init__(
        self, path: Path, start: int, hint: Hint | None, bounded_end: int | None, *, block_bytes: int = BLOCK_BYTES
    ) -> None:
        """Raises OffsetLost when the file does not reach line `start`, or changed before it."""
        self.position = start
        self.finished = False
        self._path = path
        self._end = bounded_end
        self._block_bytes = block_bytes
        self._file: BinaryIO = path.open("rb", buffering=0)
        self._size_bytes = path.stat().st_size
        self._rest: list[bytes] = []
        self._open_ended = False
        self._read_bytes = self._seek(start, hint)
        self._lines: pa.Array = pa.array([], pa.binary())
        # Of the lines held: the next one to give, and per line the byte in the file where it begins.
        self._next = 0
        self._starts = np.array([self._read_bytes], np.int64)
        self._finish_if_at_end()

    @property
    def hint(self) -> Hint:
        """Byte of the file that belongs to `position`."""
        return int(self._starts[self._next]), self._open_ended and self._next == len(self._lines)

    def poll(self, max_records: int, max_bytes: int) -> Poll | None:
        """The next lines: at least one, however long, unless the file has ended."""
        if self.finished:
            return None
        if self._next == len(self._lines) and not self._load():
            self.finished = True
            return None
        count = min(max_records, len(self._lines) - self._next)
        if self._end is not None:
            count = min(count, self._end - self.position)
        limit = self._starts[self._next] + max_bytes
        fitting = int(np.searchsorted(self._starts[self._next + 1 :], limit, side="right"))
        count = max(1, min(count, fitting))
        start, end = self.position, self.position + count
        records = pa.RecordBatch.from_arrays(
            [
                pa.array(np.arange(start, end, dtype=np.int64)),
                pa.nulls(count, pa.int64()),
                self._lines.slice(self._next, count),
            ],
            schema=POLL_SCHEMA,
        )
        self._next += count
        self.position = end
        self._finish_if_at_end()
        return Poll(records, start, end)

    def confirm(self) -> None:
        """Nothing can have taken this input's place."""

    def lag(self) -> int | None:
        """Lines still to come, estimated from the bytes left and the lines seen last."""
        # one view of the block for all that follows: a watch may ask while another thread loads the next
        starts = self._starts
        held = len(starts) - 1
        here = int(starts[min(self._next, held)])
        line_bytes = max(1.0, (int(starts[-1]) - int(starts[0])) / held) if held else 100.0
        left = max(0, self._size_bytes - here)
        return -int(-left // line_bytes)

    def waiting(self) -> int | None:
        """There are no transactions here."""
        return None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _finish_if_at_end(self) -> None:
        if self._end is not None and self.position >= self._end:
            self.finished = True

    def _load(self) -> bool:
        """Read on until there is at least one whole line; False at the end of the file."""
        while True:
            block = self._file.read(self._block_bytes)
            self._rest.append(block)
            if not block:
                last = b"".join(self._rest)
                self._rest = []
                if not last:
                    return False
                self._open_ended = True
                self._hold(last, np.array([len(last)], np.int64), newlines=0)
                return True
            cut = block.rfind(b"\n") + 1
            if cut:
                self._rest[-1] = block[:cut]
                whole = b"".join(self._rest)
                self._rest = [block[cut:]] if cut < len(block) else []
                ends = np.flatnonzero(np.frombuffer(whole, np.uint8) == NEWLINE)
                self._hold(whole.replace(b"\n", b""), ends - np.arange(len(ends)), newlines=len(ends))
                return True
            if sum(map(len, self._rest)) > LONGEST_LINE_BYTES:
                raise SourceError(
                    f"{self._path}, line {self.position + 1}: longer than 2 GB; "
                    "is this one JSON object per line? (a JSON array must be written out as lines)"
                )

    def _hold(self, data: bytes, ends: np.ndarray[tuple[int], np.dtype[np.int64]], newlines: int) -> None:
        """Make `data`, lines without their newlines that end at `ends`, the lines to give next."""
        count = len(ends)
        bounds = np.zeros(count + 1, np.int32)
        bounds[1:] = ends
        self._lines = pa.Array.from_buffers(pa.binary(), count, [None, pa.py_buffer(bounds), pa.py_buffer(data)])
        self._starts = self._read_bytes + bounds.astype(np.int64)
        self._starts[: newlines + 1] += np.arange(newlines + 1)
        self._read_bytes += len(data) + newlines
        self._next = 0

    def _seek(self, line: int, hint: Hint | None) -> int:
        """Stand at the beginning of `line`; gives its byte."""
        if hint is None:
            return self._scan(line)
        at_byte, open_ended = hint
        if at_byte > self._size_bytes:
            self._lost(line, f"it had at least {at_byte} bytes and now has {self._size_bytes}")
        if at_byte and line:
            self._file.seek(at_byte - 1)
            before, after = self._file.read(1), self._file.read(1)
            if open_ended and after == b"\n":
                # Only the newline that the last line lacked was added.
                at_byte += 1
            elif open_ended and after:
                self._lost(line, "its last line had no newline when it was read, and has grown since")
            elif not open_ended and before != b"\n":
                self._lost(line, f"no line begins at byte {at_byte} any more")
        self._open_ended = open_ended and at_byte == self._size_bytes
        self._file.seek(at_byte)
        return at_byte

    def _scan(self, line: int) -> int:
        """The byte where `line` begins, by counting newlines from the file's beginning."""
        at_byte, to_go = 0, line
        self._file.seek(0)
        while to_go:
            block = self._file.read(self._block_bytes)
            if not block:
                break
            ends = np.flatnonzero(np.frombuffer(block, np.uint8) == NEWLINE)
            if len(ends) >= to_go:
                at_byte += int(ends[to_go - 1]) + 1
                to_go = 0
            else:
                at_byte += len(block)
                to_go -= len(ends)
        if to_go == 1 and at_byte and self._byte_before(at_byte) != b"\n":
            self._open_ended = True
            to_go = 0
        if to_go:
            self._lost(line, f"it has only {line - to_go} lines")
        self._file.seek(at_byte)
        return at_byte

    def _byte_before(self, at_byte: int) -> bytes:
        self._file.seek(at_byte - 1)
        return self._file.read(1)

    def _lost(self, line: int, why: str) -> None:
        self.close()
        raise OffsetLost(
            f"{self._path} was read up to line {line}, but {why}: it was changed where it was read already. "
            "Restore the file as it was, or start a new lake"
        )
