"""What is fetched of one broker: one connection, one thread that keeps a question on its way."""

import threading
from collections import deque
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from confluent_kafka import KafkaError

from dataflow.columnar.types import UInt8s
from dataflow.logs import logger
from dataflow.sources.kafka.direct.access import Access
from dataflow.sources.kafka.direct.answer import PartAnswer, read_answer
from dataflow.sources.kafka.direct.batches import Batches, Scanned, kernels
from dataflow.sources.kafka.direct.connection import FETCH, FETCH_VERSION, Connection, Malformed
from dataflow.sources.kafka.direct.memory import Memory
from dataflow.sources.kafka.direct.records import Records
from dataflow.sources.kafka.direct.request import Limits, fetch_request
from dataflow.sources.kafka.drain import TopicPart

UNPACKED_BYTES, LEAST_ANSWER_BYTES = 16 * 2**20, 2**20
"""What one answer may be once it is unpacked, as far as that can be foreseen, and what is asked for at the least."""
LEAST_WAIT_MS, MOST_WAIT_MS = 10, 500
"""How long a broker may wait for a record: longer and longer while none comes, so that rest costs nothing, and what is
asked for anew does not wait for long."""
PAUSES_SECONDS = (0.05, 0.3, 1.0)
"""Before a lost connection is made anew; when that was of no use either, librdkafka may try."""
_NO_BATCHES = np.zeros(0, np.int64)
PATIENCE_SECONDS = 3.0
"""What was compiled before is there sooner than that."""
STUCK = 5
"""So many answers in a row with bytes and no whole batch are too many."""


class Broker(NamedTuple):
    """Where a broker is."""

    host: str
    port: int


class Fetched(NamedTuple):
    """What came of a partition. All before `next_offset` is told by it and those before; `trouble`: it ends there.

    `version`: of the assignment that it was fetched for. `low`, `stable`, `high` as the broker told them, or None.
    """

    part: TopicPart
    version: int
    records: Records | None
    next_offset: int
    ends: tuple[int, int, int] | None
    trouble: str | None = None


