"""Both ends of the partitions being read: where the log ends, and where what may be read ends."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import NamedTuple

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ListOffsetsResultInfo, OffsetSpec

from dataflow.logs import logger
from dataflow.sources.source import behind_transaction

ENDS_SECONDS = 2.0
REST_ENDS_SECONDS = 5.0
"""While nothing comes."""
HELD_SECONDS = 5.0
"""A transaction that holds records back for so long is told: most end within milliseconds."""
SAY_EVERY_SECONDS = 60.0
_WAY_OUT = "they are read once the transaction ends; the producer that holds it open must commit, abort or be ended"


class Ends(NamedTuple):
    """`stable`: the last stable offset, where a committed reader stops; `high`: the high watermark.

    Offsets from `stable` to `high` are behind an open transaction. `since`: when this one was first seen.
    """

    stable: int
    high: int
    since: float


Place = tuple[str, int]


class EndsWatch:
    """Asks every 2 s, without waiting, about the partitions that are open; says what waits for long.

    A consumer cannot be asked: it knows the high watermark alone.
    """

    def __init__(self, admin: AdminClient, monotonic: Callable[[], float]) -> None:
        self._admin = admin
        self._monotonic = monotonic
        self._places: set[Place] = set()
        self._told: dict[Place, Ends] = {}
        self._asked: list[dict[TopicPartition, Future[ListOffsetsResultInfo]]] = []
        self._asked_at = self._say_at = float("-inf")
        self._said: set[Place] = set()
        self._lock = threading.Lock()
        self._log = logger("kafka")

    def open(self, topic: str, number: int) -> None:
        """From now on ask about this partition, too."""
        with self._lock:
            self._places.add((topic, number))
            self._asked_at = float("-inf")

    def close(self, topic: str, number: int) -> None:
        """Ask no more about it."""
        with self._lock:
            self._places.discard((topic, number))
            self._told.pop((topic, number), None)
            self._said.discard((topic, number))

    def told(self, topic: str, number: int) -> Ends | None:
        """As last told; None while the broker does not answer."""
        return self._told.get((topic, number))

    def look(self, seconds: float = ENDS_SECONDS) -> None:
        """Take in an answer that has come, ask again `seconds` after the last time. Returns at once, on any thread."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self._asked and all(future.done() for futures in self._asked for future in futures.values()):
                high, stable = self._asked
                self._asked = []
                self._take(_offsets(high), _offsets(stable))
                self._say()
            if not self._asked and self._places and self._monotonic() >= self._asked_at + seconds:
                self._asked_at = self._monotonic()
                # the high watermark first: what is written in between must not look held back
                self._asked = [self._ask(IsolationLevel.READ_UNCOMMITTED), self._ask(IsolationLevel.READ_COMMITTED)]
        finally:
            self._lock.release()

    def _ask(self, isolation: IsolationLevel) -> "dict[TopicPartition, Future[ListOffsetsResultInfo]]":
        asked = {TopicPartition(*place): OffsetSpec.latest() for place in sorted(self._places)}
        return self._admin.list_offsets(asked, isolation_level=isolation, request_timeout=10.0)

    def _take(self, high: Mapping[Place, int], stable: Mapping[Place, int]) -> None:
        now = self._monotonic()
        told = {}
        for place in self._places & high.keys() & stable.keys():
            before = self._told.get(place)
            same = before is not None and before.high > before.stable == stable[place]
            told[place] = Ends(stable[place], high[place], before.since if before is not None and same else now)
        self._told = told

    def _say(self) -> None:
        """Once a minute what has waited for long, and once that nothing does any more."""
        now = self._monotonic()
        waiting = {place: ends for place, ends in sorted(self._told.items()) if ends.high > ends.stable}
        held = any(now - ends.since >= HELD_SECONDS for ends in waiting.values())
        if held and now >= self._say_at:
            self._say_at = now + SAY_EVERY_SECONDS
            self._said = set(waiting)
            counts = {f"{topic}/{number}": ends.high - ends.stable for (topic, number), ends in waiting.items()}
            self._log.warning(behind_transaction(sum(counts.values())), partitions=counts, fix=_WAY_OUT)
        elif not held and self._said and self._said <= self._told.keys():
            self._said = set()
            self._say_at = float("-inf")
            self._log.info("no record waits behind an open transaction any more")


def _offsets(answers: "dict[TopicPartition, Future[ListOffsetsResultInfo]]") -> dict[Place, int]:
    """What was told; a partition whose leader did not answer is left out."""
    told = {}
    for place, future in answers.items():
        try:
            told[place.topic, place.partition] = int(future.result().offset)
        except KafkaException:
            continue
    return told
