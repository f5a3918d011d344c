"""One who is told what is new, as it can take it: piece by piece, each made when the last one is gone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serve.feed.panel import Panel

HEARTBEAT = b": here\n\n"
RETRY = b"retry: 1000\n\n"


class Listener:
    """What `take` gives is sent, again and again, each time that it is woken. For use in one event loop."""

    watched: "frozenset[Panel]" = frozenset()
    """The panels that it watches."""

    def __init__(self, is_closed: Callable[[], bool]) -> None:
        """`is_closed`: whether there will be nothing more."""
        self._is_closed = is_closed
        self._waiter: asyncio.Future[None] | None = None
        self._is_woken = False
        self._is_due = False
        self.pieces = 0
        """How many were taken so far."""

    @property
    def waits_for_id(self) -> bool:
        """Whether all its panels are as of the newest snapshot, and it was not told so."""
        return False

    async def take(self) -> bytes:
        """All that was not sent yet, or some of it after `wake`; nothing where there is nothing new."""
        raise NotImplementedError

    def wake(self) -> None:
        """There may be something new."""
        self._is_woken = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def beat(self) -> None:
        """Say something, whether there is anything new or not."""
        self._is_due = True
        self.wake()

    async def events(self) -> AsyncIterator[bytes]:
        """What to send, piece by piece, until there is nothing more; each piece is made when the last one is gone."""
        yield RETRY
        loop = asyncio.get_running_loop()
        while not self._is_closed():
            self._is_woken = False
            piece = await self.take() or (HEARTBEAT if self._is_due else b"")
            self._is_due = False
            self.pieces += 1
            if piece:
                yield piece
            if not self._is_woken:
                self._waiter = loop.create_future()
                await self._waiter
                self._waiter = None
