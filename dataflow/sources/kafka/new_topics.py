"""Topics that match a pattern and were not there when reading began: looked for while reading."""

import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future

from dataflow.sources.kafka.topic_choice import TopicChoice


class NewTopics:
    """Asks for the names of all topics every `every_seconds`, on a thread of its own, where a pattern is given."""

    def __init__(
        self,
        choice: TopicChoice,
        known: Collection[str],
        ask: Callable[[], Collection[str]],
        monotonic: Callable[[], float],
        every_seconds: float,
    ) -> None:
        """`known`: those that are read; `ask()` gives all that can be read now, or raises where nobody answers."""
        self._choice = choice
        self._known = frozenset(known)
        self._ask = ask
        self._monotonic = monotonic
        self._every_seconds = every_seconds
        self._next = monotonic() + every_seconds
        self._asked: Future[Collection[str]] | None = None
        self._lock = threading.Lock()
        self.found: list[str] = []
        """Those that match and are not read, in name order."""

    def look(self) -> None:
        """Take in an answer that has come, ask again when it is time. Returns at once, on any thread."""
        if not self._choice.patterns or not self._lock.acquire(blocking=False):
            return
        try:
            if self._asked is not None and self._asked.done():
                asked, self._asked = self._asked, None
                if asked.exception() is None:
                    there = set(self._choice.among(asked.result())) - set(self._choice.names)
                    self.found = sorted(there - self._known)
            if self._asked is None and self._monotonic() >= self._next:
                self._next = self._monotonic() + self._every_seconds
                self._asked = Future()
                threading.Thread(
                    target=_answer, args=(self._ask, self._asked), name="kafka-topics", daemon=True
                ).start()
        finally:
            self._lock.release()


def _answer(ask: Callable[[], Collection[str]], asked: "Future[Collection[str]]") -> None:
    try:
        asked.set_result(ask())
    except Exception as error:
        # it is asked again
        asked.set_exception(error)
