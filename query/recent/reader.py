"""A reader that stays: it follows the lake commit by commit and keeps the newest windows of rollups in memory."""

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from dataflow.errors import TidemillError
from query.duck import duckdb
from query.engine import Engine
from query.reader import LakeReader, LakeSnapshot
from query.recent.follower import Follower
from query.recent.keeper import Keeper, Limits
from query.recent.snapshot import Near, RecentSnapshot
from query.resolve import Resolved

PATIENCE_S = 0.05
"""So long a question waits for a commit to be taken in; after that it asks the files."""


class Held(NamedTuple):
    """What a reader has in memory: bytes of all its tables, rows, and by view the oldest window start (None: all)."""

    size_bytes: int
    rows: int
    since_ms: Mapping[str, int | None]


class RecentReader(LakeReader):
    """A LakeReader whose newest snapshots answer from memory what they can, and all else from files, the same.

    Any number of threads may ask, one at a time takes in what was committed: the first that asks for a newer snapshot,
    or, ahead of the questions, the thread that `follow` starts. Nobody waits for it for more than a moment.
    """

    def __init__(
        self,
        lake_dir: str | Path,
        *,
        threads: int | None = None,
        limits: Limits | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(lake_dir, threads=threads)
        engine = Engine(self.lake_dir, threads=threads)
        self._near = Near(self._means._replace(engine=engine), set())
        self._keeper = Keeper(self.resolver, self._means, engine, limits or Limits(), clock)
        self._turn = threading.Lock()
        self._follower: Follower | None = None
        self._told: tuple[Callable[[LakeSnapshot], None], LakeSnapshot | None] = (_nobody, None)

    def close(self, *, engine: bool = True) -> None:
        """See LakeReader.close; what is in memory goes with the last snapshot that holds it."""
        if self._follower is not None:
            self._follower.stop()
            self._follower = None
        super().close(engine=engine)
        if engine:
            with self._turn:
                self._keeper.close()
                self._near.means.engine.close()

    def follow(self, tell: Callable[[LakeSnapshot], None] | None = None) -> None:
        """From now on take in each commit as soon as it is there, in a thread that ends with `close`.

        `tell` hears, in that thread, of each snapshot that was taken in, and again of the same when it lies better in
        memory than before. It must not raise.
        """
        if self._follower is None:
            self._told = (tell or _nobody, None)
            self._follower = Follower(self.lake_dir, self._look, self.tend)
            self._follower.start()

    def behind_s(self) -> float:
        """At most so long ago, the snapshot told last was the newest; infinite where nobody knows or follows."""
        return float("inf") if self._follower is None else self._follower.behind_s()

    def held(self) -> Held:
        """What is in memory, as of the last round of upkeep; waits for nobody."""
        kept = self._keeper.kept
        since = {name: each.border_ms for name, each in kept.items()}
        return Held(self._keeper.size_bytes, sum(each.rows for each in kept.values()), since)

    def tend(self) -> bool:
        """A round of upkeep: take in the newest commit, merge what came, read older windows, let go of too many.

        Whether there is more to do at once. Never raises for what a question would be told.
        """
        try:
            newest = self.snapshot()
        except (TidemillError, duckdb.Error):
            return False
        with self._turn:
            if not isinstance(newest, RecentSnapshot):
                # older than what was seen before: another lake has come to the very file
                return False
            if newest is not self._latest:
                return True
            try:
                changed = self._keeper.tend(newest.resolved)
            except (TidemillError, duckdb.Error):
                # files went away meanwhile: the next round begins anew
                self._keeper.forget()
                return False
            if changed:
                self._latest = self._snapshot_of(newest.resolved)
            return changed

    def _look(self) -> bool:
        """Take in the newest snapshot and tell of it; whether there is one."""
        try:
            snapshot = self.snapshot()
        except (TidemillError, duckdb.Error):
            return False
        tell, told = self._told
        if snapshot is not told:
            tell(snapshot)
            self._told = (tell, snapshot)
        return True

    def _newest(self, resolved: Resolved) -> LakeSnapshot:
        latest = self._latest
        if latest is not None and latest.resolved.lake == resolved.lake:
            if latest.resolved.snapshot == resolved.snapshot:
                return latest
            if latest.id > resolved.snapshot.id:
                return LakeSnapshot(self._means, resolved)
        if not self._turn.acquire(timeout=PATIENCE_S):
            return LakeSnapshot(self._means, resolved)
        try:
            latest = self._latest
            if latest is not None and latest.resolved.lake == resolved.lake and latest.id >= resolved.snapshot.id:
                return latest if latest.resolved.snapshot == resolved.snapshot else LakeSnapshot(self._means, resolved)
            try:
                self._keeper.take_in(resolved)
            except (TidemillError, duckdb.Error):
                self._keeper.forget()
            self._latest = self._snapshot_of(resolved)
            return self._latest
        finally:
            self._turn.release()

    def _snapshot_of(self, resolved: Resolved) -> RecentSnapshot:
        kept = self._keeper.kept
        ends = LakeSnapshot(self._means, resolved).ends() if kept else {}
        return RecentSnapshot(self._means, resolved, self._near, kept, ends)


def _nobody(_: LakeSnapshot) -> None:
    """Hears nothing."""
