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
            assert (panel.version, panel.by_clock) == (1, False)
            lake.commit({"ad_clicks_1m_delta": [clicks("a", 7, 1)]})
            server.lake.at(newest=True)
            panel.commit()
            await looks.get()
            assert panel.seen is not None
            assert (panel.version, panel.seen.id) == (1, 3)
            lake.commit({"ad_clicks_1m_delta": [clicks("z", 7, 1)]})
            server.lake.at(newest=True)
            panel.commit()
            await looks.get()
            assert (panel.version, panel.seen.id) == (2, 4)
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
            assert panel.by_clock
            panel.stop()

    asyncio.run(play())


def test_a_mark_tells_name_question_and_content_apart(lake: LakeMaker) -> None:
    async def play() -> None:
        async with server_of(lake.folder) as server:

            def panel(key: object, top: str) -> Panel:
                question = question_of("reports/ad_clicks_1m", [("last", "1d"), ("top", top)])
                made = Panel(question, server.lake, server.answers, server.feed_lane, server.figures, told, key)
                made.start()
                return made

            looked = asyncio.Queue[Panel]()

            def told(panel: Panel, _: bool) -> None:
                looked.put_nowait(panel)

            panels = [panel("a", "1"), panel("a", "1"), panel("b", "1"), panel("a", "2")]
            while not all(each.seen for each in panels):
                await looked.get()
            one, same, other_question, other_content = (each.mark("x") for each in panels)
            assert one == same
            assert len({one, panels[0].mark("y"), other_question, other_content}) == 4
            for each in panels:
                each.stop()

    asyncio.run(play())
