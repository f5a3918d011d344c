"""A Fetch answer taken apart, as far as its record batches, which are left as they are."""

import struct
from dataclasses import dataclass

import numpy as np

from dataflow.columnar.types import Int64s, UInt8s
from dataflow.sources.kafka.direct.connection import Malformed
from dataflow.sources.kafka.drain import TopicPart

_NO_PAIRS = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class PartAnswer:
    """What is said of one partition. `error` is 0 where all is well.

    `high`, `stable`, `low`: high watermark, last stable offset, first offset of the log. `aborted`: producer and first
    offset of each aborted transaction, by offset. `replica`: who should be asked instead, -1 for nobody. The batches
    are in [begin, end) of the answer.
    """

    part: TopicPart
    error: int
    high: int
    stable: int
    low: int
    aborted: Int64s
    replica: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Answer:
    """`throttle_ms`: how long nothing more may be asked. `error` is about the question as a whole."""

    throttle_ms: int
    error: int
    parts: list[PartAnswer]


def read_answer(body: UInt8s) -> Answer:
    """Raises Malformed for what is none."""
    data = body.data
    try:
        throttle_ms, error, _, count = struct.unpack_from(">ihii", data)
        at, parts = 14, []
        for _ in range(count):
            (length,) = struct.unpack_from(">H", data, at)
            topic = bytes(data[at + 2 : at + 2 + length]).decode()
            at += 2 + length
            (numbers,) = struct.unpack_from(">i", data, at)
            at += 4
            for _ in range(numbers):
                part, at = _part(topic, data, at)
                parts.append(part)
    except (struct.error, ValueError) as problem:
        raise Malformed(f"no Fetch answer: {problem}") from None
    return Answer(throttle_ms, error, parts)


def _part(topic: str, data: memoryview, at: int) -> tuple[PartAnswer, int]:
    number, error, high, stable, low, pairs = struct.unpack_from(">ihqqqi", data, at)
    at += 34
    aborted = _NO_PAIRS
    if pairs > 0:
        told = np.frombuffer(data, ">i8", 2 * pairs, at).astype(np.int64)
        order = np.argsort(told[1::2], kind="stable")
        aborted = told.reshape(-1, 2)[order].reshape(-1)
        at += 16 * pairs
    replica, size_bytes = struct.unpack_from(">ii", data, at)
    begin = at + 8
    end = begin + max(0, size_bytes)
    if end > len(data):
        raise ValueError(f"{size_bytes} bytes of records, where {len(data) - begin} are left")
    return PartAnswer((topic, number), error, high, stable, low, aborted, replica, begin, end), end
