"""A Fetch request as bytes."""

import struct
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from dataflow.sources.kafka.drain import TopicPart


class Limits(NamedTuple):
    """What one answer may have, all in all and of one partition, and what may wait until it is taken, in bytes."""

    answer_bytes: int
    part_bytes: int
    ready_bytes: int

    @classmethod
    def of(cls, properties: Mapping[str, object]) -> "Limits":
        """As librdkafka would be told; twice what it would keep may wait here, which is unpacked already."""
        part = properties.get("max.partition.fetch.bytes", properties["fetch.message.max.bytes"])
        queued = int(str(properties["queued.max.messages.kbytes"]))
        return cls(int(str(properties["fetch.max.bytes"])), int(str(part)), 2 * 1024 * queued)


def fetch_request(places: Iterable[tuple[TopicPart, int]], limits: Limits, wait_ms: int, rack: str) -> bytes:
    """For committed records from these offsets on; the broker answers in their order, topic by topic.

    It answers as soon as there is a byte, else after `wait_ms`.
    """
    topics: dict[str, list[bytes]] = {}
    for (topic, number), offset in places:
        # any leader epoch, no session, and no log of ours whose start it should know
        asked = struct.pack(">iiqqi", number, -1, offset, -1, limits.part_bytes)
        topics.setdefault(topic, []).append(asked)
    parts = [struct.pack(">iiiibiii", -1, wait_ms, 1, limits.answer_bytes, 1, 0, -1, len(topics))]
    for topic, asked_of in topics.items():
        parts += [_text(topic), struct.pack(">i", len(asked_of)), *asked_of]
    return b"".join([*parts, struct.pack(">i", 0), _text(rack)])


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">h", len(encoded)) + encoded
