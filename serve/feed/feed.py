"""The change feed of one server: who watches which panels, and what they are told when."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from query.moment import to_ms
from serve.answers import Answers, snapshot_of
from serve.ask.question import Question
from serve.feed.listener import Listener
from serve.feed.panel import Panel, lake_mark
from serve.feed.viewer import Viewer
from serve.feed.watcher import Watcher
from serve.figures import Figures
from serve.forms import ENCODER
from serve.lake import LakeAt, ServedLake
from serve.problem import Problem, busy, problem_of
from serve.workers import Lane

VIEWERS = 2_000
PANELS = 256
"""So many distinct panels are computed at each commit, at most."""

TOGETHER_S = 0.005
"""Panels that change within so short a time are sent together."""

HEARTBEAT_S = 2.5
"""Who hears nothing for so long is sent a comment within as long again."""

_LOOK_TIMEOUT_S = 10.0


class Newest(NamedTuple):
    """The newest snapshot, as an event tells it; a problem where there is none. `number` counts changes."""

    number: int
    event: str
    data: bytes
    token: str
    lake: str
    id: int
    committed_ms: int | None


class Feed:
    """For use in one event loop. Nothing is looked at while nobody watches."""

    def __init__(
        self, lake: ServedLake, answers: Answers, lane: Lane, figures: Figures, clock: Callable[[], datetime]
    ) -> None:
        self._lake, self._answers, self._lane, self.figures = lake, answers, lane, figures
        self.clock = clock
        self.newest: Newest | None = None
        self.is_closed = False
        self._viewers: set[Listener] = set()
        self._panels: dict[object, Panel] = {}
        self._watcher: Watcher | None = None
        self._due: set[Listener] = set()
        self._sending: asyncio.TimerHandle | None = None
        self._beating: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._look_again = False

    def join(self, panels: Mapping[str, tuple[object, Question]], last_id: str | None) -> Viewer:
        """A new viewer of these panels: by the viewer's own names, each with what tells it from others.

        `last_id` is the id of the last event that it has. Raises Problem where there is no place.
        """
        self._require_place()
        fresh = {key for key, _ in panels.values()} - self._panels.keys()
        if len(self._panels) + len(fresh) > PANELS:
            raise busy("the change feed's list of distinct panels")
        watched = {name: self._watched(key, question) for name, (key, question) in panels.items()}
        viewer = Viewer(self, watched, last_id)
        self._enter(viewer)
        return viewer

    def follow(self, listener: Listener) -> None:
        """From now on `listener` is woken at each commit. Raises Problem where there is no place."""
        self._require_place()
        self._enter(listener)

    def leave(self, listener: Listener) -> None:
        """Forget a viewer, and the panels that nobody else watches."""
        if listener not in self._viewers:
            return
        self._viewers.discard(listener)
        self._due.discard(listener)
        for panel in listener.watched:
            panel.viewers -= 1
        for key in [key for key, panel in self._panels.items() if panel.viewers <= 0]:
            self._panels.pop(key).stop()
        if not self._viewers:
            self._end()
        self._count()

    def close(self) -> None:
        """End all feeds; their connections close."""
        self.is_closed = True
        for panel in self._panels.values():
            panel.stop()
        for viewer in self._viewers:
            viewer.wake()
        self._end()

    def _require_place(self) -> None:
        if self.is_closed or len(self._viewers) >= VIEWERS:
            raise busy("the change feed")

    def _enter(self, listener: Listener) -> None:
        self._viewers.add(listener)
        if self._watcher is None:
            self._begin()
        self._count()

    def _watched(self, key: object, question: Question) -> Panel:
        panel = self._panels.get(key)
        if panel is None:
            panel = Panel(question, self._lake, self._answers, self._lane, self.figures, self._changed, key)
            self._panels[key] = panel
            panel.start()
        panel.viewers += 1
        return panel

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()

        def tell() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._look_soon)

        self._lake.hear(tell)
        self._watcher = Watcher(self._lake.folder, tell)
        self._watcher.start()
        self._beating = loop.create_task(self._beat())

    def _end(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher = None
        if self._beating is not None:
            self._beating.cancel()
            self._beating = None
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None
        self._due.clear()
        # what is known grows old while nobody looks
        self.newest = None

    def _look_soon(self) -> None:
        if self._watcher is None:
            return
        if self._looking is not None and not self._looking.done():
            self._look_again = True
            return
        self._looking = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        while True:
            self._look_again = False
            try:
                at = await self._lane.run(self._lake.at, _LOOK_TIMEOUT_S)
                self._tell(self._of_snapshot(at))
            except Exception as error:
                self._tell(self._of_problem(problem_of(error)))
            if not self._look_again:
                return

    def _of_snapshot(self, at: LakeAt) -> Newest:
        committed_ms = to_ms(at.snapshot.time)
        data = ENCODER.encode({**snapshot_of(at), "committed_at_ms": committed_ms})
        self.figures.snapshot.set(at.snapshot.id)
        return Newest(0, "snapshot", data, at.token, lake_mark(at), at.snapshot.id, committed_ms)

    def _of_problem(self, problem: Problem) -> Newest:
        document = {"panel": None, **problem.document("")}
        del document["request_id"]
        return Newest(0, "problem", ENCODER.encode(document), "", "", -1, None)

    def _tell(self, newest: Newest) -> None:
        known = self.newest
        if known is not None and (known.token, known.data) == (newest.token, newest.data):
            return
        self.newest = newest._replace(number=1 if known is None else known.number + 1)
        for panel in self._panels.values():
            panel.commit()
        for viewer in self._viewers:
            viewer.wake()

    def _changed(self, panel: Panel, is_new: bool) -> None:
        for viewer in self._viewers:
            if panel in viewer.watched and (is_new or viewer.waits_for_id):
                self._due.add(viewer)
        if self._due and self._sending is None:
            self._sending = asyncio.get_running_loop().call_later(TOGETHER_S, self._send)

    def _send(self) -> None:
        """Wake those for whom panels have changed: all that came in one moment go out as one piece."""
        self._sending = None
        due, self._due = self._due, set()
        for viewer in due:
            viewer.wake()

    async def _beat(self) -> None:
        """From time to time every viewer hears something, so that it knows that the connection lives."""
        while True:
            pieces = {viewer: viewer.pieces for viewer in self._viewers}
            await asyncio.sleep(HEARTBEAT_S)
            for viewer in self._viewers:
                if pieces.get(viewer) == viewer.pieces:
                    viewer.beat()

    def _count(self) -> None:
        self.figures.viewers.set(len(self._viewers))
        self.figures.panels.set(len(self._panels))
