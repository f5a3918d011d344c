"""Reads one NDJSON file as a source partition: a line is a record, its number from 0 the offset."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from dataflow.columnar.types import Int64s
from dataflow.errors import OffsetLost, SourceError
from dataflow.messages import POLL_SCHEMA, Poll
from dataflow.sources.files.block import Block
from dataflow.sources.files.content import Content
from dataflow.sources.files.content_print import Known, Print, digest, known_of
from dataflow.sources.files.form import Compression
from dataflow.sources.files.line_text import lines_of, newlines
from dataflow.sources.files.outside import Members

BLOCK_BYTES = 8 << 20
MARK = b"\xef\xbb\xbf"
"""A byte order mark at a file's beginning is no part of the first line."""
LONGEST_LINE_BYTES = (1 << 31) - (1 << 24)
_NONE = np.empty(0, np.int64)

Hint = tuple[int, bool] | tuple[int, bool, dict[str, Any] | None]
"""Byte at which the line of the same offset begins; True when the file's last line was read and had no newline; what
the file is known by up to there. Earlier versions left the last out."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a file of lines is read. `whole`: a last line without its newline counts as it is; without it, it waits.

    `ends` finds where lines end in bytes that begin with one, as far as these bytes alone tell; None: where newlines
    are. `members` are what the file's folders say of each record.
    `row_bytes`: of CSV, how far a row's quoted fields may go. `kind`, `first` and `place`: as of `Known`.
    """

    compression: Compression | None = None
    whole: bool = True
    ends: Callable[[bytes], Int64s] | None = None
    members: Members | None = None
    row_bytes: int | None = None
    kind: str = "lines"
    first: str | None = None
    place: str = ""


