"""The walls are named once each, in the docs in the same order."""

import re
from pathlib import Path

from serve.sql.wall import WALLS

PAGE = (Path(__file__).parents[3] / "docs" / "sql-safety.md").read_text()


def test_each_wall_has_its_own_name_and_says_what_it_stops() -> None:
    assert len({wall.name for wall in WALLS}) == len(WALLS)
    assert all(wall.stops and not wall.stops.endswith(".") for wall in WALLS)


def test_the_docs_list_the_walls_as_the_code_has_them() -> None:
    told = [f"| {wall.name} | {wall.stops} | {wall.without or 'all systems have it'} |" for wall in WALLS]
    table = PAGE.partition("| --- | --- | --- |\n")[2].partition("\n\n")[0]
    assert table.splitlines() == told
    assert re.findall(r"^- \*\*(\w+)\*\*: ", PAGE, re.MULTILINE) == [wall.name for wall in WALLS]
