"""Which neighbouring files to merge: size tiers, so that a row is rewritten a bounded number of times."""

from collections.abc import Sequence
from dataclasses import dataclass, field

FAN_IN = 8
"""So many files of one tier become one file of the next."""

BASE_BYTES = 16 * 1024
TARGET_BYTES = 32 * 1024 * 1024
TARGET_ROWS = 2_000_000
"""A merge never makes a file beyond either, which also bounds its memory; larger files are left alone."""


@dataclass(frozen=True, slots=True)
class LiveFile:
    """A live data file as compaction sees it. `newest` is the newest snapshot of any of its rows.

    `slot`: the step of time that it leaves with, ascending in row order, where its table leaves some day.
    """

    id: int
    path: str
    rows: int
    size_bytes: int
    row_id_start: int
    begin_snapshot: int
    partial_max: int | None
    mergeable: bool = True
    slot: int = field(default=0, compare=False)

    @property
    def newest(self) -> int:
        """The newest snapshot that added one of its rows."""
        return self.begin_snapshot if self.partial_max is None else self.partial_max

    @property
    def row_id_end(self) -> int:
        """One past its last row id."""
        return self.row_id_start + self.rows


def tier(size_bytes: int) -> int:
    """0 for files up to BASE_BYTES * FAN_IN, and one more for each further factor FAN_IN."""
    level = 0
    while size_bytes >= BASE_BYTES * FAN_IN ** (level + 1):
        level += 1
    return level


def runs_to_merge(files: Sequence[LiveFile], *, summed_below: int | None) -> list[list[LiveFile]]:
    """Runs of neighbours, each worth one merge, of files in row order; a file is in one run at most.

    Neighbours follow each other in row ids without a hole; where both hold only rows older than snapshot
    `summed_below` their rows may be summed, and holes (left by earlier sums) do not matter. No run is of two slots;
    what is left of a slot once the next one has begun is worth one more merge, since no further files join it.
    """
    chosen: list[list[LiveFile]] = []
    taken: set[int] = set()
    level = 0
    top = max((tier(file.size_bytes) for file in files), default=-1)
    while level <= top:
        for run in _neighbours(files, level, taken, summed_below):
            for part, is_full in _bounded(run):
                # smaller files in between come along; they alone never cause the rewrite of larger ones
                if sum(tier(file.size_bytes) == level for file in part) >= FAN_IN or (is_full and _even(part)):
                    chosen.append(part)
                    taken |= {file.id for file in part}
        level += 1
    for run in _neighbours(files, top, taken, summed_below, least=1):
        if run[0].slot < files[-1].slot:
            chosen += [part for part, _ in _bounded(run) if len(part) > 1 or _is_unsummed(part[0], summed_below)]
    return chosen


def _is_unsummed(file: LiveFile, summed_below: int | None) -> bool:
    return file.partial_max is not None and summable([file], summed_below)


def summable(run: Sequence[LiveFile], summed_below: int | None) -> bool:
    """True when no snapshot that can still be asked for tells the rows of `run` apart."""
    return summed_below is not None and all(file.newest < summed_below for file in run)


def _neighbours(
    files: Sequence[LiveFile], level: int, taken: set[int], summed_below: int | None, least: int = 2
) -> list[list[LiveFile]]:
    runs: list[list[LiveFile]] = []
    run: list[LiveFile] = []
    for file in files:
        fits = file.mergeable and file.id not in taken and tier(file.size_bytes) <= level
        follows = bool(run) and (run[-1].row_id_end == file.row_id_start or summable((run[-1], file), summed_below))
        # a run is either summed as a whole or kept row by row as a whole
        alike = bool(run) and summable(run[:1], summed_below) == summable((file,), summed_below)
        alike = alike and run[0].slot == file.slot
        if not (fits and follows and alike):
            runs.append(run)
            run = []
        if fits:
            run.append(file)
    return [run for run in [*runs, run] if len(run) >= least]


def _bounded(run: Sequence[LiveFile]) -> list[tuple[list[LiveFile], bool]]:
    """The run cut where a merge would grow beyond the target; True with a part that nothing more fits into."""
    parts: list[tuple[list[LiveFile], bool]] = []
    part: list[LiveFile] = []
    size = rows = 0
    for file in run:
        if part and (size + file.size_bytes > TARGET_BYTES or rows + file.rows > TARGET_ROWS):
            parts.append((part, True))
            part = []
            size = rows = 0
        part.append(file)
        size += file.size_bytes
        rows += file.rows
    return [*parts, (part, False)]


def _even(part: Sequence[LiveFile]) -> bool:
    """No file is most of the part, so that merging it at least doubles every file in it."""
    return 2 * max(file.size_bytes for file in part) <= sum(file.size_bytes for file in part)
