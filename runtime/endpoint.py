"""The port of a run: /metrics for Prometheus, and /healthz for whatever starts it anew when it is not well."""

import json
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from dataflow.errors import ConfigError

HEALTH, METRICS = "/healthz", "/metrics"


@dataclass(slots=True)
class Health:
    """What is known of a run's health: `stalled_s` is above 0 while records wait and nothing is committed."""

    stalled_s: Callable[[], float] = lambda: 0.0

    def look(self) -> tuple[bool, dict[str, object]]:
        """Whether it is well, and the document that says so."""
        stalled_s = round(self.stalled_s(), 1)
        return stalled_s <= 0, {"status": "stalled" if stalled_s > 0 else "ok", "stalled_s": stalled_s}


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """No line a request: the log is the run's."""


def serve(host: str, port: int, health: Health) -> Callable[[], None]:
    """Answer at http://host:port in threads of its own; gives what ends it. Port 0 answers nothing.

    Raises ConfigError where the port is taken, or the host is none of this machine's.
    """
    if not port:
        return lambda: None
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        kind = type("_Endpoint", (_Server,), {"address_family": family})
        server: WSGIServer = make_server(host, port, _app(health), server_class=kind, handler_class=_Silent)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        key, value, fix = "metrics_port", str(port), "choose another port, or 0 for none"
        if not isinstance(error, PermissionError | OverflowError) and "in use" not in why:
            key, value, fix = "metrics_host", host, "name an address of this machine, or 0.0.0.0 for all"
        raise ConfigError(key, value, f"cannot listen on {host}:{port} ({why}); {fix}") from error
    threading.Thread(target=server.serve_forever, name="endpoint", daemon=True).start()

    def end() -> None:
        server.shutdown()
        server.server_close()

    return end


def _app(health: Health) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    exported = make_wsgi_app()

    def answer(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/")
        if path == METRICS:
            found: Iterable[bytes] = exported(environ, start)
            return found
        if path == HEALTH:
            is_well, document = health.look()
            start("200 OK" if is_well else "503 Service Unavailable", [("Content-Type", "application/json")])
            return [json.dumps(document).encode() + b"\n"]
        start("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [f"There are {METRICS} and {HEALTH} here.\n".encode()]

    return answer
