"""The librdkafka inside confluent-kafka, called directly: finding it, and the client behind a Python consumer."""

import ctypes
from pathlib import Path
from typing import Any

import confluent_kafka
from confluent_kafka import Consumer

_MAPS = Path("/proc/self/maps")
_CONSUMER_BYTES = {"2.16.1": 176}
"""Size of a consumer object per confluent-kafka version whose layout is known: the client's pointer comes first."""
_HEAD_BYTES = 16
_CLIENT_BYTES = 4096

_POINTER, _TEXT, _SIZE, _INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "rd_kafka_opaque": (_POINTER, [_POINTER]),
    "rd_kafka_queue_get_partition": (_POINTER, [_POINTER, _TEXT, ctypes.c_int32]),
    "rd_kafka_queue_forward": (None, [_POINTER, _POINTER]),
    "rd_kafka_queue_destroy": (None, [_POINTER]),
    "rd_kafka_consume_batch_queue": (ctypes.c_ssize_t, [_POINTER, _INT, _POINTER, _SIZE]),
    "rd_kafka_message_errstr": (_TEXT, [_POINTER]),
    "rd_kafka_message_destroy": (None, [_POINTER]),
    "rd_kafka_message_timestamp": (ctypes.c_int64, [_POINTER, _POINTER]),
}


class Unfit(Exception):
    """What is installed is not what this way of reading was built for."""


class Librdkafka:
    """The functions used here, of the very library that confluent-kafka loaded. Calls run without the GIL.

    Raises Unfit where it cannot be found for sure.
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

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name)

    def address(self, name: str) -> int:
        """Where a function lies in memory."""
        return ctypes.cast(getattr(self._library, name), _POINTER).value or 0

    def client_of(self, consumer: Consumer) -> int:
        """The rd_kafka_t of a consumer, proven by the way back: its opaque is the Python object.

        Raises Unfit before anything is called with a pointer that might be none.
        """
        version = confluent_kafka.__version__
        if not isinstance(consumer, Consumer) or Consumer.__basicsize__ != _CONSUMER_BYTES.get(version):
            raise Unfit(f"the consumer object of confluent-kafka {version} is not known")
        if object.__basicsize__ != _HEAD_BYTES:
            raise Unfit("this Python's objects have another head")
        client = ctypes.c_size_t.from_address(id(consumer) + _HEAD_BYTES).value
        if not _writable(client, _CLIENT_BYTES):
            raise Unfit("the consumer object does not begin with its client")
        if self._library.rd_kafka_opaque(client) != id(consumer):
            raise Unfit("the client behind the consumer does not know it")
        return client


def _writable(address: int, length: int) -> bool:
    return any(
        mode.startswith("rw") and start <= address and address + length <= end for start, end, mode, _ in _regions()
    )


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
