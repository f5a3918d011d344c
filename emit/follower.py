"""One way out at work: a thread that follows the lake's commits and sends what they bring."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import chain
from typing import NamedTuple, Protocol

from dataflow.errors import Fenced, SnapshotExpired, TidemillError
from dataflow.logs import logger
from emit.ledger import LakeLedger
from emit.position import UNTOLD, Position
from emit.record import Batch, Record
from emit.target import Target
from emit.trouble import DeliveryTrouble, WrongLake
from query.duck import duckdb
from query.reader import LakeReader, LakeSnapshot
from runtime import metrics
from runtime.delivery_mark import DeliveryMark
from sinks.lake.catalog.types import time_text

LOOK_S = 1.0
"""So often it looks without being told: other processes commit, too, and windows become final while nothing comes."""

FIRST_WAIT_S, MOST_WAIT_S = 0.2, 5.0
"""After a failure; each time in a row it doubles."""

NOT_AT_ONCE = 3
"""A broker that has just started answers so many times that it is not ready."""

REMEMBER_S = 30.0
"""So often a position is remembered that moved past commits with nothing to send."""


class Source(Protocol):
    """What goes out; see `emit.alert_changes` and `emit.rollup_rows`."""

    source: str

    def newest(self, snapshot: LakeSnapshot) -> Position:
        """Where a way out stands that has nothing to send of what is there."""
        ...

    def moves(self, snapshot: LakeSnapshot, after: Position) -> bool:
        """Whether there may be more than at `after`."""
        ...

    def since(self, snapshot: LakeSnapshot, after: Position | None) -> Batch:
        """All after `after`, up to the snapshot."""
        ...


class Means(NamedTuple):
    """What a follower works with: where it sends to, what the lake and the recovery folder remember, two clocks."""

    target: Target
    ledger: LakeLedger
    mark: DeliveryMark
    wall: Callable[[], datetime]
    monotonic: Callable[[], float]


class Follower:
    """Sends what `source` has to a target, from where the target says that it stands, until it is told to end."""

    def __init__(
        self,
        name: str,
        reader: LakeReader,
        source: Source,
        means: Means,
        *,
        latest: bool,
    ) -> None:
        """`latest`: a target that nothing was ever sent to gets only what comes from now on."""
        self.name = name
        self._reader = reader
        self._source = source
        self._target, self._ledger, self._mark, self._wall, self._monotonic = means
        self._latest = latest
        self._log = logger("emit")
        self._changed = threading.Condition()
        self._news = True
        self._stopping = self._finishing = self._done = False
        self._place: Position | None = None
        self._is_open = False
        self._remembered_s = self._monotonic()
        self._failures = 0
        self.reason: str | None = None
        """Why it does not work, while it does not."""
        self.sent = 0
        self._behind_since_s: float | None = self._monotonic()
        metrics.EMIT_BEHIND.labels(name).set_function(self._behind_s)
        self._thread = threading.Thread(target=self._run, name=f"emit-{name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Something was committed."""
        with self._changed:
            self._news = True
            if self._behind_since_s is None:
                self._behind_since_s = self._monotonic()
            self._changed.notify_all()

    def finish(self) -> None:
        """Nothing more is committed: end once all is sent."""
        with self._changed:
            self._finishing = self._news = True
            self._changed.notify_all()

    def stop(self) -> None:
        """End after what is being done."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def join(self, seconds: float) -> bool:
        """Whether it has ended, after so long at most."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    @property
    def is_done(self) -> bool:
        """Whether all was sent that there was when it ended."""
        return self._done

    @property
    def place(self) -> Position | None:
        """How far it has come."""
        return self._place

    def wait(self, seconds: float) -> bool:
        """Wait so long; true, at once, where it is to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, seconds)
            return self._stopping

    def _run(self) -> None:
        try:
            while not self._stopping:
                last = self._finishing
                self._news, asked_s = False, self._monotonic()
                try:
                    self._send()
                except WrongLake as wrong:
                    self._failed(str(wrong))
                    return
                except Fenced:
                    # the writer beside it says so, and ends
                    return
                except (DeliveryTrouble, TidemillError, duckdb.Error, OSError) as trouble:
                    self._failed(" ".join(str(trouble).split()))
                    self._rest(min(FIRST_WAIT_S * 2 ** (self._failures - 1), MOST_WAIT_S))
                    continue
                self._worked(asked_s)
                if last:
                    self._done = True
                    return
                self._rest(LOOK_S)
        except BaseException as error:
            self._failed(f"{type(error).__name__}: {error}")
            raise
        finally:
            self._target.close()

    def _rest(self, seconds: float) -> None:
        with self._changed:
            woken = (lambda: self._stopping) if self._failures else (lambda: self._stopping or self._news)
            self._changed.wait_for(woken, seconds)

    def _send(self) -> None:
        """Bring out all that is in the lake now."""
        if not self._is_open:
            self._open()
        snapshot = self._reader.snapshot()
        place = self._place
        if place is not None and not self._source.moves(snapshot, place):
            self._remember_the_place()
            return
        batch = self._source.since(snapshot, place)
        first = next(batch.records, None)
        if first is None:
            self._place = batch.position
            self._remember_the_place()
            return
        self._publish(chain([first], batch.records), batch.position)

    def _publish(self, records: Iterator[Record], position: Position) -> None:
        self.sent += self._target.publish(records, position)
        self._place = position
        self._remembered_s = self._monotonic()
        self._ledger.remember(position)

    def _remember_the_place(self) -> None:
        if self._place is None or (self._monotonic() - self._remembered_s < REMEMBER_S and not self._finishing):
            return
        if self._finishing and self._place == self._ledger.position():
            return
        self._publish(iter(()), self._place)

    def _open(self) -> None:
        if not self._ledger.is_ours():
            raise Fenced(f"another run has taken the lake over from {self.name}; stop one of the two")
        place = self._target.open()
        known = self._ledger.position()
        if place is None and known is not None:
            self._log.warning(
                f"{self.name}: Kafka does not know how far it has come, so it goes on from where the lake does",
                snapshot=known.snapshot,
                fix="keep consumer offsets (offsets.retention.minutes) for longer than a run is ever down",
            )
            place = known
        if place is not None:
            self._require_same_lake(place)
        self._place, self._is_open = place, True
        if place is None and self._latest:
            self._publish(iter(()), self._source.newest(self._reader.snapshot()))
        elif place is not None and place != known:
            # so that what comes after it can be told for as long as it takes
            self._ledger.remember(place)

    def _require_same_lake(self, place: Position) -> None:
        head = self._reader.snapshot()
        there = head.time if head.id == place.snapshot else None
        if there is None and place.snapshot < head.id:
            try:
                there = self._reader.snapshot(place.snapshot).time
            except SnapshotExpired:
                return
            except TidemillError:
                return
        if there is None or (place.time != UNTOLD and time_text(there) != place.time):
            raise WrongLake(
                f"{self.name} has sent what this lake had at snapshot {place.snapshot} of {place.time}, and this lake "
                f"has no such snapshot: it was made anew, or put back from an older copy. Name another target, or "
                f"delete consumer group and topic to send all anew"
            )

    def _behind_s(self) -> float:
        since_s = self._behind_since_s
        return 0.0 if since_s is None else self._monotonic() - since_s

    def _failed(self, reason: str) -> None:
        self._is_open = False
        self._failures += 1
        with self._changed:
            if self._behind_since_s is None:
                self._behind_since_s = self._monotonic()
        self.reason = reason
        if self._failures == NOT_AT_ONCE:
            self._log.warning(f"{self.name} does not go out", reason=reason, doing="trying again; the lake keeps all")
        self._mark.fails(self.name, reason, self._wall())

    def _worked(self, asked_s: float) -> None:
        """All is sent that was there when the clock said `asked_s`."""
        with self._changed:
            self._behind_since_s = asked_s if self._news and not self._finishing else None
        if self._failures >= NOT_AT_ONCE:
            self._log.info(f"{self.name} goes out again", failures=self._failures)
        self._failures, self.reason = 0, None
        self._mark.works(self.name)
