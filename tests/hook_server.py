"""A webhook's other side: a real HTTP server that answers as it is told, and keeps what it got."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from runtime.ports import HOST

HANG, DRIP, CLOSE = -1, -2, -3
"""In the place of a status: no answer, one that never ends, and a connection that is closed."""


class Got(NamedTuple):
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes
    status: int


class HookServer:
    """`answers(n)` is the status of the n-th request, from 0."""

    def __init__(self, answers: Callable[[int], int]) -> None:
        self.answers = answers
        self.got: list[Got] = []
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.url = ""

    @property
    def taken(self) -> list[Got]:
        """Those that were answered well."""
        return [each for each in self.got if 200 <= each.status < 300]


@contextmanager
def hook_server(answers: Callable[[int], int] = lambda _: 204) -> Iterator[HookServer]:
    """Listens on a free port while the block runs."""
    hook = HookServer(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with hook.lock:
                status = hook.answers(len(hook.got))
                hook.got.append(
                    Got(self.path, {name.lower(): each for name, each in self.headers.items()}, body, status)
                )
            if status == HANG:
                hook.ended.wait(60)
                return
            if status == CLOSE:
                self.connection.close()
                return
            if status == DRIP:
                self._drip()
                return
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"{hook.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _drip(self) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not hook.ended.is_set():
                try:
                    self.wfile.write(b"X-More: 1\r\n")
                    self.wfile.flush()
                except OSError:
                    return
                time.sleep(0.05)

        def log_message(self, format: str, *args: object) -> None:
            """No word."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    server.daemon_threads = True
    hook.url = f"http://{HOST}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hook
    finally:
        hook.ended.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