class LineReader:
    """One file of lines, in blocks: memory holds about one block, or the longest line.

    LF ends a line, and so does CR LF. An empty line is an empty record. A last line without LF waits for it, unless
    `manner.whole` says that it counts as it is; lines below `bounded_end` count always. The reader finishes at the
    file's end, however it was opened.
    """

    def __init__(
        self,
        path: Path,
        start: int,
        hint: Hint | None,
        bounded_end: int | None,
        *,
        manner: Manner = Manner(),
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        """Raises OffsetLost when the file does not reach line `start`, or changed before it."""
        self.position = start
        self.finished = False
        self.unfinished = False
        self._path = path
        self._end = bounded_end
        self._block_bytes = block_bytes
        self._whole = manner.whole
        self._ends = manner.ends
        self._members = manner.members
        self._manner = manner
        self._file = Content(path, manner.compression)
        self._stat = _stat(path)
        self._last = (0, digest(b""))
        self._block = Block(self._file, block_bytes)
        self._open_ended = False
        self._read_bytes = self._seek(start, hint)
        self._lines: pa.Array = pa.array([], pa.binary())
        # Of the lines held: the next one to give, and per line the byte in the file where it begins.
        self._next = 0
        self._starts = np.array([self._read_bytes], np.int64)
        # The block begins with the bytes of the lines held, of which there are so many.
        self._held_bytes = 0
        self._held_at = self._read_bytes
        self._print = self._go_on(hint)
        self._finish_if_at_end()

    @property
    def hint(self) -> Hint:
        """Byte of the file that belongs to `position`."""
        return (
            int(self._starts[self._next]),
            self._open_ended and self._next == len(self._lines),
            self._known().told(),
        )

    @property
    def content(self) -> str:
        """What the file is known by up to `position`."""
        return self._known().text()

    def _known(self) -> Known:
        manner, last = self._manner, self._last
        chain, part = self._print.value()
        place = (last[0], last[1], self._stat, manner.place)
        return Known(manner.kind, self._print.size, manner.first, chain, part, *place)

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
        values = self._lines.slice(self._next, count)
        records = pa.RecordBatch.from_arrays(
            [pa.array(np.arange(start, end, dtype=np.int64)), pa.nulls(count, pa.int64()), values], schema=POLL_SCHEMA
        )
        self._next += count
        self.position = end
        self._take_print(int(self._starts[self._next - 1]), int(self._starts[self._next]))
        self._finish_if_at_end()
        json = None if self._members is None else self._members.added_to(values)
        return Poll(records, start, end, json, cut=self._open_ended and self._next == len(self._lines))

    def confirm(self) -> None:
        """Nothing can have taken this input's place."""

    def lag(self) -> int | None:
        """Lines still to come, estimated from the bytes left and the lines seen last; not known of a packed file."""
        if self._file.size_bytes is None:
            return (1 if self.unfinished else 0) if self.finished else None
        # one view of the block for all that follows: a watch may ask while another thread loads the next
        starts = self._starts
        held = len(starts) - 1
        here = int(starts[min(self._next, held)])
        line_bytes = max(1.0, (int(starts[-1]) - int(starts[0])) / held) if held else 100.0
        left = max(0, self._file.size_bytes - here)
        return -int(-left // line_bytes)

    def waiting(self) -> int | None:
        """There are no transactions here."""
        return None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _take_print(self, last_at: int, to_byte: int) -> None:
        """Take what was read up to `to_byte`; the last record of it begins at `last_at`."""
        held_at = self._held_at
        self._print.update(self._block.bytes_from(self._print.size - held_at, to_byte - held_at).data)
        self._last = (last_at, digest(self._block.bytes_from(last_at - held_at, to_byte - held_at).data))

    def _go_on(self, hint: Hint | None) -> Print:
        """The print of all before the first line to read. Raises OffsetLost where it is not what was read."""
        at_byte = self._read_bytes
        known = known_of(hint[2]) if hint is not None and len(hint) > 2 else None
        if known is None or known.size > at_byte or self._file.size_bytes is None:
            made = Print.beside(known)
        else:
            made = Print.from_blocks(known)
        self._file.seek(made.size)
        until = at_byte if known is None else min(known.size, at_byte)
        while made.size < at_byte:
            block = self._file.read(min(self._block_bytes, (until if made.size < until else at_byte) - made.size))
            if not block:
                break
            made.update(block)
            if known is not None and made.size == known.size and not made.is_of(known):
                self._lost(self.position, "what was read is no longer there")
        if known is not None:
            self._last = (known.last_at, known.last)
        self._file.seek(at_byte)
        return made

    def _finish_if_at_end(self) -> None:
        if self._end is not None and self.position >= self._end:
            self.finished = True

    def _load(self) -> bool:
        """Read on until there is at least one whole line; False at the end of the file."""
        block = self._block
        block.drop(self._held_bytes)
        self._held_bytes = look_at_bytes = 0
        while True:
            seen = len(block)
            count = block.read()
            if self._ends is None:
                ends = newlines(block.bytes_from(seen)) + seen
            elif len(block) >= look_at_bytes or not count:
                # a row of CSV can end far before the bytes that tell so: a record that goes on and on is looked through
                # each time it has doubled, not with every read
                look_at_bytes = 2 * len(block)
                ends = self._ends(block.bytes_from(0).tobytes())
            else:
                ends = _NONE
            if len(ends):
                self._hold(ends)
                return True
            if not count:
                return self._load_last()
            if len(block) > LONGEST_LINE_BYTES:
                raise SourceError(
                    f"{self._path}, line {self.position + 1}: longer than 2 GB; "
                    "is this one JSON object per line? (a JSON array must be written out as lines)"
                )

    def _load_last(self) -> bool:
        """What is behind the last newline: one more line, or one that is not whole yet."""
        size = len(self._block)
        self.unfinished = self._file.is_cut
        if not size or (self._read_bytes == 0 and self._begins_with_mark() and size == len(MARK)):
            return False
        asked_for = self._end is not None and self.position < self._end
        if self._file.is_cut or not (self._whole or asked_for):
            self.unfinished = True
            return False
        self._open_ended = True
        self._hold(np.array([size], np.int64), newline=False)
        return True

    def _hold(self, ends: Int64s, *, newline: bool = True) -> None:
        """Make the lines of the block that end at `ends`, with a newline each unless it is the last of the file, the
        lines to give next.
        """
        self._held_bytes, self._held_at = int(ends[-1]) + newline, self._read_bytes
        first = len(MARK) if self._read_bytes == 0 and self._begins_with_mark() else 0
        starts, self._lines = lines_of(self._block.bytes_from(0, self._held_bytes), ends, first, newline=newline)
        self._starts = self._read_bytes + starts
        self._read_bytes += self._held_bytes
        self._next = 0

    def _begins_with_mark(self) -> bool:
        return self._block.bytes_from(0, len(MARK)).tobytes() == MARK

    def _seek(self, line: int, hint: Hint | None) -> int:
        """Stand at the beginning of `line`; gives its byte."""
        if hint is None:
            return self._scan(line)
        at_byte, open_ended = hint[0], hint[1]
        if not at_byte or not line:
            self._file.seek(at_byte)
            return at_byte
        if not self._file.seek(at_byte - 1):
            size_bytes = self._file.size_bytes
            now = "fewer" if size_bytes is None else str(size_bytes)
            self._lost(line, f"it had at least {at_byte} bytes and now has {now}")
        before, after = self._file.read(1), self._file.read(1)
        if not before:
            self._lost(line, f"it had at least {at_byte} bytes and now has {at_byte - 1}")
        if open_ended and after == b"\n":
            # Only the newline that the last line lacked was added.
            at_byte += 1
        elif open_ended and after:
            self._lost(line, "its last line had no newline when it was read, and has grown since")
        elif not open_ended and before != b"\n":
            self._lost(line, f"no line begins at byte {at_byte} any more")
        self._open_ended = open_ended and not after
        self._file.seek(at_byte)
        return at_byte

    def _scan(self, line: int) -> int:
        """The byte where `line` begins, by counting newlines from the file's beginning."""
        at_byte, to_go = 0, line
        rest, pieces, look_at_bytes = b"", [], 0
        while to_go:
            block = self._file.read(self._block_bytes)
            pieces.append(block)
            if block and sum(map(len, pieces)) < look_at_bytes:
                continue
            # as in _load: looked through each time it has doubled
            data = b"".join((rest, *pieces))
            pieces = []
            found = newlines(np.frombuffer(data, np.uint8)) if self._ends is None else self._ends(data)
            ends = found[:to_go]
            to_go -= len(ends)
            cut = int(ends[-1]) + 1 if len(ends) else 0
            at_byte += cut
            rest = data[cut:]
            look_at_bytes = len(rest)
            if not block:
                break
        if to_go == 1 and rest and not self._file.is_cut:
            self._open_ended = True
            at_byte += len(rest)
            to_go = 0
        if to_go:
            self._lost(line, f"it has only {line - to_go} lines")
        self._file.seek(at_byte)
        return at_byte

    def _lost(self, line: int, why: str) -> None:
        self.close()
        raise OffsetLost(
            f"{self._path} was read up to line {line}, but {why}: it was changed where it was read already. "
            "Restore the file as it was, or start a new lake"
        )


def _stat(path: Path) -> tuple[int, int]:
    there = path.stat()
    return there.st_size, there.st_mtime_ns
