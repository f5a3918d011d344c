"""Work that several threads want at the same moment, done by one of them."""

import threading
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any, TypeVar

from query.promise import Promise

_T = TypeVar("_T")

PATIENCE_S = 0.25
"""How long a thread waits for another's work before it does its own."""


class SharedWork:
    """Does the work of a key once for all threads that ask for it meanwhile.

    Nobody depends on the thread that is at it: who has waited for `patience_s`, or sees it fail, does the work as
    well. So the work must come to the same whoever does it, and must bear being done twice at a time.
    """

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._running: dict[Hashable, Promise[Any]] = {}

    def do(self, key: Hashable, work: Callable[[], _T]) -> _T:
        """What `work` returns, here or in the thread that is at it. Raises only what `work` raised in this thread."""
        with self._lock:
            ahead = self._running.get(key)
            if ahead is None:
                own = self._running[key] = Promise()
        if ahead is not None:
            with suppress(Exception):
                result: _T = ahead.result(self._patience_s)
                return result
            return work()
        try:
            done = work()
            own.keep(done)
            return done
        except BaseException as error:
            own.fail(error)
            raise
        finally:
            with self._lock:
                del self._running[key]