class Ready:
    """What was fetched for one hub and nobody has taken yet; bounded by who asks whether there is room."""

    def __init__(self, most_bytes: int) -> None:
        """While `most_bytes` wait, nothing more is asked for."""
        self._most_bytes = most_bytes
        self.changed = threading.Condition()
        self._fetched: deque[Fetched] = deque()
        self._size_bytes = 0
        self._is_woken = False

    def put(self, fetched: Fetched) -> None:
        """With the lock of `changed` held or not."""
        with self.changed:
            self._fetched.append(fetched)
            self._size_bytes += _size_of(fetched)
            self.changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Until there is something or `wake` is called; whether there is."""
        with self.changed:
            self.changed.wait_for(lambda: self._fetched or self._is_woken, seconds)
            self._is_woken = False
            return bool(self._fetched)

    def wake(self) -> None:
        """End a wait or the next one, from any thread."""
        with self.changed:
            self._is_woken = True
            self.changed.notify_all()

    def take(self) -> Fetched | None:
        """The oldest; None where there is nothing."""
        with self.changed:
            if not self._fetched:
                return None
            fetched = self._fetched.popleft()
            self._size_bytes -= _size_of(fetched)
            self.changed.notify_all()
            return fetched

    def has_room(self, coming_bytes: int = 0) -> bool:
        """Whether more may be asked for, while so much is already coming."""
        return self._size_bytes + coming_bytes < self._most_bytes


def _size_of(fetched: Fetched) -> int:
    return 0 if fetched.records is None else fetched.records.size_bytes(0, len(fetched.records))


@dataclass(slots=True)
class _Want:
    """A partition that is fetched, for an assignment: what is asked for next, and what is told up to where.

    Only what was told counts where anything goes wrong.
    """

    next_offset: int
    version: int
    told_offset: int
    stuck: int = 0
    ends: tuple[int, int, int] | None = None


@cache
def _tell_of_compiling() -> None:
    logger("kafka").info("what fetches directly is being compiled, once on this machine: records come after that")


class Fetcher:
    """Fetches what it is told to, for ever, until `close` or until the broker cannot be reached.

    A partition with whose answer anything is odd is given up at the exact offset, which is told with `Fetched.trouble`.
    """

    def __init__(self, broker: Broker, access: Access, limits: Limits, ready: Ready, *, tells_parts: bool) -> None:
        self._broker = broker
        self._access = access
        self._limits = limits
        self._ready = ready
        self._memory = Memory()
        self._batches: Batches
        self._tells_parts = tells_parts
        self._wants: dict[TopicPart, _Want] = {}
        self._wait_ms = LEAST_WAIT_MS
        self._connection: Connection | None = None
        self._closed = False
        self._answered = False
        self._given_up: str | None = None
        self._thread = threading.Thread(target=self._run, name="kafka-fetch", daemon=True)
        self._thread.start()

    def want(self, part: TopicPart, next_offset: int, version: int) -> None:
        """Fetch a partition from now on, behind all others."""
        with self._ready.changed:
            if self._given_up is not None:
                self._ready.put(Fetched(part, version, None, next_offset, None, self._given_up))
                return
            self._wants[part] = _Want(next_offset, version, next_offset)
            self._wait_ms = LEAST_WAIT_MS
            self._ready.changed.notify_all()

    def forget(self, part: TopicPart) -> None:
        """Fetch it no more."""
        with self._ready.changed:
            self._wants.pop(part, None)

    def close(self, seconds: float) -> None:
        """End the thread; it is waited for so long at most."""
        with self._ready.changed:
            self._closed = True
            connection = self._connection
            self._ready.changed.notify_all()
        if connection is not None:
            connection.interrupt()
        self._thread.join(seconds)

    def _run(self) -> None:
        reason = "the thread that fetches has ended"
        try:
            reason = self._fetch() if self._prepare() else "it was closed"
        except Exception as problem:
            # a mistake of ours must not stop a run that can be gone on with
            reason = f"{type(problem).__name__}: {problem}"
        finally:
            with self._ready.changed:
                self._given_up = reason
                for part, want in self._wants.items():
                    self._ready.put(Fetched(part, want.version, None, want.told_offset, None, reason))
                self._wants = {}

    def _prepare(self) -> bool:
        """Wait for what is compiled, of which is told where it takes long; False once closed."""
        made = kernels()
        made.add_done_callback(lambda _: self._wake())
        with self._ready.changed:
            if not self._ready.changed.wait_for(lambda: self._closed or made.done(), PATIENCE_SECONDS):
                _tell_of_compiling()
                self._ready.changed.wait_for(lambda: self._closed or made.done())
            if self._closed:
                return False
        self._batches = Batches(made.result(), self._memory, tells_parts=self._tells_parts)
        return True

    def _wake(self) -> None:
        with self._ready.changed:
            self._ready.changed.notify_all()

    def _fetch(self) -> str:
        """Fetch until closed, or until that is of no use; gives the reason."""
        failures = 0
        while True:
            with self._ready.changed:
                self._ready.changed.wait_for(lambda: self._closed or self._wants)
                if self._closed:
                    return "it was closed"
            try:
                self._connect()
                self._talk()
            except (OSError, Malformed) as problem:
                failures = 1 if self._answered else failures + 1
                self._answered = False
                with self._ready.changed:
                    for want in self._wants.values():
                        want.next_offset = want.told_offset
                if failures > len(PAUSES_SECONDS):
                    return f"{self._broker.host}:{self._broker.port} does not answer: {problem}"
                self._rest(PAUSES_SECONDS[failures - 1])
            finally:
                self._disconnect()

    def _connect(self) -> None:
        connection = Connection(self._access, *self._broker, self._memory)
        with self._ready.changed:
            self._connection = connection
            if self._closed:
                connection.interrupt()

    def _disconnect(self) -> None:
        with self._ready.changed:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _rest(self, seconds: float) -> None:
        with self._ready.changed:
            self._ready.changed.wait_for(lambda: self._closed, seconds)

    def _talk(self) -> None:
        """Ask and hear, until closed."""
        asked: dict[TopicPart, tuple[_Want, int]] | None = None
        while True:
            asked = asked or self._ask(wait=True)
            if asked is None:
                return
            assert self._connection is not None, "connected before"
            body = self._connection.receive()
            answer = read_answer(body)
            if answer.error:
                raise Malformed(KafkaError(answer.error).str())
            self._answered = True
            looked_at = [
                (part, *asked[part.part], self._look(body, part, *asked[part.part]))
                for part in answer.parts
                if part.part in asked
            ]
            coming_bytes = sum(part.end - part.begin for part in answer.parts)
            asked = None
            if answer.throttle_ms:
                self._hand_on(body, looked_at)
                self._rest(answer.throttle_ms / 1_000)
                continue
            try:
                # the next question goes out before this answer is unpacked
                asked = self._ask(coming_bytes=coming_bytes)
            finally:
                self._hand_on(body, looked_at)

    def _ask(self, *, wait: bool = False, coming_bytes: int = 0) -> "dict[TopicPart, tuple[_Want, int]] | None":
        """Ask for all that is wanted. None where nothing is, or no room, unless that is waited for; or once closed."""
        with self._ready.changed:
            if wait:
                self._ready.changed.wait_for(lambda: self._closed or (self._wants and self._ready.has_room()))
            if self._closed or not self._wants or not (wait or self._ready.has_room(coming_bytes)):
                return None
            asked = {part: (want, want.next_offset) for part, want in self._wants.items()}
            wait_ms = self._wait_ms
            connection = self._connection
        assert connection is not None, "connected before"
        places = [(part, offset) for part, (_, offset) in asked.items()]
        most_bytes = max(LEAST_ANSWER_BYTES, int(UNPACKED_BYTES / self._batches.growth))
        limits = self._limits._replace(answer_bytes=min(self._limits.answer_bytes, most_bytes))
        connection.send(FETCH, FETCH_VERSION, fetch_request(places, limits, wait_ms, self._access.rack), wait_ms)
        return asked

    def _look(self, body: UInt8s, part: PartAnswer, want: _Want, offset: int) -> Scanned:
        """Check what came of a partition, and go on behind it."""
        if part.error:
            return Scanned(_NO_BATCHES, offset, offset, KafkaError(part.error).str())
        if part.replica >= 0:
            return Scanned(_NO_BATCHES, offset, offset, f"replica {part.replica} should be asked instead")
        scanned = self._batches.scan(body, (part.begin, part.end), offset, part.aborted)
        with self._ready.changed:
            moved = scanned.next_offset > offset
            want.next_offset = scanned.next_offset
            want.stuck = 0 if moved or part.begin == part.end else want.stuck + 1
            if want.stuck >= STUCK:
                return scanned._replace(trouble="answers hold no whole record batch")
            if moved and self._wants.get(part.part) is want:
                # who had something comes last next time: an answer begins with the others
                self._wants[part.part] = self._wants.pop(part.part)
        return scanned

    def _hand_on(self, body: UInt8s, looked_at: "list[tuple[PartAnswer, _Want, int, Scanned]]") -> None:
        has_come = False
        for part, want, offset, scanned in looked_at:
            if self._wants.get(part.part) is not want:
                continue
            expanded = self._batches.expand(body, scanned)
            has_come |= expanded.next_offset > offset
            ends = None if part.error else (part.low, part.stable, part.high)
            with self._ready.changed:
                if self._wants.get(part.part) is not want:
                    continue
                if expanded.trouble is not None:
                    del self._wants[part.part]
                elif expanded.next_offset == offset and ends == want.ends:
                    continue
                want.told_offset, want.ends = expanded.next_offset, ends
                self._ready.put(
                    Fetched(part.part, want.version, expanded.records, expanded.next_offset, ends, expanded.trouble)
                )
        with self._ready.changed:
            self._wait_ms = LEAST_WAIT_MS if has_come else min(MOST_WAIT_MS, 2 * self._wait_ms)
