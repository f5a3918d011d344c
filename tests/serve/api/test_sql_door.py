"""The way to the SQL pool."""

import asyncio
from pathlib import Path

import pytest

from serve.api.sql_door import SqlDoor
from serve.problem import Problem
from serve.served import Served


def test_a_server_without_sql_says_so_and_starts_no_process(tmp_path: Path) -> None:
    async def play() -> None:
        door = SqlDoor(tmp_path / "lake", Served(sql=False))
        door.warm()
        with pytest.raises(Problem, match="serve_sql is off"):
            await door.pool()
        await door.close()

    asyncio.run(play())


def test_the_pool_is_started_once_with_the_limits_of_the_settings_and_ends_with_the_server(tmp_path: Path) -> None:
    async def play() -> None:
        door = SqlDoor(tmp_path / "lake", Served(sql_rows=7, sql_children=1))
        door.warm()
        first, second = await asyncio.gather(door.pool(), door.pool())
        assert first is second
        assert (first.limits.rows, first.limits.children) == (7, 1)
        await door.close()
        with pytest.raises(Problem, match="ending"):
            await door.pool()

    asyncio.run(play())
