"""One connection to one broker: requests go out, answers come in, one at a time."""

import socket
import struct
from contextlib import suppress

from dataflow.columnar.types import UInt8s
from dataflow.sources.kafka.direct.access import Access
from dataflow.sources.kafka.direct.memory import Memory

FETCH, FETCH_VERSION = 1, 11
"""The last version without fields that may be left out; brokers from 2.3 on know it."""
_API_VERSIONS = 18
ANSWER_SECONDS = 30.0
"""How much longer than asked for an answer may take before the connection is given up."""
_MOST_BYTES = 2**31 - 1


class Malformed(Exception):
    """What came is no answer to what was asked."""


class Connection:
    """Raises OSError or Malformed wherever it cannot go on; it is of no use afterwards."""

    def __init__(self, access: Access, host: str, port: int, memory: Memory) -> None:
        """Connects, and asks which requests the broker knows. Raises Malformed where it does not know ours."""
        self._name = access.client_id.encode()
        self._memory = memory
        self._number = 0
        self._socket = access.connect(host, port)
        try:
            self._socket.settimeout(ANSWER_SECONDS)
            self._require_fetch()
        except BaseException:
            self.close()
            raise

    def send(self, api: int, version: int, body: bytes, wait_ms: int = 0) -> None:
        """Ask; the broker may think about it for `wait_ms`."""
        self._number += 1
        head = struct.pack(">hhih", api, version, self._number, len(self._name)) + self._name
        self._socket.settimeout(wait_ms / 1_000 + ANSWER_SECONDS)
        self._socket.sendall(struct.pack(">i", len(head) + len(body)) + head + body)

    def receive(self) -> UInt8s:
        """The answer to what was asked last, without its head."""
        head = bytearray(8)
        self._fill(memoryview(head))
        size_bytes, number = struct.unpack(">ii", head)
        if number != self._number or not 4 <= size_bytes <= _MOST_BYTES:
            raise Malformed(f"an answer of {size_bytes} bytes to question {number}, where {self._number} was asked")
        body = self._memory.lend(size_bytes - 4)
        self._fill(body.data)
        return body

    def close(self) -> None:
        """Let go; who waits for an answer on another thread gets an error."""
        with suppress(OSError):
            # of TLS, too, only the connection below: nothing is said any more
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        with suppress(OSError):
            self._socket.close()

    def interrupt(self) -> None:
        """From another thread: end what is being waited for."""
        with suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _fill(self, into: memoryview) -> None:
        at = 0
        while at < len(into):
            count = self._socket.recv_into(into[at:])
            if not count:
                raise ConnectionResetError("the broker hung up")
            at += count

    def _require_fetch(self) -> None:
        self.send(_API_VERSIONS, 0, b"")
        body = self.receive().data
        try:
            error, count = struct.unpack_from(">hi", body)
            known = {api: (least, most) for api, least, most in struct.iter_unpack(">hhh", body[6 : 6 + 6 * count])}
        except struct.error as problem:
            raise Malformed(str(problem)) from None
        least, most = known.get(FETCH, (0, 0))
        if error or not least <= FETCH_VERSION <= most:
            raise Malformed(f"the broker knows Fetch requests of the versions {least} to {most}, not {FETCH_VERSION}")
