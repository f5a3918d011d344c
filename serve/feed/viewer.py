"""One who watches: the newest state that has not been sent yet, and nothing older."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING

from query.moment import to_ms
from serve.feed.panel import Panel
from serve.forms import ENCODER

if TYPE_CHECKING:
    from serve.feed.feed import Feed

HEARTBEAT_S = 5.0
HEARTBEAT = b": here\n\n"
RETRY = b"retry: 1000\n\n"

_ID = re.compile(r"(\d{1,18})-([0-9a-f]{8})")


class Viewer:
    """Remembers versions alone, so that a slow reader costs no more than a fast one."""

    def __init__(self, feed: "Feed", panels: Mapping[str, Panel], last_id: str | None) -> None:
        self.panels = panels
        self.watched = frozenset(panels.values())
        self._feed = feed
        self._wake = asyncio.Event()
        self._sent: dict[str, int] = {}
        self._newest = 0
        match = _ID.fullmatch(last_id or "")
        self._had = (int(match[1]), match[2]) if match else None
        self._resumes = set(panels) if self._had is not None else set()
        self._id_sent = last_id if match else None

    def wake(self) -> None:
        """There may be something new."""
        self._wake.set()

    async def events(self) -> AsyncIterator[bytes]:
        """What to send, piece by piece, until the feed is closed; each piece is made when the last one is gone."""
        yield RETRY
        while not self._feed.is_closed:
            self._wake.clear()
            piece = self._take()
            if piece:
                yield piece
                continue
            try:
                await asyncio.wait_for(self._wake.wait(), HEARTBEAT_S)
            except TimeoutError:
                yield HEARTBEAT

    def _take(self) -> bytes:
        """All that was not sent yet, as one piece."""
        newest, now_ms = self._feed.newest, to_ms(self._feed.clock())
        parts: list[bytes] = []
        if newest is not None and newest.number != self._newest:
            self._newest = newest.number
            sent = b',"sent_at_ms":%d}' % now_ms if newest.event == "snapshot" else b"}"
            parts.append(_event(newest.event, newest.data[:-1] + sent))
        is_late = False
        for name, panel in self.panels.items():
            if panel.version == self._sent.get(name, 0) or panel.seen is None:
                continue
            self._sent[name] = panel.version
            if not self._has(name, panel):
                parts.append(_event(panel.seen.event, b'{"panel":' + ENCODER.encode(name) + b"," + panel.seen.data[1:]))
                is_late = is_late or not panel.by_clock
        if is_late and newest is not None and newest.committed_ms is not None:
            self._feed.figures.delivery_seconds.observe(max(0, now_ms - newest.committed_ms) / 1000)
        parts += self._reached()
        return b"".join(parts)

    def _reached(self) -> list[bytes]:
        """The id of the newest snapshot, once all panels are as of it; an event of its own that nobody sees."""
        newest = self._feed.newest
        if newest is None or newest.id < 0:
            return []
        for panel in self.panels.values():
            if panel.question.as_of is None and (panel.seen is None or panel.seen.token != newest.token):
                return []
        id_ = f"{newest.id}-{newest.lake}"
        if id_ == self._id_sent:
            return []
        self._id_sent = id_
        return [b"id: " + id_.encode() + b"\n\n"]

    def _has(self, name: str, panel: Panel) -> bool:
        """Whether it had this content before it came back."""
        if name not in self._resumes or self._had is None or panel.seen is None:
            return False
        self._resumes.discard(name)
        number, lake = self._had
        if lake != panel.seen.lake or number > panel.seen.id or panel.seen.event != "panel":
            return False
        return panel.since < number or (panel.since == number and not panel.by_clock)


def _event(event: str, data: bytes) -> bytes:
    return b"event: " + event.encode() + b"\ndata: " + data + b"\n\n"
