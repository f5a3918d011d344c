"""A pool in an event loop of its own, asked from tests that are not asynchronous."""

import asyncio
import itertools
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from serve.sql.limits import SqlLimits
from serve.sql.pool import SqlPool
from serve.sql.question import Answered, Asked

T = TypeVar("T")

PATIENCE_S = 120
SMALL = SqlLimits(timeout_s=60, memory_bytes=400 * 1024 * 1024, rows=10_000, bytes=4 * 1024 * 1024)
ENDLESS = "SELECT count(*) FROM range(100000000000) t(i) WHERE hash(i) = 1"


class Asking:
    """Starts a pool, and ends it with the `with` block."""

    def __init__(self, lake: Path, limits: SqlLimits = SMALL) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self._ids = itertools.count()
        self.pool = SqlPool(lake, limits, threads=1)

    def __enter__(self) -> "Asking":
        try:
            self.do(self.pool.start())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.do(self.pool.close())
        finally:
            self._end()

    def _end(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """What it returns or raises, in the pool's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE_S)

    def begin(self, sql: str, *, id: str | None = None, who: str = "", **wish: Any) -> "Future[Answered]":
        """A question that is answered meanwhile."""
        name = f"q{next(self._ids)}" if id is None else id
        return asyncio.run_coroutine_threadsafe(self.pool.run(Asked(sql, **wish), name, who), self.loop)

    def ask(self, sql: str, **wish: Any) -> Answered:
        """A question's answer."""
        return self.begin(sql, **wish).result(PATIENCE_S)

    def one(self, sql: str, **wish: Any) -> Any:
        """The first value of an answer."""
        return self.ask(sql, **wish).table.column(0)[0].as_py()
