"""One viewer: heartbeats, and what a reader of the standard makes of its text."""

import asyncio

import pytest

from serve.feed import feed as module
from serve.feed.listener import HEARTBEAT, RETRY
from tests.query.lakes import LakeMaker
from tests.serve.feed.watching import events_of, join, server_of


def test_a_comment_comes_while_nothing_happens(lake: LakeMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_S", 0.05)

    async def play() -> list[bytes]:
        async with server_of(lake.folder) as server:
            watch = join(server, ["d:dead-letters?limit=1"])
            await watch.reached(2)
            pieces = []
            async with asyncio.timeout(30):
                async for piece in watch.viewer.events():
                    pieces.append(piece)
                    if len(pieces) == 3:
                        return pieces
            return []

    first, *beats = asyncio.run(play())
    assert first == RETRY
    assert beats == [HEARTBEAT] * 2
    assert events_of((first + b"".join(beats)).decode()) == []


def test_an_id_comes_in_a_block_of_its_own_once_all_panels_are_as_new(lake: LakeMaker) -> None:
    async def play() -> None:
        async with server_of(lake.folder) as server:
            watch = join(server, ["d:dead-letters?limit=1", "s:schema"])
            await watch.reached(2)
            *events, last = watch.events
            assert [event.id for event in events] == [None] * len(events)
            assert (last.kind, last.data) == ("", None)
            assert {event.data["panel"] for event in events if event.kind == "panel"} == {"d", "s"}

    asyncio.run(play())
