"""The librdkafka inside confluent-kafka, called directly: finding it, and the client behind a Python consumer."""

import ctypes
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer

from dataflow.sources.kafka import librdkafka_probe as probe

_MAPS = Path("/proc/self/maps")
_WORD_BYTES = 8
_POINTER, _TEXT, _SIZE, _INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "rd_kafka_opaque": (_POINTER, [_POINTER]),
    "rd_kafka_queue_new": (_POINTER, [_POINTER]),
    "rd_kafka_topic_name": (_TEXT, [_POINTER]),
    "rd_kafka_queue_get_partition": (_POINTER, [_POINTER, _TEXT, ctypes.c_int32]),
    "rd_kafka_queue_forward": (None, [_POINTER, _POINTER]),
    "rd_kafka_queue_destroy": (None, [_POINTER]),
    "rd_kafka_queue_yield": (None, [_POINTER]),
    "rd_kafka_consume_batch_queue": (ctypes.c_ssize_t, [_POINTER, _INT, _POINTER, _SIZE]),
    "rd_kafka_message_errstr": (_TEXT, [_POINTER]),
    "rd_kafka_message_destroy": (None, [_POINTER]),
    "rd_kafka_message_timestamp": (ctypes.c_int64, [_POINTER, _POINTER]),
    **probe.SIGNATURES,
}


class Unfit(Exception):
    """What is installed is not what this way of reading was built for."""


class Librdkafka:
    """The functions used here, of the very library that confluent-kafka loaded. Calls run without the GIL.

    Any version will do whose memory is found to look as it must. Raises Unfit where it is not, or cannot be found.
    """

    def __init__(self) -> None:
        paths = {path for _, _, _, path in _regions() if "librdkafka" in Path(path).name}
        if len(paths) != 1:
            raise Unfit(f"{len(paths)} librdkafka libraries are loaded")
        self._library = ctypes.CDLL(paths.pop())
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(self._library, name, None)
            if function is None:
                raise Unfit(f"librdkafka has no {name}")
            function.restype, function.argtypes = result, arguments
        try:
            self._opaque_at = probe.examine(self._library, lambda address: _bytes_from(address, _writable()))
        except probe.Odd as found:
            raise Unfit(str(found)) from None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name)

    def address(self, name: str) -> int:
        """Where a function lies in memory."""
        return ctypes.cast(getattr(self._library, name), _POINTER).value or 0

    def client_of(self, consumer: Consumer) -> int:
        """The rd_kafka_t of a consumer, proven by the way back: its opaque is the Python object.

        Raises Unfit before anything is called with a pointer that might be none.
        """
        if not isinstance(consumer, Consumer):
            raise Unfit(f"a {type(consumer).__name__} is not known to be a consumer")
        held = ctypes.string_at(id(consumer), Consumer.__basicsize__)
        words = memoryview(held[: len(held) // _WORD_BYTES * _WORD_BYTES]).cast("Q")
        memory = _writable()
        # the head of every Python object is no pointer of ours
        candidates = words[object.__basicsize__ // _WORD_BYTES :].tolist()
        found = {word for word in candidates if self._knows(word, id(consumer), _bytes_from(word, memory))}
        if len(found) != 1:
            raise Unfit(f"{len(found)} clients that know it are found in the consumer object")
        return found.pop()

    def _knows(self, client: int, opaque: int, readable_bytes: int) -> bool:
        """Whether `client` is one whose opaque is `opaque`; looks before it asks."""
        if client % _WORD_BYTES or readable_bytes < self._opaque_at + _WORD_BYTES:
            return False
        kept = ctypes.c_uint64.from_address(client + self._opaque_at).value
        known: int = self._library.rd_kafka_opaque(client)
        return kept == opaque == known


def _writable() -> list[tuple[int, int]]:
    """Start and end of this process's writable memory, region by region."""
    return [(start, end) for start, end, mode, _ in _regions() if mode.startswith("rw")]


def _bytes_from(address: int, memory: list[tuple[int, int]]) -> int:
    """How many bytes of `memory` follow `address` in one region; 0 where it points to none."""
    return next((end - address for start, end in memory if start <= address < end), 0)


def _regions() -> list[tuple[int, int, str, str]]:
    """Start, end, mode and file of the memory regions of this process."""
    try:
        lines = _MAPS.read_text().splitlines()
    except OSError as error:
        raise Unfit(f"{_MAPS}: {error.strerror}") from error
    regions = []
    for line in lines:
        span, mode, _, _, _, *path = line.split(maxsplit=5)
        start, _, end = span.partition("-")
        regions.append((int(start, 16), int(end, 16), mode, path[0] if path else ""))
    return regions
