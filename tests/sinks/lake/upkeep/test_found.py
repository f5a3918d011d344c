"""What an erasure finds, and when it is more than one person's."""

from pathlib import Path

import pytest

from dataflow.errors import ConfigError
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.upkeep.found import Found, look, require_few
from tests.sinks.lake.upkeep.people import OTHERS, PERSON, SIDE, People, condition, definition_of, end_files


@pytest.fixture
def people(tmp_path: Path) -> People:
    lake = People(tmp_path / "lake")
    for number in range(7):
        lake.grow([PERSON, *OTHERS, "x"] if number < 5 else [*OTHERS, "x", "y"], [PERSON] if number == 2 else [])
    return lake


def found_in(people: People) -> Found:
    catalog = Catalog.open(people.folder)
    try:
        return look(catalog, definition_of(catalog), condition(catalog))
    finally:
        catalog.close()


def test_groups_are_refused_by_their_number(people: People) -> None:
    found = found_in(people)
    require_few(found, None, "ad = 'x'")
    require_few(found, 5, "ad = 'x'")
    with pytest.raises(ConfigError, match="matches 5 of the 35 rows of events, more than the 4 of --most-rows"):
        require_few(found, 4, "ad = 'x'")
    many = Found(1, found.files, (), {"events": 101}, {"events": 10_099}, 0, {}, ())
    with pytest.raises(ConfigError, match="more than 1 in 100: nothing was erased"):
        require_few(many, None, "ad = 'x'")
    require_few(Found(1, found.files, (), {"events": 101}, {"events": 10_100}, 0, {}, ()), None, "ad = 'x'")


def test_what_left_the_table_before_is_found_apart_and_counts_to_the_limit(people: People) -> None:
    catalog = Catalog.open(people.folder)
    end_files(catalog, "events", catalog.head().id)
    catalog.close()
    found = found_in(people)
    assert (found.rows["events"], found.past_rows["events"]) == (0, 5)
    assert found.is_nothing is False
    assert all(mark.table != "events" for mark in found.marks())
    with pytest.raises(ConfigError, match="matches 5 of the 30 rows of events, more than the 4 of --most-rows"):
        require_few(found, 4, "ad = 'x'")


def test_files_that_no_snapshot_shows_any_more_are_not_looked_at(people: People) -> None:
    catalog = Catalog.open(people.folder)
    for table in ("events", "dead_letters", SIDE):
        end_files(catalog, table, catalog.head().id)
    with catalog.transaction() as connection:
        connection.execute(
            "DELETE FROM ducklake_snapshot WHERE snapshot_id < (SELECT max(snapshot_id) FROM ducklake_snapshot)"
        )
    catalog.close()
    for path in people.folder.glob("main/events/*"):
        path.unlink()
    assert found_in(people).is_nothing
