"""The way to the SQL pool: started once, when the server is, and tried again when that failed."""

import asyncio
from pathlib import Path

from serve.problem import Problem, ending
from serve.served import Served
from serve.sql.limits import SqlLimits
from serve.sql.pool import SqlPool


class SqlDoor:
    """For one event loop."""

    def __init__(self, lake: Path, wish: Served) -> None:
        self._lake = lake
        self._wish = wish
        self._lock = asyncio.Lock()
        self._pool: SqlPool | None = None
        self._warming: asyncio.Task[SqlPool] | None = None
        self._is_closed = False

    def warm(self) -> None:
        """Start the pool in the background; who asks meanwhile waits for it."""
        if self._wish.sql:
            self._warming = asyncio.get_running_loop().create_task(self.pool())
            # whoever asks next is told what went wrong
            self._warming.add_done_callback(lambda task: None if task.cancelled() else task.exception() and None)

    async def pool(self) -> SqlPool:
        """The pool, ready. Raises Problem where the server takes no SQL, SqlFailed where no process can be had."""
        if not self._wish.sql:
            raise Problem(
                403, "no-sql", "this server takes no SQL", "the setting serve_sql is off", "ask a report or a rollup"
            )
        async with self._lock:
            if self._is_closed:
                raise ending()
            if self._pool is None:
                wish = self._wish
                limits = SqlLimits(
                    timeout_s=wish.sql_timeout_s,
                    memory_bytes=wish.sql_memory_bytes,
                    rows=wish.sql_rows,
                    bytes=wish.sql_bytes,
                    children=wish.sql_children,
                )
                pool = SqlPool(self._lake, limits)
                await pool.start()
                self._pool = pool
            return self._pool

    async def close(self) -> None:
        """End all children."""
        self._is_closed = True
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.gather(self._warming, return_exceptions=True)
        async with self._lock:
            if self._pool is not None:
                await self._pool.close()
                self._pool = None
