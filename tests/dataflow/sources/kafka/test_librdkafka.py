"""The librdkafka inside the client: found, and no pointer of it taken on trust."""

import ctypes
from typing import Any

import pytest
from confluent_kafka import Consumer

from dataflow.sources.kafka import librdkafka
from dataflow.sources.kafka.drain_native import Unfit

NOWHERE = "127.0.0.1:1"


def test_a_consumer_object_that_keeps_its_client_elsewhere_is_never_called_with_a_guess() -> None:
    library = librdkafka.Librdkafka()
    memory = librdkafka._writable()
    own = ctypes.create_string_buffer(1 << 16)
    for address in (0, 1, 8, 2**63, ctypes.addressof(own), memory[-1][1] - 8):
        assert not library._knows(address, 1234, librdkafka._bytes_from(address, memory))


def test_a_client_that_does_not_know_the_consumer_is_unfit() -> None:
    consumer, other = (Consumer({"bootstrap.servers": NOWHERE, "group.id": "x", "log_level": 0}) for _ in range(2))
    library = librdkafka.Librdkafka()
    client = library.client_of(consumer)
    assert library.rd_kafka_opaque(client) == id(consumer) != id(other)
    with pytest.raises(Unfit, match="not known"):
        library.client_of(object())  # type: ignore[arg-type]  # what is not a consumer
    consumer.close()
    other.close()


def test_without_proc_the_plain_way_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(librdkafka, "_MAPS", tmp_path / "none")
    with pytest.raises(Unfit, match="none"):
        librdkafka.Librdkafka()
