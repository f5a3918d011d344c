"""A run speaks: a live line on a terminal, a log line elsewhere, or JSON for programs, and a last word at its end."""

import threading
from collections.abc import Callable
from typing import Literal

import msgspec

from dataflow.logs import logger
from runtime.live_line import LiveLine
from runtime.look import Look
from runtime.progress import Progress
from runtime.settings import Settings

Manner = Literal["line", "log", "json", "off"]

EVERY_S: dict[Manner, float] = {"line": 1.0, "log": 30.0, "json": 1.0}
"""How often a run is told."""


def manner_of(settings: Settings, *, terminal: bool) -> Manner:
    """How a run is to speak. On one terminal there is one line, so several processes log instead."""
    if settings.quiet:
        return "off"
    if settings.progress == "json":
        return "json"
    alone = settings.processes == 1 and settings.log_format != "json"
    return "line" if settings.progress == "auto" and terminal and alone else "log"


class Speaker:
    """Tells `progress` again and again, on a thread of its own, until `stop`.

    `line` is where a live line goes; `write` takes a line of JSON; `process` is named where there are several.
    """

    def __init__(
        self,
        progress: Progress,
        manner: Manner,
        *,
        line: LiveLine | None = None,
        write: Callable[[str], object] = lambda _text: None,
        process: int | None = None,
        every_s: float | None = None,
    ) -> None:
        self._progress = progress
        self._manner = manner
        self._line = line
        self._write = write
        self._named = {} if process is None else {"process": process}
        self._every_s = EVERY_S.get(manner, 0.0) if every_s is None else every_s
        self._log = logger("run")
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to tell."""
        if self._manner != "off":
            self._thread = threading.Thread(target=self._speak, name="progress", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Tell no more but what the whole run was: a live line becomes that, a program gets a last object."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        whole = self._progress.whole()
        if self._manner == "line" and self._line is not None:
            self._line.show(whole.line(self._line.room()))
            self._line.leave()
        elif self._manner == "json":
            self._json("ended", whole)

    def _speak(self) -> None:
        while not self._ended.wait(self._every_s):
            look = self._progress.look()
            if self._manner == "json":
                self._json("progress", look)
            elif self._manner == "line" and self._line is not None:
                self._line.show(look.line(self._line.room()))
            else:
                self._log.info("progress", **look.fields(), **self._named)

    def _json(self, event: str, look: Look) -> None:
        document = {"event": event, **self._named, **look.fields()}
        self._write(msgspec.json.encode(document).decode() + "\n")
