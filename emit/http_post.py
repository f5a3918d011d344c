"""One POST to a URL, within a time: no redirect is followed, and no more is read than says how it went."""

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

READ_BYTES = 1_024


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` of an answer, or None with why there was none."""

    status: int | None
    reason: str


def post(url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Answer:
    """The answer to `body`, JSON in UTF-8; however slowly it comes, it is waited for no longer than `timeout_s`."""
    place = urlsplit(url)
    host, port = place.hostname or "", place.port
    path = (place.path or "/") + (f"?{place.query}" if place.query else "")
    connection: http.client.HTTPConnection
    if place.scheme.lower() == "https":
        connection = http.client.HTTPSConnection(host, port, timeout=timeout_s, context=ssl.create_default_context())
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    late = threading.Event()

    def cut() -> None:
        late.set()
        if connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    watch = threading.Timer(timeout_s, cut)
    watch.daemon = True
    watch.start()
    try:
        sent = {"Content-Type": "application/json", "User-Agent": "tidemill", "Connection": "close", **headers}
        connection.request("POST", path, body, sent)
        answer = connection.getresponse()
        if not late.is_set():
            return Answer(answer.status, " ".join(str(answer.reason).split())[:200])
        return Answer(None, f"no answer in {timeout_s:g} s")
    except (OSError, http.client.HTTPException, ValueError) as error:
        told = f"no answer in {timeout_s:g} s" if late.is_set() or isinstance(error, TimeoutError) else str(error)
        return Answer(None, " ".join(told.split())[:200] or type(error).__name__)
    finally:
        watch.cancel()
        connection.close()
