"""Threads that ask lakes, so that the event loop never waits: so many at a time, so many waiting, and no more."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from serve.problem import busy, too_long

_T = TypeVar("_T")

_GRACE_S = 1.0
"""A question is stopped by DuckDB's own clock; who waits for it gives up only so much later."""


class Lane:
    """`threads` at work and at most `waiting` more; for use in one event loop."""

    def __init__(self, name: str, threads: int, waiting: int) -> None:
        self.name = name
        self.most = threads + waiting
        self.inside = 0
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def run(self, work: Callable[[], _T], timeout_s: float) -> _T:
        """What `work` returns. Raises Problem where no place is free, or it takes longer than `timeout_s` and a bit."""
        if self.inside >= self.most:
            raise busy(self.name)
        self.inside += 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        future.add_done_callback(self._left)
        try:
            async with asyncio.timeout(timeout_s + _GRACE_S):
                return await asyncio.shield(future)
        except TimeoutError:
            raise too_long(timeout_s) from None

    def close(self) -> None:
        """Take nothing more; what is at work goes on to its end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _left(self, future: "asyncio.Future[_T]") -> None:
        self.inside -= 1
        if not future.cancelled():
            # who asked may have left: then nobody else looks at it
            future.exception()
