"""What stands before every request: whose name it calls, which page sends it, who asks; and what goes with answers."""

import asyncio
import hmac
import re
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from ipaddress import ip_address
from typing import Any

from dataflow import logs
from serve.figures import Figures
from serve.forms import ENCODER
from serve.problem import MEDIA_TYPE, Problem, ending, problem_of
from serve.served import Served

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN = frozenset(("/", "/livez", "/readyz", "/docs", "/openapi.json", "/favicon.ico"))
"""Paths that need no token: they show nothing of the lake."""
OPEN_FOLDERS = ("/assets/", "/docs/")
STREAMS = frozenset(("/api/v1/stream", "/api/v1/alerts/feed"))
"""Answers without an end."""

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]/?#@\s]+)(?::[0-9]{1,5})?")
_EXPOSED = "ETag, X-Request-Id, X-Snapshot-Id, X-Snapshot-Time, X-Next-Cursor, Retry-After"
_ALLOWED = "Authorization, Content-Type, If-None-Match, Last-Event-ID, X-Request-Id"
CSP = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", CSP.encode()),
)
_LOOPBACK_NAMES = frozenset(("localhost",))


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens there."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().rstrip(".") in _LOOPBACK_NAMES


class Guard:
    """An ASGI app around another one. `new_id` names requests that bring no name of their own."""

    def __init__(self, app: App, *, wish: Served, figures: Figures, new_id: Callable[[], str]) -> None:
        self.app = app
        self.wish = wish
        self.figures = figures
        self.new_id = new_id
        self.hosts = frozenset(host.lower().rstrip(".") for host in (*wish.hosts, wish.host))
        self.origins = frozenset(origin.lower().rstrip("/") for origin in wish.origins)
        self.log = logs.logger("serve")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand on what is none."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        request = _Request(self, scope, send)
        try:
            if request.is_preflight:
                await request.allow()
            else:
                request.check()
                await self.app(scope, receive, request.send)
        except asyncio.CancelledError:
            # nothing cancels a request but the server's end, which has waited for it
            if request.has_begun:
                raise
            await request.refuse(ending())
        except Exception as error:
            problem = problem_of(error)
            if problem.status >= 500 and problem.kind == "failed":
                self.log.error("a request failed", request_id=request.id, path=scope["path"], exc_info=error)
            if request.has_begun:
                # half an answer must not look like a whole one
                raise
            await request.refuse(problem)
        finally:
            request.count()


class _Request:
    """One request on its way."""

    def __init__(self, guard: Guard, scope: Scope, send: Send) -> None:
        self.guard, self.scope, self._send = guard, scope, send
        self.headers: Mapping[bytes, bytes] = dict(reversed(scope["headers"]))
        given = self.header(b"x-request-id")
        self.id = given if _ID.fullmatch(given) else guard.new_id()
        scope.setdefault("state", {})["request_id"] = self.id
        self.method: str = scope["method"]
        self.status = 500
        self.has_begun = False
        self._begun_s = time.perf_counter()
        self.origin = self.header(b"origin").lower()
        self.is_allowed_origin = self.origin in guard.origins
        self.is_preflight = (
            self.method == "OPTIONS" and self.is_allowed_origin and b"access-control-request-method" in self.headers
        )
        self._drops_body = self.method == "HEAD" and scope["path"] not in STREAMS
        if self._drops_body:
            scope["method"] = "GET"

    def header(self, name: bytes) -> str:
        """A header's text; empty without it."""
        return self.headers.get(name, b"").decode("latin-1").strip()

    def check(self) -> None:
        """Raise Problem for whom nothing is answered."""
        if b"\0" in self.scope.get("query_string", b""):
            raise Problem(400, "malformed", "the request is malformed", "the query holds a NUL", "leave it out")
        self._check_host()
        self._check_origin()
        path: str = self.scope["path"]
        if self.guard.wish.token is not None and path not in OPEN and not path.startswith(OPEN_FOLDERS):
            self._check_token(self.guard.wish.token)

    def _check_host(self) -> None:
        match = _HOST.fullmatch(self.header(b"host"))
        name = match[1].lower().rstrip(".") if match else ""
        if name and (name in self.guard.hosts or is_loopback(name)):
            return
        try:
            # a page's name can be made to lead here, an address cannot
            if name and ip_address(name.strip("[]")) and not is_loopback(self.guard.wish.host):
                return
        except ValueError:
            pass
        detail = f"this server does not answer as {name[:200]!r}" if name else "the request names no host"
        hint = "call it by its address, or add the name to the setting serve_hosts"
        raise Problem(421, "wrong-host", "the host is another one", detail, hint)

    def _check_origin(self) -> None:
        if not self.origin or self.is_allowed_origin:
            return
        _, _, place = self.origin.partition("://")
        if place and place == self.header(b"host").lower():
            return
        hint = "add the page's origin to the setting serve_origins"
        detail = f"a page of {self.origin[:200]} sends it"
        raise Problem(403, "wrong-origin", "pages of other places may not ask", detail, hint)

    def _check_token(self, token: str) -> None:
        scheme, _, given = self.header(b"authorization").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode("latin-1"), token.encode()):
            return
        detail = "the token is not the right one" if scheme else "the request brings no token"
        hint = "send the header `Authorization: Bearer TOKEN` with the server's serve_token"
        headers = {"WWW-Authenticate": 'Bearer realm="tidemill"'}
        raise Problem(401, "no-token", "a token is needed", detail, hint, headers)

    async def send(self, message: Message) -> None:
        """Send on, with what goes with every answer."""
        if message["type"] == "http.response.start":
            self.has_begun = True
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self._more(message.get("headers", ()))]
        elif message["type"] == "http.response.body" and self._drops_body:
            message = {**message, "body": b""}
        await self._send(message)

    def _more(self, headers: Any) -> list[tuple[bytes, bytes]]:
        given = {name for name, _ in headers}
        more = [pair for pair in _ALWAYS if pair[0] not in given]
        more += [(b"x-request-id", self.id.encode())]
        more += [] if b"cache-control" in given else [(b"cache-control", b"no-cache, private")]
        more += [(b"vary", b"Accept, Accept-Encoding, Authorization, Origin")]
        if self.is_allowed_origin:
            more += [
                (b"access-control-allow-origin", self.header(b"origin").encode("latin-1")),
                (b"access-control-expose-headers", _EXPOSED.encode()),
            ]
        return more

    async def allow(self) -> None:
        """Answer a browser that asks whether a page of an allowed origin may ask."""
        headers = [
            (b"access-control-allow-methods", b"GET, HEAD, POST, DELETE"),
            (b"access-control-allow-headers", _ALLOWED.encode()),
            (b"access-control-max-age", b"600"),
        ]
        await self.send({"type": "http.response.start", "status": 204, "headers": headers})
        await self.send({"type": "http.response.body", "body": b""})

    async def refuse(self, problem: Problem) -> None:
        """Answer with a problem."""
        body = ENCODER.encode(problem.document(self.id))
        headers = [
            (name.lower().encode(), value.encode("latin-1", "replace")) for name, value in problem.headers.items()
        ]
        headers += [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
        headers += [(b"cache-control", b"no-store")]
        await self.send({"type": "http.response.start", "status": problem.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    def count(self) -> None:
        """Note how it went."""
        route = getattr(self.scope.get("route"), "path", "other")
        self.guard.figures.requests.labels(route, str(self.status)).inc()
        if self.scope["path"] not in STREAMS:
            self.guard.figures.seconds.labels(route).observe(time.perf_counter() - self._begun_s)
