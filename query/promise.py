"""A result that one thread waits for and another one has."""

import threading
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Promise(Generic[_T]):
    """Kept once, by `keep` or `fail`. A `concurrent.futures.Future` for one thread alone, without the import of logs
    that comes with it.
    """

    def __init__(self) -> None:
        self._told = threading.Event()
        self._values: list[_T] = []
        self._error: BaseException | None = None

    def keep(self, value: _T) -> None:
        """Wake those who wait: this is it."""
        self._values.append(value)
        self._told.set()

    def fail(self, error: BaseException) -> None:
        """Wake those who wait: they see this error instead."""
        self._error = error
        self._told.set()

    def is_told(self) -> bool:
        """Whether it was kept, or failed."""
        return self._told.is_set()

    def result(self, patience_s: float | None = None) -> _T:
        """The value, once it is there. Raises the error it failed with, and TimeoutError after `patience_s`."""
        if not self._told.wait(patience_s):
            raise TimeoutError
        if self._error is not None:
            raise self._error
        return self._values[0]
