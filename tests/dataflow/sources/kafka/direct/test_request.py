"""Fetch requests, byte by byte."""

import struct

from dataflow.sources.kafka.direct.request import Limits, fetch_request


def test_a_request_has_its_places_topic_by_topic_in_their_order() -> None:
    places = [(("b", 1), 10), (("a", 0), 7), (("b", 0), 2**40)]
    found = fetch_request(places, Limits(1_000, 100, 0), 250, "r")

    def part(number: int, offset: int) -> bytes:
        return struct.pack(">iiqqi", number, -1, offset, -1, 100)

    head = struct.pack(">iiiibii", -1, 250, 1, 1_000, 1, 0, -1)
    topics = struct.pack(">i", 2)
    topics += struct.pack(">h", 1) + b"b" + struct.pack(">i", 2) + part(1, 10) + part(0, 2**40)
    topics += struct.pack(">h", 1) + b"a" + struct.pack(">i", 1) + part(0, 7)
    assert found == head + topics + struct.pack(">i", 0) + struct.pack(">h", 1) + b"r"


def test_limits_are_those_of_the_client_by_either_name() -> None:
    ours = {"fetch.max.bytes": 10, "fetch.message.max.bytes": 5, "queued.max.messages.kbytes": 3}
    assert Limits.of(ours) == Limits(10, 5, 6 * 1024)
    assert Limits.of(ours | {"max.partition.fetch.bytes": "7"}) == Limits(10, 7, 6 * 1024)
