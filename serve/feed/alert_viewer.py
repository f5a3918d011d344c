"""One who follows alerts: each change once and in order, from where it stopped when it was here last."""

import re
from collections.abc import Callable
from typing import Any

from query.alerts import Place
from serve.feed.alert_log import AlertLog, Read
from serve.feed.listener import Listener
from serve.feed.panel import event_of
from serve.forms import ENCODER
from serve.problem import Problem, problem_of
from serve.workers import Lane

_ID = re.compile(r"(\d{1,18})(?:-([0-9a-f]{32})-(\d{1,18}))?")


def id_of(place: Place) -> str:
    """The id of an event: the snapshot alone, or with the alert and the number of its change."""
    return f"{place.snapshot}-{place.alert_id}-{place.change}" if place.alert_id else str(place.snapshot)


def place_of(written: str) -> Place | None:
    """The place of such an id; None for what is none."""
    match = _ID.fullmatch(written.strip())
    if match is None:
        return None
    return Place(int(match[1]), match[2] or "", int(match[3] or 0))


class AlertViewer(Listener):
    """Sends `alert` for each change that it `wants`; `reset` where what it had is not in the lake that is there now."""

    def __init__(
        self,
        log: AlertLog,
        lane: Lane,
        is_closed: Callable[[], bool],
        wants: Callable[[dict[str, Any]], bool],
        last_id: str | None,
    ) -> None:
        """`last_id`: of the last event that it has; None begins with what comes next."""
        super().__init__(is_closed)
        self._log, self._lane, self._wants = log, lane, wants
        self._is_back = last_id is not None
        self._had = None if last_id is None else place_of(last_id)
        """The last that it has by its id; None where it has nothing of this lake."""
        self._next = self._had
        """From where changes are read, as far as it has them or further."""
        self._lake, self._snapshot = "", 0
        self._problem = b""

    async def take(self) -> bytes:
        """The next changes, or what is wrong; a part of them where there are many."""
        had, after = self._had, self._next
        try:
            found = await self._lane.run(lambda: self._look(had, after), self._log.timeout_s)
        except Exception as error:
            return self._told(problem_of(error))
        self._problem = b""
        self._lake, self._snapshot = found.lake, found.snapshot
        self._next = found.end
        self._is_woken = self._is_woken or not found.is_whole
        return self._of(found)

    def _look(self, had: Place | None, after: Place | None) -> Read:
        """What comes next; of a lake that it had nothing of, its end. In a thread."""
        if had is None or after is None:
            return self._log.newest()
        found = self._log.after(after)
        is_same = found.lake == self._lake and found.snapshot >= self._snapshot
        return found if is_same or self._log.has(had) else self._log.newest(is_other=True)

    def _of(self, found: Read) -> bytes:
        if found.is_other or self._had is None:
            self._had = found.end
            reset = event_of("reset", ENCODER.encode({"snapshot": found.snapshot}))
            is_reset, self._is_back = self._is_back, True
            return (reset if is_reset else b"") + _id(found.end) + b"\n"
        parts, is_told = [], True
        for place, told in found.changes:
            is_told = self._wants(told)
            self._had = place
            if is_told:
                parts.append(_id(place) + event_of("alert", ENCODER.encode(told)))
        if not is_told:
            parts.append(_id(self._had) + b"\n")
        return b"".join(parts)

    def _told(self, problem: Problem) -> bytes:
        """A problem is told once, until it is over or another one."""
        document = problem.document("")
        del document["request_id"]
        data = ENCODER.encode(document)
        if data == self._problem:
            return b""
        self._problem = data
        return event_of("problem", data)


def _id(place: Place) -> bytes:
    return b"id: " + id_of(place).encode() + b"\n"
