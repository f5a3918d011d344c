"""The change feed over a real lake: what viewers are told, once, newest only, and forgotten when they leave."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from serve.problem import Problem
from sinks.lake.catalog.sqlite import CATALOG_NAME
from tests.query.lakes import LakeMaker, clicks
from tests.serve.feed.watching import Watch, join, server_of
from tests.serve.served_lake import fill

TOTAL = "t:reports/ad_clicks_1m?total=true&group=&last=1d"
OF_Z = "z:reports/ad_clicks_1m?total=true&key.ad_id=z&last=1d"
DEAD = "d:dead-letters?limit=1"


def copied(catalog: Path, to: Path) -> None:
    """Put a copy of a catalog into the place of another, as a backup is put back where it lies."""
    with closing(sqlite3.connect(catalog)) as given, closing(sqlite3.connect(to)) as place:
        given.backup(place)


def one(lake: LakeMaker, n: int = 4) -> int:
    return lake.commit({"ad_clicks_1m_delta": [clicks("z", 7, n)]})


def test_a_commit_reaches_its_viewers_and_only_changed_panels_are_sent(lake: LakeMaker) -> None:
    async def play() -> None:
        async with server_of(lake.folder) as server:
            watch = join(server, [TOTAL, OF_Z, DEAD])
            await watch.reached(2)
            assert {event.data["panel"] for event in watch.events if event.kind == "panel"} == {"t", "z", "d"}
            first = len(watch.events)
            one(lake)
            await watch.reached(3)
            new = watch.events[first:]
            (told,) = [event.data for event in new if event.kind == "snapshot"]
            assert (told["id"], told["committed_at_ms"] <= told["sent_at_ms"]) == (3, True)
            assert {event.data["panel"] for event in new if event.kind == "panel"} == {"t", "z"}
            found = (await watch.panel("z", rows=1)).data
            assert (found["data"][1], found["snapshot"]["id"]) == ([4], 3)
            assert [column["name"] for column in found["columns"]][:2] == ["ad_id", "clicks"]

    asyncio.run(play())


def test_equal_panels_of_many_viewers_are_computed_once_a_commit(
    lake: LakeMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play() -> None:
        async with server_of(lake.folder) as server:
            watches = [join(server, [f"p{number}:{TOTAL[2:]}"]) for number in range(20)]
            for watch in watches:
                await watch.reached(2)
            made: list[object] = []
            answer = server.answers.found

            def counted(*asked: Any, **how: Any) -> Any:
                made.append(asked)
                return answer(*asked, **how)

            monkeypatch.setattr(server.answers, "found", counted)
            one(lake)
            for number, watch in enumerate(watches):
                await watch.reached(3)
                assert watch.events[-1].id is not None
                assert [event.data["panel"] for event in watch.events if event.kind == "panel"] == [f"p{number}"] * 2
            assert len(made) == 1

    asyncio.run(play())


def test_who_comes_back_is_sent_only_what_changed_since(lake: LakeMaker) -> None:
    async def play() -> None:
        async with server_of(lake.folder) as server:
            stays, leaves = join(server, [OF_Z, DEAD, TOTAL]), join(server, [OF_Z, DEAD])
            last = await leaves.reached(2)
            await stays.reached(2)
            server.feed.leave(leaves.viewer)
            one(lake)
            await stays.reached(3)
            back = join(server, [OF_Z, DEAD], last)
            await back.reached(3)
            assert [event.data["panel"] for event in back.events if event.kind == "panel"] == ["z"]
            again = join(server, [OF_Z, DEAD], await back.reached(3))
            assert [event.kind for event in await again.quiet(0.5) if event.kind == "panel"] == []
            for strange in ("3-000000000000", "3-00000000", last[:-1], "nonsense", "3"):
                other = join(server, [OF_Z, DEAD], strange)
                await other.reached(3)
                assert len([event for event in other.events if event.kind == "panel"]) == 2, strange

    asyncio.run(play())


def of_panels(watch: Watch) -> list[str]:
    return [event.data["panel"] for event in watch.events if event.kind == "panel"]


def test_who_comes_back_to_another_server_is_spared_the_same(lake: LakeMaker, tmp_path: Path) -> None:
    backup = tmp_path / "backup.sqlite"
    copied(lake.folder / CATALOG_NAME, backup)

    async def play() -> None:
        async with server_of(lake.folder) as server:
            last = await join(server, [OF_Z, DEAD]).reached(2)
        async with server_of(lake.folder) as server:
            back = join(server, [OF_Z, DEAD], last)
            assert [event.kind for event in await back.quiet(1)] == ["snapshot"]
            last = await back.reached(one(lake))
            assert of_panels(back) == ["z"]
        # the catalog is put back, and goes on to the same number with another content
        copied(backup, lake.folder / CATALOG_NAME)
        one(lake, 9)
        async with server_of(lake.folder) as server:
            back = join(server, [OF_Z, DEAD], last)
            assert (await back.reached(3)).startswith("3-")
            assert of_panels(back) == ["z"]
            assert back.events[1].data["data"][1] == [9]

    asyncio.run(play())


def test_what_the_clock_changed_while_nobody_watched_is_sent(lake: LakeMaker) -> None:
    async def play() -> None:
        async with server_of(lake.folder) as server:
            first = join(server, ["s:status", DEAD])
            last = await first.reached(2)
            server.feed.leave(first.viewer)
            await asyncio.sleep(1.1)
            back = join(server, ["s:status", DEAD], last)
            await back.panel("s")
            assert of_panels(back) == ["s"]

    asyncio.run(play())


def test_a_slow_reader_gets_the_newest_state_and_not_every_one(lake: LakeMaker) -> None:
    async def play() -> None:
        async with server_of(lake.folder) as server:
            slow, quick = join(server, [OF_Z]), join(server, [OF_Z])
            await slow.reached(2)
            await quick.reached(2)
            for _ in range(5):
                await quick.reached(one(lake, 10))
            seen = len(slow.events)
            await slow.reached(7)
            new = slow.events[seen:]
            assert [(event.kind, event.data and event.data.get("rows")) for event in new if event.kind == "panel"] == [
                ("panel", 1)
            ]
            assert len([event for event in new if event.kind == "snapshot"]) == 1
            assert new[-1].id is not None
            assert (await slow.panel("z", rows=1)).data["data"][1] == [50]

    asyncio.run(play())


def test_who_leaves_is_forgotten_and_nothing_is_watched_for_nobody(lake: LakeMaker) -> None:
    async def play() -> None:
        async with server_of(lake.folder) as server:
            feed = server.feed
            one_, other = join(server, [TOTAL, OF_Z]), join(server, [TOTAL])
            await one_.reached(2)
            assert (len(feed._viewers), len(feed._panels)) == (2, 2)
            feed.leave(one_.viewer)
            feed.leave(one_.viewer)
            assert (len(feed._viewers), len(feed._panels)) == (1, 1)
            await other.reached(2)
            feed.leave(other.viewer)
            assert (len(feed._viewers), len(feed._panels), feed._watcher) == (0, 0, None)
            again = join(server, [TOTAL])
            await again.reached(2)

    asyncio.run(play())


def test_a_panel_that_is_wrong_is_told_and_the_others_go_on(lake: LakeMaker) -> None:
    async def play() -> None:
        async with server_of(lake.folder) as server:
            watch = join(server, ["x:reports/nothing", OF_Z])
            await watch.panel("z")
            told = await watch.until(lambda event: event.kind == "problem")
            assert (told.data["panel"], told.data["status"], told.data["type"]) == (
                "x", 404, "urn:tidemill:problem:report-unknown",
            )  # fmt: skip
            one(lake)
            await watch.panel("z", rows=1)

    asyncio.run(play())


def test_the_feed_waits_for_a_lake_and_follows_another_one_to_its_place(tmp_path: Path) -> None:
    with LakeMaker(tmp_path / "later") as maker:
        fill(maker)
        one(maker)
    with LakeMaker(tmp_path / "other") as maker:
        fill(maker)

    async def play() -> None:
        async with server_of(tmp_path / "lake") as server:
            watch = join(server, [OF_Z])
            told = await watch.until(lambda event: event.kind == "problem" and event.data["panel"] == "z")
            assert "tidemill run" in told.data["hint"]
            (tmp_path / "later").rename(tmp_path / "lake")
            first = await watch.reached(3)
            assert (await watch.panel("z", rows=1)).data["data"][1] == [4]
            (tmp_path / "lake").rename(tmp_path / "gone")
            (tmp_path / "other").rename(tmp_path / "lake")
            await watch.panel("z", rows=0)
            second = await watch.until(lambda event: event.id is not None and event.id.startswith("2-"))
            assert second.id is not None
            assert first.partition("-")[2] != second.id.partition("-")[2]

    asyncio.run(play())


def test_a_catalog_that_is_put_back_in_its_place_is_followed(lake: LakeMaker, tmp_path: Path) -> None:
    backup = tmp_path / "backup.sqlite"
    copied(lake.folder / CATALOG_NAME, backup)
    one(lake)

    async def play() -> None:
        async with server_of(lake.folder) as server:
            watch = join(server, [OF_Z])
            await watch.panel("z", rows=1)
            copied(backup, lake.folder / CATALOG_NAME)
            await watch.panel("z", rows=0)

    asyncio.run(play())


def test_a_feed_that_is_closed_ends_its_streams(lake: LakeMaker) -> None:
    async def play() -> None:
        async with server_of(lake.folder) as server:
            watch = join(server, [OF_Z])
            await watch.reached(2)
            server.feed.close()
            with pytest.raises(AssertionError, match="ended"):
                await watch.until(lambda _: False)
            with pytest.raises(Problem):
                join(server, [OF_Z])

    asyncio.run(play())


def test_no_more_panels_are_watched_than_there_is_room_for(lake: LakeMaker) -> None:
    async def play() -> None:
        async with server_of(lake.folder) as server:
            for number in range(12):
                join(server, [f"p{n}:reports/ad_clicks_1m?top={20 * number + n + 1}" for n in range(20)])
            with pytest.raises(Problem, match="distinct panels"):
                join(server, [f"p{n}:reports/ad_clicks_1m?top={900 + n}" for n in range(20)])
            join(server, [f"p{n}:reports/ad_clicks_1m?top={n + 1}" for n in range(20)])

    asyncio.run(play())


def test_a_lake_that_is_deleted_is_told(lake: LakeMaker) -> None:
    async def play() -> None:
        async with server_of(lake.folder) as server:
            watch = join(server, [OF_Z])
            await watch.reached(2)
            shutil.rmtree(lake.folder)
            told = await watch.until(lambda event: event.kind == "problem" and event.data["panel"] is None)
            assert told.data["type"] == "urn:tidemill:problem:lake-missing"

    asyncio.run(play())
