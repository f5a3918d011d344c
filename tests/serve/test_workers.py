"""Lanes: so many at a time, so many waiting, and a time for each."""

import asyncio
import threading

import pytest

from serve.problem import Problem
from serve.workers import Lane


def test_who_finds_no_place_is_told_so_and_the_others_go_on() -> None:
    async def play() -> list[object]:
        lane, go = Lane("few", 1, 1), threading.Event()
        inside = [asyncio.ensure_future(lane.run(lambda: go.wait(30), 30)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Problem) as refused:
            await lane.run(lambda: True, 30)
        go.set()
        found: list[object] = [refused.value.kind, *await asyncio.gather(*inside), lane.inside]
        found.append(await lane.run(lambda: "again", 30))
        lane.close()
        return found

    assert asyncio.run(play()) == ["busy", True, True, 0, "again"]


def test_who_waits_too_long_gives_up_and_the_place_is_free_when_the_work_ends() -> None:
    async def play() -> None:
        lane, go = Lane("slow", 1, 0), threading.Event()
        with pytest.raises(Problem) as late:
            await lane.run(lambda: go.wait(30), -0.9)
        assert late.value.kind == "too-long"
        assert lane.inside == 1
        go.set()
        while lane.inside:
            await asyncio.sleep(0.01)
        lane.close()

    asyncio.run(play())


def test_what_work_raises_is_raised() -> None:
    async def play() -> None:
        lane = Lane("one", 1, 0)
        with pytest.raises(KeyError):
            await lane.run(lambda: dict[str, int]()["x"], 30)
        lane.close()

    asyncio.run(play())
