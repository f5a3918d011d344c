"""A board: panels under a title, and what the page is told of it."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Panel(NamedTuple):
    """One panel. `kind` is one of `serve.boards.panel_kinds.KINDS`; `values`: its other keys, as JSON values."""

    kind: str
    title: str
    values: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """{kind, title, and its other keys}."""
        return {"kind": self.kind, "title": self.title, **self.values}


class Board(NamedTuple):
    """One tab of the page. `last`: the time range that it opens with. `is_made`: from the rollups, not from a file.

    `mistakes`: all of its file, each with the key and the fix; it has no panels then, and its file's name for a title.
    """

    name: str
    title: str
    panels: tuple[Panel, ...]
    help: str = ""
    last: str = "1h"
    is_made: bool = False
    mistakes: tuple[str, ...] = ()

    def line(self) -> dict[str, Any]:
        """Its line in the list of boards; `mistake` is the first one of its file, or null."""
        mistake = self.mistakes[0] if self.mistakes else None
        return {"name": self.name, "title": self.title, "help": self.help, "mistake": mistake}

    def to_json(self) -> dict[str, Any]:
        """All that the page needs to draw it."""
        panels = [panel.to_json() for panel in self.panels]
        told = {"name": self.name, "title": self.title, "help": self.help}
        return {**told, "last": self.last, "made": self.is_made, "panels": panels}
