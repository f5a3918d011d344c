"""Rows that are folded some time after they came: what many small reads have brought is folded together."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import pyarrow as pa

from dataflow.messages import Judged, Parcel, Range

FEW_ROWS = 1_000
"""Folding costs some ms however few the rows are. So fewer than these wait for those that come after them."""

MOST_ROWS = 50_000
"""Of all source partitions together, so that a thousand of them hold some 15 MB, too."""

SCARCE_ROWS = 32
"""Where polls bring fewer, records come so slowly that there is time to fold each poll's by themselves, which makes an
epoch's end shorter."""


def unfolded(judged: Judged, least_rows: int = 1) -> Parcel | None:
    """A parcel that has the rows as they are, where they are so few that they may wait; else None.

    Fewer than `least_rows` may not.
    """
    if judged.rows is None or not least_rows <= judged.rows.num_rows < FEW_ROWS:
        return None
    line = Range(judged.partition, judged.topic, judged.start, judged.end, read=judged.read)
    return Parcel(line, {}, final=judged.final, unfolded=judged)


class Later:
    """Takes rows of one epoch that wait, and gives the parcels that they are folded into. For one thread."""

    def __init__(self, fold: Callable[[Judged], Parcel]) -> None:
        self._fold = fold
        self._waiting: dict[str, list[Judged]] = {}
        self._rows: Counter[str] = Counter()
        self._all_rows = 0
        self._enough: list[str] = []
        self._epoch = -1

    def add(self, judged: Judged, epoch: int) -> None:
        """Rows of this epoch, in the order of each source partition."""
        name, self._epoch = judged.partition, epoch
        self._waiting.setdefault(name, []).append(judged)
        before, came = self._rows[name], 0 if judged.rows is None else judged.rows.num_rows
        self._rows[name] = before + came
        self._all_rows += came
        if before < FEW_ROWS <= before + came:
            self._enough.append(name)

    def due(self) -> list[Parcel]:
        """What has waited long enough by now, of one source partition at most, so that it does not take long."""
        if self._enough:
            return self._folded(self._enough.pop(0))
        if self._all_rows < MOST_ROWS:
            return []
        return self._folded(max(self._rows, key=self._rows.__getitem__))

    def rest(self) -> list[Parcel]:
        """All that still waits."""
        self._enough.clear()
        return [parcel for name in sorted(self._waiting) for parcel in self._folded(name)]

    def _folded(self, name: str) -> list[Parcel]:
        self._all_rows -= self._rows.pop(name)
        parcels = [self._fold(each) for each in joined(self._waiting.pop(name))]
        for parcel in parcels:
            parcel.epoch = self._epoch
        return parcels


def joined(parts: Sequence[Judged]) -> list[Judged]:
    """Ranges of one source partition in offset order, as fewer that say the same."""
    runs: list[list[Judged]] = []
    for part in parts:
        if runs and _follows(runs[-1][-1], part):
            runs[-1].append(part)
        else:
            runs.append([part])
    return [_whole(run) for run in runs]


def _follows(before: Judged, after: Judged) -> bool:
    """Whether nothing but where it stands sets the second apart from the first."""
    alike = before.rules == after.rules and before.content == after.content and before.topic == after.topic
    return alike and before.end == after.start and not (before.lost or after.lost)


def _whole(run: Sequence[Judged]) -> Judged:
    if len(run) == 1:
        return run[0]
    return replace(
        run[-1],
        start=run[0].start,
        read=sum(part.read for part in run),
        duplicate=sum(part.duplicate for part in run),
        rows=_batch([part.rows for part in run]),
        dead=_batch([part.dead for part in run]),
        finished=any(part.finished for part in run),
        final=any(part.final for part in run),
    )


def _batch(parts: Sequence[pa.RecordBatch | None]) -> pa.RecordBatch | None:
    there = [part for part in parts if part is not None]
    return pa.concat_batches(there) if there else None
