"""The children of a pool: each in a seat, which is filled anew when its child is of no use any more."""

import os
import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dataflow.errors import LakeError, SqlFailed
from serve.sql.child import BIRTH_S, Child
from serve.sql.limits import SqlLimits
from serve.sql.orders import Birth
from serve.sql.place import Place
from serve.sql.wall import Standing


class _Seat:
    """A place for one child."""

    def __init__(self) -> None:
        self.child: Child | None = None


class Crew:
    """As many seats as `limits.children`; for threads, each of which must live as long as the crew.

    `threads` is what each child may compute with at a time.
    """

    def __init__(self, limits: SqlLimits, threads: int) -> None:
        self._limits = limits
        self._threads = threads
        self._seats = [_Seat() for _ in range(limits.children)]
        self._free: queue.SimpleQueue[_Seat] = queue.SimpleQueue()
        for seat in self._seats:
            self._free.put(seat)
        self._is_closed = False
        self.walls: list[Standing] = []

    def pids(self) -> list[int]:
        """The process ids of the children."""
        return [seat.child.pid for seat in self._seats if seat.child is not None]

    @contextmanager
    def child(self, place: Callable[[], Place], later: Callable[[Callable[[], None]], None]) -> Iterator[Child]:
        """Lend a child at the lake's place, made now if there is none. Raises SqlFailed when it cannot be.

        One that is of no use afterwards is replaced by what is given to `later`, which runs it in a thread.
        """
        try:
            seat = self._free.get(timeout=2 * BIRTH_S)
        except queue.Empty:
            raise SqlFailed("no process to answer questions became ready in time: ask again in a moment") from None
        try:
            yield self._filled(seat, place())
        finally:
            if (seat.child is not None and seat.child.is_of_use()) or self._is_closed:
                self._free.put(seat)
            else:
                later(lambda: self._refill(seat, place))

    def warm(self, place: Callable[[], Place]) -> None:
        """Fill one seat that is free, so that a question finds it ready; without a lake, as far as possible."""
        seat = self._free.get(timeout=BIRTH_S)
        self._refill(seat, place, is_first=True)

    def close(self) -> None:
        """End all children; no seat may be taken."""
        self._is_closed = True
        for seat in self._seats:
            if seat.child is not None:
                seat.child.close()
                seat.child = None

    def _refill(self, seat: _Seat, place: Callable[[], Place], *, is_first: bool = False) -> None:
        try:
            if not self._is_closed:
                self._filled(seat, place())
        except LakeError:
            # it comes later, perhaps
            self._replace(seat)
        except SqlFailed:
            # whoever asks next makes one, or is told why that cannot be
            if is_first:
                raise
        finally:
            self._free.put(seat)

    def _filled(self, seat: _Seat, place: Place) -> Child:
        """The seat's child, ready at `place`."""
        if seat.child is None or not seat.child.is_of_use() or seat.child.birth not in (None, self._birth(place)):
            self._replace(seat)
        child = seat.child
        assert child is not None
        if child.birth is None:
            child.begin(self._birth(place))
            self.walls = child.walls
        return child

    def _replace(self, seat: _Seat) -> None:
        old, seat.child = seat.child, None
        if old is not None:
            old.close()
        try:
            seat.child = Child()
        except OSError as error:
            raise SqlFailed(f"no process to answer questions could be started ({error}): ask again later") from error

    def _birth(self, place: Place) -> Birth:
        return Birth(place, os.getpid(), self._threads, self._limits.memory_bytes)
