"""One who watches: the newest state that has not been sent yet, and nothing older."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from query.moment import to_ms
from serve.feed.listener import Listener
from serve.feed.panel import Panel, event_of

if TYPE_CHECKING:
    from serve.feed.feed import Feed

_ID = re.compile(r"\d{1,18}-((?:[0-9a-f]{12}){1,64})")
"""A snapshot, which people can read, and the mark of each panel's content."""


class Viewer(Listener):
    """Remembers versions alone, so that a slow reader costs no more than a fast one."""

    def __init__(self, feed: "Feed", panels: Mapping[str, Panel], last_id: str | None) -> None:
        super().__init__(lambda: feed.is_closed)
        self.panels = panels
        self.watched = frozenset(panels.values())
        self._feed = feed
        self._sent: dict[str, int] = {}
        self._newest = 0
        match = _ID.fullmatch(last_id or "")
        self._had = frozenset(re.findall(".{12}", match[1])) if match else frozenset()
        self._resumes = set(panels) if match else set()
        self._id_sent = last_id if match else None

    @property
    def waits_for_id(self) -> bool:
        """Whether all its panels are as of the newest snapshot, and it was not told so."""
        return bool(self._reached_id())

    async def take(self) -> bytes:
        """All that was not sent yet, as one piece."""
        newest, now_ms = self._feed.newest, to_ms(self._feed.clock())
        parts: list[bytes] = []
        if newest is not None and newest.number != self._newest:
            self._newest = newest.number
            sent = b',"sent_at_ms":%d}' % now_ms if newest.event == "snapshot" else b"}"
            parts.append(event_of(newest.event, newest.data[:-1] + sent))
        is_late = False
        for name, panel in self.panels.items():
            if panel.version == self._sent.get(name, 0) or panel.seen is None:
                continue
            self._sent[name] = panel.version
            if not self._has(name, panel):
                parts.append(panel.event(name))
                is_late = is_late or not panel.by_clock
        if is_late and newest is not None and newest.committed_ms is not None:
            self._feed.figures.delivery_seconds.observe(max(0, now_ms - newest.committed_ms) / 1000)
        parts += self._reached()
        return b"".join(parts)

    def _reached(self) -> list[bytes]:
        """The id of the newest snapshot, once all panels are as of it; an event of its own that nobody sees."""
        id_ = self._reached_id()
        if not id_:
            return []
        self._id_sent = id_
        return [b"id: " + id_.encode() + b"\n\n"]

    def _reached_id(self) -> str:
        newest = self._feed.newest
        if newest is None or newest.id < 0:
            return ""
        for panel in self.watched:
            if panel.question.as_of is None and (panel.seen is None or panel.seen.token != newest.token):
                return ""
        id_ = f"{newest.id}-{''.join(panel.mark(name) for name, panel in self.panels.items())}"
        return "" if id_ == self._id_sent else id_

    def _has(self, name: str, panel: Panel) -> bool:
        """Whether it had this very content before it came back; a problem is told again."""
        if name not in self._resumes or panel.seen is None:
            return False
        self._resumes.discard(name)
        return panel.seen.event == "panel" and panel.mark(name) in self._had
