"""Between a client and a broker: hands bytes on, and changes the answers to Fetch requests of one version."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from runtime.ports import HOST

FETCH = 1
DIRECT_VERSION = 11
"""The version of the requests that Tidemill makes itself; Kafka's client makes newer ones."""


@dataclass
class Spoiler:
    """What becomes of answers, counted from 0 over all connections. None hangs up; `cut` sends a part before."""

    change: Callable[[int, bytes], bytes | None] = lambda _, body: body
    cut: Callable[[int], bool] = lambda _: False
    answers: int = 0
    spoiled: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def proxy(target: tuple[str, int], spoiler: Spoiler, port: int = 0) -> Iterator[int]:
    """Gives the port at which it listens, `port` or a free one."""
    listener = socket.create_server((HOST, port))
    open_: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                broker = socket.create_connection(target)
            except OSError:
                client.close()
                continue
            open_.extend((client, broker))
            asked: dict[int, tuple[int, int]] = {}
            for work in (_questions, _answers):
                threading.Thread(target=work, args=(client, broker, asked, spoiler), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for each in open_:
            _hang_up(each)
        thread.join(5)


def _questions(client: socket.socket, broker: socket.socket, asked: dict[int, tuple[int, int]], _: Spoiler) -> None:
    with suppress(OSError):
        while (frame := _frame(client)) is not None:
            api, version, number = struct.unpack_from(">hhi", frame, 4)
            asked[number] = (api, version)
            broker.sendall(frame)
    _hang_up(client)
    _hang_up(broker)


def _answers(client: socket.socket, broker: socket.socket, asked: dict[int, tuple[int, int]], spoiler: Spoiler) -> None:
    with suppress(OSError):
        while (frame := _frame(broker)) is not None:
            (number,) = struct.unpack_from(">i", frame, 4)
            if asked.pop(number, None) == (FETCH, DIRECT_VERSION):
                with spoiler.lock:
                    count = spoiler.answers
                    spoiler.answers += 1
                    body = spoiler.change(count, frame[8:])
                    is_cut = spoiler.cut(count)
                    spoiler.spoiled += is_cut or body != frame[8:]
                if is_cut:
                    client.sendall(frame[: len(frame) // 2])
                    break
                if body is None:
                    break
                frame = struct.pack(">ii", len(body) + 4, number) + body
            client.sendall(frame)
    _hang_up(client)
    _hang_up(broker)


def _frame(of: socket.socket) -> bytes | None:
    head = _exactly(of, 4)
    if head is None:
        return None
    rest = _exactly(of, struct.unpack(">i", head)[0])
    return None if rest is None else head + rest


def _exactly(of: socket.socket, size_bytes: int) -> bytes | None:
    found = bytearray()
    while len(found) < size_bytes:
        more = of.recv(min(1 << 20, size_bytes - len(found)))
        if not more:
            return None
        found += more
    return bytes(found)


def _hang_up(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()


def first_records_at(body: bytes) -> tuple[int, int]:
    """Where the records of the first partition with some are in a Fetch answer: begin and end; 0, 0 without any."""
    at = 14
    for _ in range(struct.unpack_from(">i", body, 10)[0]):
        at += 2 + struct.unpack_from(">h", body, at)[0]
        count = struct.unpack_from(">i", body, at)[0]
        at += 4
        for _ in range(count):
            at += 34 + 16 * max(0, struct.unpack_from(">i", body, at + 30)[0])
            size_bytes = max(0, struct.unpack_from(">i", body, at + 4)[0])
            at += 8
            if size_bytes:
                return at, at + size_bytes
    return 0, 0


def with_error(body: bytes, code: int) -> bytes:
    """The answer, with an error and no records for the first partition alone; others are left out."""
    length = struct.unpack_from(">h", body, 14)[0]
    head, part = body[:10] + struct.pack(">i", 1) + body[14 : 16 + length], body[20 + length :]
    told = part[:4] + struct.pack(">h", code) + part[6:30] + struct.pack(">iii", -1, -1, 0)
    return head + struct.pack(">i", 1) + told
