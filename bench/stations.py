"""Runs `tidemill` in this process and notes by the clock when each record passed which station of it.

python -m bench.stations OUT.json run --pipeline ...
"""

import functools
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.measure import BenchError

Milliseconds = npt.NDArray[np.float64]
Offsets = npt.NDArray[np.int64]

STATIONS = ("read", "delta", "epoch", "stage", "recovery", "publish", "seen")
"""What a record waits for, in this order: to be read out of the client's queue; until it is a delta row; for its
epoch's end; for the files; until the recovery store has the epoch and the next one begins; for the catalog; for the
reader."""

Trace = Mapping[str, Any]
"""`polls`: by source partition [end offset, read, folded] of each poll; `commits`: by epoch the end offsets, and the
times at which staging and publishing began and ended. All times are ms of the wall clock."""


class Stations:
    """The notes of one run. Its clock looks on from outside: nothing of the run goes by it."""

    def __init__(self, now_ms: Callable[[], float]) -> None:
        self._now_ms = now_ms
        self._read_ms: dict[str, float] = {}
        self._staged: dict[int, tuple[float, float]] = {}
        self.polls: defaultdict[str, list[tuple[int, float, float]]] = defaultdict(list)
        self.commits: list[dict[str, object]] = []

    def attach(self) -> None:
        """Put notes around the parts of the run that is to come."""
        from dataflow.fold.fold import Fold
        from dataflow.intake.partition import IntakePartition
        from sinks.lake.writer import LakeWriter

        _around(IntakePartition, "_read", self._reading)
        _around(Fold, "fold", self._folding)
        _around(LakeWriter, "snapshot", self._staging)
        _around(LakeWriter, "_publish_one", self._publishing)

    def trace(self) -> dict[str, object]:
        """All of it."""
        return {"polls": self.polls, "commits": self.commits}

    def _reading(self, call: Callable[[], Any], intake: Any, *_: object) -> Any:
        self._read_ms[intake._partition] = self._now_ms()
        return call()

    def _folding(self, call: Callable[[], Any], _fold: object, judged: Any) -> Any:
        parcel = call()
        if judged.end > judged.start:
            self.polls[judged.partition].append((judged.end, self._read_ms[judged.partition], self._now_ms()))
        return parcel

    def _staging(self, call: Callable[[], Any], *_: object) -> Any:
        began = self._now_ms()
        state = call()
        self._staged[state["epoch"]] = began, self._now_ms()
        return state

    def _publishing(self, call: Callable[[], Any], _writer: object, manifest: Any) -> Any:
        began = self._now_ms()
        found = call()
        staged = self._staged.pop(manifest.epoch, None)
        if staged is not None:
            ends = {each.partition: each.end for each in manifest.ranges}
            self.commits.append({"ends": ends, "stage": staged, "publish": (began, self._now_ms())})
        return found


def _around(owner: type, name: str, note: Callable[..., Any]) -> None:
    real = getattr(owner, name)

    @functools.wraps(real)
    def noted(*given: Any, **named: Any) -> Any:
        return note(functools.partial(real, *given, **named), *given)

    setattr(owner, name, noted)


def waits_ms(trace: Trace, partition: str, offsets: Offsets, arrived_ms: Milliseconds) -> dict[str, Milliseconds]:
    """What each record of a source partition waited for at each of STATIONS but the last, in ms.

    Raises BenchError where one was never committed.
    """
    # what came in larger pieces is folded before what waits
    ends, read, folded = _columns(sorted(trace["polls"].get(partition, [])))
    commits = [each for each in trace["commits"] if partition in each["ends"]]
    rows = [(each["ends"][partition], *each["stage"], *each["publish"]) for each in commits]
    committed, staging, staged, publishing, published = _columns(rows, width=5)
    poll, commit = np.searchsorted(ends, offsets, side="right"), np.searchsorted(committed, offsets, side="right")
    if offsets.size and (poll.max() >= ends.size or commit.max() >= committed.size):
        raise BenchError(f"{partition}: offset {offsets[-1]} never came through the run")
    return {
        "read": read[poll] - arrived_ms,
        "delta": folded[poll] - read[poll],
        "epoch": staging[commit] - folded[poll],
        "stage": staged[commit] - staging[commit],
        "recovery": publishing[commit] - staged[commit],
        "publish": published[commit] - publishing[commit],
    }


def published_ms(trace: Trace) -> Milliseconds:
    """How long each commit's way into the catalog took."""
    return np.array([ended - began for began, ended in (each["publish"] for each in trace["commits"])])


def _columns(rows: Any, *, width: int = 3) -> Any:
    return np.array(rows, np.float64).reshape(len(rows), width).T


def main() -> None:
    """Write the trace of the command when it has ended."""
    out = Path(sys.argv[1])
    sys.argv = ["tidemill", *sys.argv[2:]]
    from run import main as tidemill

    stations = Stations(lambda: time.time() * 1000)
    stations.attach()
    try:
        tidemill()
    finally:
        out.write_text(json.dumps(stations.trace()), encoding="utf-8")


if __name__ == "__main__":
    main()
