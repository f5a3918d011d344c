"""The server as a process: a socket of its own, and uvicorn on it until somebody says stop."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI

from dataflow.errors import ConfigError
from serve.api.guard import is_loopback
from serve.served import Served

_BACKLOG = 1_024
_END_S = 3
"""So long may answers take that are under way when it stops."""


def bind(wish: Served) -> socket.socket:
    """A listening socket. Raises ConfigError where the port is taken, the address is none of this machine's, or others
    could reach it without a token.
    """
    if wish.token is None and not is_loopback(wish.host):
        raise ConfigError(
            "serve_host",
            wish.host,
            "other machines reach this address, so a token is needed; set serve_token (TIDEMILL_SERVE_TOKEN), or "
            "listen on 127.0.0.1",
        )
    try:
        family, kind, number, _, place = socket.getaddrinfo(
            wish.host.strip("[]"), wish.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return _listening(socket.socket(family, kind, number), place)
    except (OSError, OverflowError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        key, value, fix = "serve_port", str(wish.port), "choose another port, or 0 for any that is free"
        if not isinstance(error, PermissionError | OverflowError) and "in use" not in why:
            key, value, fix = "serve_host", wish.host, "name an address of this machine, or 0.0.0.0 for all"
        raise ConfigError(key, value, f"cannot listen on {wish.host}:{wish.port} ({why}); {fix}") from error


def _listening(made: socket.socket, place: Any) -> socket.socket:
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(place)
        made.listen(_BACKLOG)
        made.setblocking(False)
    except BaseException:
        made.close()
        raise
    return made


def url_of(listening: socket.socket) -> str:
    """The address at which a browser of this machine finds it."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run_until_stopped(app: FastAPI, listening: socket.socket, tell: Callable[[str], None]) -> None:
    """Serve until ^C or SIGTERM; then feeds end at once and answers under way may come to their end."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        # who asks is told by serve.api.client, which believes the proxies of the settings alone
        proxy_headers=False,
        lifespan="on",
        timeout_graceful_shutdown=_END_S,
        timeout_keep_alive=65,
        backlog=_BACKLOG,
        ws="none",
    )
    server = _Server(config)
    server.began = lambda: tell(url_of(listening))
    asyncio.run(server.serve(sockets=[listening]))


class _Server(uvicorn.Server):
    began: Callable[[], None]

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """^C and SIGTERM end it in order, and the process goes on to its own end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _stop(self) -> None:
        # a second one does not wait for answers under way
        self.force_exit = self.should_exit
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin, then say where."""
        await super().startup(sockets)
        if self.started:
            self.began()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End feeds first: they would last as long as their readers."""
        app = self.config.app
        if isinstance(app, FastAPI):
            app.state.server.feed.close()
        await super().shutdown(sockets)
