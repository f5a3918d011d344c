"""The pool: questions come in, children answer them, and nothing that one does is felt by another."""

import asyncio
import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from dataflow.errors import QueryError, SqlBusy, SqlCancelled, SqlFailed, SqlRefused, SqlTooMuch
from serve.sql.child import Child
from serve.sql.crew import Crew
from serve.sql.limits import SqlLimits
from serve.sql.orders import Order
from serve.sql.outcome import CANCELLED, answered, error_of
from serve.sql.place import Place
from serve.sql.question import Answered, Asked
from serve.sql.received import most_bytes
from serve.sql.snapshots import Snapshots
from serve.sql.turns import Ticket, Turns
from serve.sql.wall import Standing

_T = TypeVar("_T")

PATIENCE_S = 5.0
"""So long a question waits for its turn."""

_MOVES = 5
"""So often a question begins anew since a compaction has removed its files meanwhile."""


class SqlPool:
    """Answers SELECTs over the lake in `lake`, each in one of `limits.children` processes behind walls.

    For one event loop, the one in which it was started. Every question sees the newest snapshot, or that which it
    names; what it may take stands in SqlLimits. `threads`: what each child computes with, None for its share of the
    machine.
    """

    def __init__(self, lake: str | Path, limits: SqlLimits | None = None, *, threads: int | None = None) -> None:
        self.limits = limits or SqlLimits()
        self._snapshots = Snapshots(Path(lake))
        self._turns = Turns(self.limits.children)
        self._crew = Crew(self.limits, threads or max(1, (os.cpu_count() or 1) // self.limits.children))
        self._works: dict[str, _Work] = {}
        self._threads: ThreadPoolExecutor | None = None

    async def start(self) -> None:
        """Start the children, and wait until they are warm. Raises SqlFailed when there can be none.

        A lake that is not there yet is no error here: the first question will say so.
        """
        # one thread for each child, and one for each that is being made; children end with the thread that made them
        self._threads = ThreadPoolExecutor(2 * self.limits.children, thread_name_prefix="sql")
        warmed = [self._in_thread(lambda: self._crew.warm(self._place)) for _ in range(self.limits.children)]
        failed = [each for each in await asyncio.gather(*warmed, return_exceptions=True) if each is not None]
        if failed:
            await self.close()
            raise failed[0]

    async def close(self) -> None:
        """End all children. Questions that are being answered, or wait, end with SqlCancelled."""
        threads, self._threads = self._threads, None
        for work in [*self._works.values()]:
            work.cancel()
        while self._works:
            await asyncio.sleep(0.01)
        if threads is not None:
            await asyncio.get_running_loop().run_in_executor(None, self._end, threads)

    async def run(self, asked: Asked, id: str, who: str = "") -> Answered:
        """Answer one SELECT. `id` is what `cancel` knows it by, `who` the client, who cannot have all children.

        Raises QueryError: SqlRefused, SqlTooLong, SqlTooMuch, SqlBusy, SqlCancelled, SqlFailed, or itself with the
        engine's message; LakeError where there is no lake or no such snapshot. Cancelling the task, as when the
        client has gone, stops the question.
        """
        self._require_asked(asked, id)
        work = self._works[id] = _Work(asked, self.limits)
        try:
            ticket = await self._turn(work, who)
        except BaseException:
            del self._works[id]
            raise

        def over(done: "asyncio.Future[Answered] | None" = None) -> None:
            del self._works[id]
            self._turns.free(ticket)
            if done is not None and not done.cancelled():
                # nobody may be left who asks for it
                done.exception()

        try:
            answer = self._in_thread(lambda: self._answer(work))
        except BaseException:
            over()
            raise
        answer.add_done_callback(over)
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            work.cancel()
            raise

    async def cancel(self, id: str) -> bool:
        """Stop the question with this id, which then ends with SqlCancelled; whether there is one."""
        work = self._works.get(id)
        if work is not None:
            work.cancel()
        return work is not None

    def describe(self) -> list[Standing]:
        """All walls, and whether each stands on this machine; empty before there was a child to tell."""
        return list(self._crew.walls)

    def pids(self) -> list[int]:
        """The process ids of the children."""
        return self._crew.pids()

    def _require_asked(self, asked: Asked, id: str) -> None:
        most = self.limits.text_bytes
        try:
            length = len(asked.sql.encode()) + len(json.dumps(asked.parameters, default=str))
        except (ValueError, RecursionError, TypeError) as error:
            raise SqlRefused(f"the question or its parameters cannot be read ({error}): send plain text") from error
        if length > most:
            raise SqlTooMuch(
                f"the question has {length:,} bytes with its parameters, and may have {most:,}: ask for less at once"
            )
        if "\0" in asked.sql:
            raise SqlRefused("the question holds a character of value 0: leave it out")
        if (asked.rows is not None and asked.rows < 0) or (asked.timeout_s is not None and not asked.timeout_s > 0):
            raise SqlRefused("rows must be 0 or more, and timeout_s more than 0")
        if id in self._works:
            raise SqlRefused(f"a question with the id {id!r} is being answered: give each one of its own")

    async def _turn(self, work: "_Work", who: str) -> Ticket:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        ticket = Ticket(who, lambda: _tell(turn, None))
        work.waits(lambda: _tell(turn, SqlCancelled(CANCELLED)))
        self._turns.ask(ticket)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await turn
        except BaseException as error:
            if not self._turns.leave(ticket):
                self._turns.free(ticket)
            if isinstance(error, TimeoutError):
                raise SqlBusy(
                    f"all {self.limits.children} processes that answer are busy for {PATIENCE_S:g} s now: ask again in "
                    "a moment, or let the server answer more at once (serve_sql_children)",
                    PATIENCE_S,
                ) from None
            raise
        return ticket

    def _in_thread(self, work: Callable[[], _T]) -> "asyncio.Future[_T]":
        if self._threads is None:
            raise SqlCancelled("the server is ending, or has not begun: ask again in a moment")
        return asyncio.get_running_loop().run_in_executor(self._threads, work)

    # what follows runs in the pool's threads

    def _place(self) -> Place:
        return self._snapshots.place(self._snapshots.resolve(None))

    def _later(self, work: Callable[[], None]) -> None:
        threads = self._threads
        # at the end nobody needs it
        with suppress(RuntimeError):
            if threads is not None:
                threads.submit(work)

    def _answer(self, work: "_Work") -> Answered:
        resolved = self._snapshots.resolve(work.asked.as_of)
        for _ in range(_MOVES):
            place = self._snapshots.place(resolved)
            with self._crew.child(lambda place=place: place, self._later) as child:  # type: ignore[misc]  # a default binds the loop's value
                try:
                    work.at(child)
                    said = child.ask(resolved, work.order, work.timeout_s, most_bytes(self.limits.bytes))
                    if said.end.get("error") is None:
                        return answered(said, resolved, work.order.rows, self.limits)
                except SqlFailed:
                    child.is_good = False
                    raise
                finally:
                    work.left()
            if said.end["error"] != "moved":
                raise error_of(said, work.timeout_s, self.limits, is_cancelled=work.is_cancelled)
            resolved = self._snapshots.again(work.asked.as_of, resolved)
        raise QueryError(f"{said.end.get('message') or 'files of the snapshot are gone'}\nAsk again")

    def _end(self, threads: ThreadPoolExecutor) -> None:
        self._crew.close()
        threads.shutdown(cancel_futures=True)
        self._crew.close()
        self._snapshots.close()


class _Work:
    """One question from `run` to its end, which may be stopped from any thread."""

    def __init__(self, asked: Asked, limits: SqlLimits) -> None:
        self.asked = asked
        rows = limits.rows if asked.rows is None else min(asked.rows, limits.rows)
        self.order = Order(asked.sql, asked.parameters, rows, limits.bytes)
        self.timeout_s = limits.timeout_s if asked.timeout_s is None else min(asked.timeout_s, limits.timeout_s)
        self.is_cancelled = False
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._end_wait: Callable[[], None] = lambda: None

    def waits(self, end_wait: Callable[[], None]) -> None:
        """What ends its wait for its turn."""
        self._end_wait = end_wait

    def at(self, child: Child) -> None:
        """The child that is about to be asked. Raises SqlCancelled."""
        with self._lock:
            if self.is_cancelled:
                raise SqlCancelled(CANCELLED)
            child.renew()
            self._child = child

    def left(self) -> None:
        """No child is at it any more."""
        with self._lock:
            self._child = None

    def cancel(self) -> None:
        """Stop it, wherever it is. In the event loop."""
        with self._lock:
            self.is_cancelled = True
            if self._child is not None:
                self._child.stop()
        self._end_wait()


def _tell(turn: "asyncio.Future[None]", error: SqlCancelled | None) -> None:
    """The turn has come, or there will be none; what was told first holds."""
    if not turn.done():
        if error is None:
            turn.set_result(None)
        else:
            turn.set_exception(error)
