"""Append-only files that keep a dedup memory across restarts: a snapshot costs only the ids that are new."""

import errno
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import numpy as np

from dataflow.columnar.hashing import Hashes
from dataflow.columnar.types import Int64s
from dataflow.durable import sync_folder, write_all
from dataflow.errors import RecoveryError
from dataflow.messages import NEVER_MS

LogState = list[tuple[str, int]]
"""Segments in the order of their rows: file name, length in bytes."""

KEPT_SNAPSHOTS = 6
"""A dropped segment stays on disk for so many further snapshots: a resume may go back to an older one."""

_RECORD = np.dtype([("lane1", "<u8"), ("lane2", "<u8"), ("event_time", "<i8")])
_SEGMENT_BYTES = 16 * 2**20
_READ_ROWS = 2**18
_SUFFIX = ".ids"


@dataclass(slots=True)
class _Segment:
    name: str
    length_bytes: int
    newest_ms: int


class DedupLog:
    """The log of one source partition: a folder of segments of 24-byte records (two hashes, event time).

    `append` writes, `snapshot` makes durable. Only the newest segment grows; it is closed when it is large or spans
    a quarter of the horizon, so that old ids leave the disk in time. Raises RecoveryError, with the path, when the
    folder cannot be read or written or does not hold what the state says.
    """

    def __init__(self, folder: Path, horizon_ms: int, segments: list[_Segment], *, segment_bytes: int) -> None:
        """For `open`."""
        self._folder = folder
        self._horizon_ms = horizon_ms
        self._segment_bytes = segment_bytes
        self._segments = segments
        # the newest segment while it grows; closed between any two writes, as a run may have a thousand logs
        self._growing: Path | None = None
        self._first_ms = NEVER_MS
        self._dirty = False
        self._snapshots = 0
        self._dropped: deque[tuple[int, str]] = deque()
        self._next_number = 1 + max((_number(segment.name) for segment in segments), default=-1)

    @classmethod
    def open(cls, folder: Path, state: LogState, horizon_ms: int, *, segment_bytes: int = _SEGMENT_BYTES) -> "DedupLog":
        """The log as it was at the snapshot that returned `state` ([] = new and empty).

        Cuts segments to their recorded lengths and deletes those the state does not list, so that no state older than
        this one can be opened afterwards.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            listed = {name for name, _ in state}
            for path in folder.glob(f"*{_SUFFIX}"):
                if path.name not in listed:
                    path.unlink()
            segments = [_Segment(name, length, _cut(folder / name, length)) for name, length in state]
            sync_folder(folder)
        except OSError as error:
            raise _unusable(folder, error) from error
        return cls(folder, horizon_ms, segments, segment_bytes=segment_bytes)

    def read(self) -> Iterator[tuple[Hashes, Hashes, Int64s]]:
        """All records in the order of their rows, in chunks."""
        for segment in self._segments:
            yield from _columns(self._folder / segment.name)

    def append(self, lane1: Hashes, lane2: Hashes, event_time: Int64s) -> None:
        """Write new ids, in the order of their rows; durable with the next snapshot."""
        if len(event_time) == 0:
            return
        records = np.empty(len(event_time), _RECORD)
        records["lane1"], records["lane2"], records["event_time"] = lane1, lane2, event_time
        newest_ms = int(event_time.max())
        try:
            if self._growing is None:
                self._growing = self._start(newest_ms)
            with FileIO(self._growing, "a") as file:
                write_all(file, records.view(np.uint8).data)
            segment = self._segments[-1]
            segment.length_bytes += records.nbytes
            segment.newest_ms = max(segment.newest_ms, newest_ms)
            self._dirty = True
            if self._is_full(segment):
                self._finish()
        except OSError as error:
            raise _unusable(self._folder, error) from error

    def shorten(self, horizon_ms: int) -> None:
        """From now on ids are remembered for a shorter time."""
        self._horizon_ms = horizon_ms

    def rewrite(self, horizon_ms: int, lane1: Hashes, lane2: Hashes, event_time: Int64s) -> None:
        """Hold these ids alone, in the order of their rows, and from now on for `horizon_ms`.

        What was held so far stays on disk as dropped segments do: a resume may go back to it.
        """
        try:
            self._finish()
        except OSError as error:
            raise _unusable(self._folder, error) from error
        self._dropped.extend((self._snapshots, segment.name) for segment in self._segments)
        self._segments, self._horizon_ms = [], horizon_ms
        for at in range(0, len(event_time), _READ_ROWS):
            part = slice(at, at + _READ_ROWS)
            self.append(lane1[part], lane2[part], event_time[part])

    def snapshot(self, watermark: int) -> LogState:
        """Make everything appended durable; the state to open it again.

        `watermark`: the source partition's, after its last row. Segments whose ids have all expired are no longer
        listed, and deleted KEPT_SNAPSHOTS snapshots later.
        """
        self._snapshots += 1
        try:
            self._sync()
            self._drop_expired(watermark)
            while self._dropped and self._dropped[0][0] + KEPT_SNAPSHOTS <= self._snapshots:
                (self._folder / self._dropped.popleft()[1]).unlink(missing_ok=True)
        except OSError as error:
            raise _unusable(self._folder, error) from error
        return [(segment.name, segment.length_bytes) for segment in self._segments]

    def close(self) -> None:
        """Write no more; what was not in a snapshot is cut off at the next `open`."""
        self._growing = None

    def _start(self, first_ms: int) -> Path:
        segment = _Segment(f"{self._next_number:012d}{_SUFFIX}", 0, NEVER_MS)
        self._next_number += 1
        path = self._folder / segment.name
        FileIO(path, "w").close()
        sync_folder(self._folder)
        self._segments.append(segment)
        self._first_ms = first_ms
        return path

    def _is_full(self, segment: _Segment) -> bool:
        if segment.length_bytes >= self._segment_bytes:
            return True
        spans_ms = segment.newest_ms - self._first_ms
        return spans_ms > self._horizon_ms // 4 and segment.length_bytes >= self._segment_bytes // 256

    def _finish(self) -> None:
        self._sync()
        self._growing = None

    def _sync(self) -> None:
        if self._growing is not None and self._dirty:
            with FileIO(self._growing) as file:
                os.fsync(file.fileno())
            self._dirty = False

    def _drop_expired(self, watermark: int) -> None:
        # Oldest first only: the order of the rows must survive, and no id outlives its neighbours for long.
        while self._segments and self._segments[0].newest_ms + self._horizon_ms <= watermark != NEVER_MS:
            if len(self._segments) == 1:
                self._finish()
            self._dropped.append((self._snapshots, self._segments.pop(0).name))


def _number(name: str) -> int:
    return int(name.removesuffix(_SUFFIX))


def _cut(path: Path, length_bytes: int) -> int:
    """Cut the file to its recorded length; the newest event time in it."""
    found = path.stat().st_size if path.exists() else -1
    if found < length_bytes or length_bytes % _RECORD.itemsize:
        raise RecoveryError(
            f"{path} should hold {length_bytes} bytes of remembered event ids and has {max(found, 0)}: the recovery "
            f"folder is incomplete. Restore it, or start from the lake with `tidemill recover --from-lake`"
        )
    if found > length_bytes:
        with path.open("r+b") as file:
            file.truncate(length_bytes)
            os.fsync(file.fileno())
    return max((int(event_time.max()) for _, _, event_time in _columns(path)), default=NEVER_MS)


def _columns(path: Path) -> Iterator[tuple[Hashes, Hashes, Int64s]]:
    with path.open("rb") as file:
        while len(records := np.fromfile(file, _RECORD, _READ_ROWS)):
            yield tuple(np.ascontiguousarray(records[name]) for name in _RECORD.names or ())  # type: ignore[misc]  # a tuple of as many arrays as a record has fields


def _unusable(folder: Path, error: OSError) -> RecoveryError:
    is_full = error.errno == errno.ENOSPC
    return RecoveryError(
        f"the event ids of a source partition cannot be kept in {folder}: "
        + (
            "the disk is full. Free space, then start again"
            if is_full
            else f"{error.strerror or error}. Check the disk and the permissions of the recovery folder"
        )
    )
