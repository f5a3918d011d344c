"""What answers at the port of a run, in threads of its own; imported where there is one."""

import json
import socket
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from runtime.endpoint import HEALTH, METRICS

Look = Callable[[], tuple[bool, dict[str, object]]]
"""Whether the run is well, and the document that says so."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """No line a request: the log is the run's."""


def begin(host: str, port: int, look: Look) -> Callable[[], None]:
    """Answer at http://host:port; gives what ends it. Raises OSError or OverflowError where it cannot listen there."""
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    kind = type("_Endpoint", (_Server,), {"address_family": family})
    server: WSGIServer = make_server(host, port, _app(look), server_class=kind, handler_class=_Silent)
    threading.Thread(target=server.serve_forever, name="endpoint", daemon=True).start()

    def end() -> None:
        server.shutdown()
        server.server_close()

    return end


def _app(look: Look) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    exported = make_wsgi_app()

    def answer(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/")
        if path == METRICS:
            found: Iterable[bytes] = exported(environ, start)
            return found
        if path == HEALTH:
            is_well, document = look()
            start("200 OK" if is_well else "503 Service Unavailable", [("Content-Type", "application/json")])
            return [json.dumps(document).encode() + b"\n"]
        start("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [f"There are {METRICS} and {HEALTH} here.\n".encode()]

    return answer
