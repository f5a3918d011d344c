"""The drain of a consumer: what librdkafka has fetched becomes columns, at best without a Python object per record."""

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import confluent_kafka
import pyarrow as pa
from confluent_kafka import Consumer, KafkaError

from dataflow.columnar.types import Int64s
from dataflow.logs import logger

TopicPart = tuple[str, int]
"""A topic, and the number of one of its partitions."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What librdkafka says among the records of a partition: its end, or a trouble; `offset` where it tells one."""

    error: KafkaError
    offset: int | None


@dataclass(frozen=True, slots=True)
class Drained:
    """Records in offset order: offsets, timestamps in ms (-1 = none), values (binary, null = tombstone).

    `traces` in the order in which librdkafka gave them; an end of partition names the next offset.
    """

    offsets: Int64s
    timestamps: Int64s
    values: pa.Array
    traces: list[Trace] = field(default_factory=list)
    beside: dict[str, pa.Array] = field(default_factory=dict)
    """What else was asked for of each record, by the names of `dataflow.event.record_part`."""


@dataclass(frozen=True, slots=True)
class Held:
    """What waits for one partition: its bytes, librdkafka's own of each message included, and the offset behind it."""

    size_bytes: int
    next_offset: int


class Drain(Protocol):
    """Takes from one consumer what each of its partitions has; for one thread at a time.

    Partitions share what the consumer fetches: whoever fetches sorts for all.
    """

    @property
    def size_bytes(self) -> int:
        """Of all that was fetched and is not taken, as in `Held`."""
        ...

    def add(self, part: TopicPart, next_offset: int) -> None:
        """From now on keep what comes of a partition; to be called before the consumer is assigned it."""
        ...

    def take(self, part: TopicPart, max_records: int, max_bytes: int, *, fetch: bool = True) -> Drained:
        """What is there now, at once; at least one record if there is any, else not much more than `max_bytes`.

        Without `fetch`, only what was sorted before.
        """
        ...

    def wait(self, seconds: float, asked: TopicPart) -> bool:
        """Until something comes of any partition, which is kept as a fetch would keep it; whether something did."""
        ...

    def wake(self) -> None:
        """End a wait or the next one, where that can be done; from any thread."""
        ...

    def held(self, part: TopicPart) -> Held:
        """What was fetched of a partition and is not taken."""
        ...

    def remove(self, part: TopicPart) -> None:
        """Let go of a partition and of what was not taken; to be called after the consumer let go of it."""
        ...

    def close(self) -> None:
        """Let go of all. To be called before the consumer is closed; may be called twice."""
        ...


def whose(part: TopicPart, parts: Collection[TopicPart], asked: TopicPart) -> TopicPart:
    """Who of `parts` is told a trouble of `part`: itself, else one of its topic; of none in particular, who `asked`."""
    if part in parts:
        return part
    return next((each for each in parts if each[0] == part[0]), asked)


FIX = "install the versions in requirements.txt, on Linux; until then every record is right, and costs more time"
_warned = threading.Event()

Opener = Callable[[Consumer], Drain]


def open_drain(consumer: Consumer, beside: Sequence[str] = ()) -> Drain:
    """The fastest drain that is found to work with what is installed; a warning, once, where it is the plain one.

    What `beside` names is told by the plain one alone.
    """
    from dataflow.sources.kafka.drain_plain import PlainDrain

    if beside:
        return PlainDrain(consumer, beside)
    drain = _fastest(consumer)
    if not isinstance(drain, str):
        return drain
    if not _warned.is_set():
        _warned.set()
        logger("kafka").warning("reading_slowly", reason=drain, fix=FIX)
    return PlainDrain(consumer)


def load_ahead() -> None:
    """Load what the fast drain needs, which `open_drain` waits for. Raises whatever that would."""
    from dataflow.sources.kafka.drain_native import load

    load()


def why_plain() -> str | None:
    """Why `open_drain` would take the plain drain here; None if it would not. Connects to nothing."""
    consumer = Consumer({"group.id": "tidemill", "log_level": 0})
    try:
        drain = _fastest(consumer)
        if isinstance(drain, str):
            return drain
        drain.close()
        return None
    finally:
        consumer.close()


def client_versions() -> str:
    """What is installed, in words."""
    return f"confluent-kafka {confluent_kafka.__version__}, librdkafka {confluent_kafka.libversion()[0]}"


def _fastest(consumer: Consumer) -> Drain | str:
    """The fast drain, or why there is none."""
    try:
        from dataflow.sources.kafka.drain_native import NativeDrain, Unfit
    except ImportError as error:
        return str(error)
    try:
        return NativeDrain(consumer)
    except Unfit as reason:
        return str(reason)
