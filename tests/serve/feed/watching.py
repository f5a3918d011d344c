"""A feed over a real lake in a loop of its own, and events as a client reads them."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from serve.api.server import Server
from serve.api.stream_route import panels_of
from serve.feed.listener import Listener
from serve.served import Served
from tests.serve.served_lake import ADS

PATIENCE_S = 120.0


class Event(NamedTuple):
    """One event; `kind` is "" for what only carries an id or a comment."""

    kind: str
    data: Any
    id: str | None


def events_of(text: str) -> list[Event]:
    """The events of a stream's text, by the rules of the standard."""
    found = []
    for block in text.split("\n\n"):
        fields: dict[str, str] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        data = fields.get("data")
        if data is not None or "id" in fields:
            found.append(Event(fields.get("event", ""), None if data is None else json.loads(data), fields.get("id")))
    return found


class Watch:
    """One viewer's connection: what came so far."""

    def __init__(self, viewer: Listener) -> None:
        self.viewer = viewer
        self.events: list[Event] = []
        self._pieces = viewer.events()

    async def until(self, wanted: Any) -> Event:
        """Read on until an event for which `wanted` is true; that event."""
        for event in self.events:
            if wanted(event):
                return event
        async with asyncio.timeout(PATIENCE_S):
            async for piece in self._pieces:
                new = events_of(piece.decode())
                self.events += new
                for event in new:
                    if wanted(event):
                        return event
        raise AssertionError("the feed has ended")

    async def panel(self, name: str, **content: Any) -> Event:
        """The next panel event of this name with this content."""
        return await self.until(
            lambda event: (
                event.kind == "panel"
                and event.data["panel"] == name
                and all(event.data[key] == value for key, value in content.items())
            )
        )

    async def reached(self, number: int) -> str:
        """Read on until all is as of snapshot `number` or a later one; the id."""
        event = await self.until(lambda event: event.id is not None and int(event.id.partition("-")[0]) >= number)
        assert event.id is not None
        return event.id

    async def quiet(self, seconds: float) -> list[Event]:
        """What comes within so many seconds."""
        new: list[Event] = []
        try:
            async with asyncio.timeout(seconds):
                async for piece in self._pieces:
                    new += events_of(piece.decode())
        except TimeoutError:
            self._pieces = self.viewer.events()
        self.events += new
        return new


@asynccontextmanager
async def server_of(folder: Path) -> AsyncIterator[Server]:
    """A server over the lake in `folder`, in this loop."""
    server = Server.over(folder, ADS, Served(sql=False), lambda: datetime.now(UTC))
    await server.start()
    try:
        yield server
    finally:
        await server.close()


def join(server: Server, panels: Iterable[str], last_id: str | None = None) -> Watch:
    """A new viewer of panels as they are written in a query string."""
    return Watch(server.feed.join(panels_of(list(panels)), last_id))
