"""What one server is made of: the lake, its answers, lanes of threads, the change feed."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from query.recent import Limits
from serve.answers import Answers
from serve.api.sql_door import SqlDoor
from serve.feed.feed import Feed
from serve.figures import Figures
from serve.lake import ServedLake
from serve.served import Served
from serve.workers import Lane


class Server(NamedTuple):
    """The parts. Lanes: `asking` for what is quick, `slow` for what may not be, `feed_lane` for panels."""

    lake: ServedLake
    pipeline: str | None
    wish: Served
    clock: Callable[[], datetime]
    figures: Figures
    answers: Answers
    asking: Lane
    slow: Lane
    feed: Feed
    feed_lane: Lane
    sql: SqlDoor

    @classmethod
    def over(cls, lake: Path, pipeline: str | None, wish: Served, clock: Callable[[], datetime]) -> "Server":
        """A server over the lake in this folder; nothing of it is at work yet."""
        served = ServedLake(lake, pipeline, clock, Limits(wish.cache_reach, wish.cache_bytes))
        figures = Figures()
        answers = Answers(served, wish.timeout_s)
        served.ahead(answers.ahead)
        asking, slow, feed_lane = Lane("asking", 8, 120), Lane("slow", 2, 30), Lane("feed", 4, 600)
        for lane in (asking, slow, feed_lane):
            figures.running.labels(lane.name).set_function(partial(_inside, lane))
        feed = Feed(served, answers, feed_lane, figures, clock)
        return cls(
            served, pipeline, wish, clock, figures, answers, asking, slow, feed, feed_lane, SqlDoor(served.folder, wish)
        )

    async def start(self) -> None:
        """Get ready, in the event loop that will serve."""
        self.sql.warm()

    async def close(self) -> None:
        """End feeds and threads, let go of the lake."""
        self.feed.close()
        await self.sql.close()
        for lane in (self.asking, self.slow, self.feed_lane):
            lane.close()
        self.lake.close()


def _inside(lane: Lane) -> float:
    return float(lane.inside)
