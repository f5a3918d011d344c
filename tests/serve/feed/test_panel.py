"""One panel: its looks, and what counts as a change."""

import asyncio

from serve.ask.ways import question_of
from serve.feed.panel import Panel
from tests.query.lakes import LakeMaker, clicks
from tests.serve.feed.watching import server_of


def test_a_look_that_comes_to_the_same_is_no_change(lake: LakeMaker) -> None:
    async def play() -> None:
        async with server_of(lake.folder) as server:
            looks: asyncio.Queue[Panel] = asyncio.Queue()

            def told(panel: Panel, _: bool) -> None:
                looks.put_nowait(panel)

            question = question_of("reports/ad_clicks_1m", [("key.ad_id", "z"), ("last", "1d")])
            panel = Panel(question, server.lake, server.answers, server.feed_lane, server.figures, told)
            panel.start()
            await looks.get()
            assert (panel.version, panel.since, panel.by_clock) == (1, 2, False)
            lake.commit({"ad_clicks_1m_delta": [clicks("a", 7, 1)]})
            server.lake.at(newest=True)
            panel.commit()
            await looks.get()
            assert panel.seen is not None
            assert (panel.version, panel.since, panel.seen.id) == (1, 2, 3)
            lake.commit({"ad_clicks_1m_delta": [clicks("z", 7, 1)]})
            server.lake.at(newest=True)
            panel.commit()
            await looks.get()
            assert (panel.version, panel.since, panel.seen.id) == (2, 4, 4)
            panel.stop()

    asyncio.run(play())


def test_a_change_of_the_clock_alone_is_marked_as_one(lake: LakeMaker) -> None:
    async def play() -> None:
        async with server_of(lake.folder) as server:
            looks: asyncio.Queue[Panel] = asyncio.Queue()

            def told(panel: Panel, _: bool) -> None:
                looks.put_nowait(panel)

            panel = Panel(
                question_of("status", []),
                server.lake,
                server.answers,
                server.feed_lane,
                server.figures,
                told,
            )
            panel.start()
            while panel.version < 2:
                await looks.get()
            assert (panel.since, panel.by_clock) == (2, True)
            panel.stop()

    asyncio.run(play())
