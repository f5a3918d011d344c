"""Whether librdkafka's memory looks as the fast drain reads it: a client and a message of our own show it."""

import ctypes
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_POINTER, _TEXT, _SIZE, _INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int
SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "rd_kafka_conf_new": (_POINTER, []),
    "rd_kafka_conf_set": (_INT, [_POINTER, _TEXT, _TEXT, _TEXT, _SIZE]),
    "rd_kafka_conf_set_opaque": (None, [_POINTER, _POINTER]),
    "rd_kafka_conf_set_events": (None, [_POINTER, _INT]),
    "rd_kafka_new": (_POINTER, [_INT, _POINTER, _TEXT, _SIZE]),
    "rd_kafka_destroy": (None, [_POINTER]),
    "rd_kafka_topic_new": (_POINTER, [_POINTER, _TEXT, _POINTER]),
    "rd_kafka_topic_destroy": (None, [_POINTER]),
    "rd_kafka_produce": (_INT, [_POINTER, ctypes.c_int32, _INT, _TEXT, _SIZE, _TEXT, _SIZE, _POINTER]),
    "rd_kafka_purge": (_INT, [_POINTER, _INT]),
    "rd_kafka_queue_get_main": (_POINTER, [_POINTER]),
    "rd_kafka_queue_poll": (_POINTER, [_POINTER, _INT]),
    "rd_kafka_event_message_next": (_POINTER, [_POINTER]),
    "rd_kafka_event_destroy": (None, [_POINTER]),
}
"""What is called here, besides what the drain calls."""

_PRODUCER, _COPY, _PURGE_QUEUE, _DELIVERIES = 0, 0x2, 0x1, 0x1
_PURGED, _NO_OFFSET, _ANY_PARTITION = -152, -1001, -1
_OPAQUE = 0x7469_6465_6D69_6C6C
_PAYLOAD, _KEY = b"a payload of the fast drain's own", b"its key"
_CLIENT_BYTES = 64 * 1024
_WAIT_MS = 2_000
_TRIES = 20


class Odd(Exception):
    """Something looks otherwise than the fast drain reads it."""


class Message(ctypes.Structure):
    """rd_kafka_message_t of the public header, as the compiled kernel reads it."""

    _fields_ = (
        ("error", ctypes.c_int32),
        ("topic", ctypes.c_uint64),
        ("partition", ctypes.c_int32),
        ("payload", ctypes.c_uint64),
        ("length", ctypes.c_uint64),
        ("key", ctypes.c_uint64),
        ("key_length", ctypes.c_uint64),
        ("offset", ctypes.c_int64),
    )


def examine(library: Any, readable_bytes: Callable[[int], int]) -> int:
    """Where a client keeps its opaque, in bytes from its start; connects to nothing, takes some ms.

    `readable_bytes(address)` tells how far memory goes. Raises Odd when a message is not laid out as it must be.
    """
    if sys.byteorder != "little" or ctypes.sizeof(_POINTER) != 8:
        raise Odd("this machine is not a 64-bit one of little endian")
    conf = library.rd_kafka_conf_new()
    library.rd_kafka_conf_set(conf, b"log_level", b"0", None, 0)
    library.rd_kafka_conf_set_opaque(conf, _OPAQUE)
    library.rd_kafka_conf_set_events(conf, _DELIVERIES)
    client = library.rd_kafka_new(_PRODUCER, conf, None, 0)
    if not client:
        raise Odd("librdkafka makes no client to look at")
    try:
        _look_at_message(library, client)
        return _opaque_offset(library, client, readable_bytes(client))
    finally:
        library.rd_kafka_destroy(client)


def _opaque_offset(library: Any, client: int, readable: int) -> int:
    if library.rd_kafka_opaque(client) != _OPAQUE:
        raise Odd("a client of librdkafka does not tell its opaque")
    memory = ctypes.string_at(client, min(readable, _CLIENT_BYTES) // 8 * 8)
    with suppress(ValueError):
        return memoryview(memory).cast("Q").tolist().index(_OPAQUE) * 8
    raise Odd("a client of librdkafka does not keep its opaque within itself")


def _look_at_message(library: Any, client: int) -> None:
    """A record that is never sent comes back as a message: all of its fields are known."""
    topic = library.rd_kafka_topic_new(client, b"tidemill-never-sent", None)
    queue = library.rd_kafka_queue_get_main(client)
    try:
        library.rd_kafka_produce(
            topic, _ANY_PARTITION, _COPY, _PAYLOAD, len(_PAYLOAD), _KEY, len(_KEY), None
        )  # fmt: skip
        library.rd_kafka_purge(client, _PURGE_QUEUE)
        for _ in range(_TRIES):
            event = library.rd_kafka_queue_poll(queue, _WAIT_MS // _TRIES)
            try:
                message = library.rd_kafka_event_message_next(event) if event else None
                if message:
                    _require_known(Message.from_address(message), topic)
                    return
            finally:
                if event:
                    library.rd_kafka_event_destroy(event)
        raise Odd("librdkafka does not give back a record that was not sent")
    finally:
        library.rd_kafka_queue_destroy(queue)
        library.rd_kafka_topic_destroy(topic)


def _require_known(message: Message, topic: int) -> None:
    told = (message.error, message.partition, message.length, message.key_length, message.offset)
    if told != (_PURGED, _ANY_PARTITION, len(_PAYLOAD), len(_KEY), _NO_OFFSET) or message.topic != topic:
        raise Odd(f"a message of librdkafka has other fields than expected: {told}")
    texts = (ctypes.string_at(message.payload, message.length), ctypes.string_at(message.key, message.key_length))
    if texts != (_PAYLOAD, _KEY):
        raise Odd("a message of librdkafka has payload and key elsewhere than expected")
