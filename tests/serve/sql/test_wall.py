"""The walls are named once each, in the docs in the same order."""

from serve.sql.wall import WALLS


def test_each_wall_has_its_own_name_and_says_what_it_stops() -> None:
    assert len({wall.name for wall in WALLS}) == len(WALLS)
    assert all(wall.stops and not wall.stops.endswith(".") for wall in WALLS)
