"""The proof finds what is left, wherever it is, and tells what stays for a reason."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sinks.lake.catalog.catalog import Catalog
from sinks.lake.upkeep.remains import Remains, files_with, remains, searched_texts
from tests.sinks.lake.upkeep.people import OTHERS, PERSON, PLAN, People, condition, definition_of


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    made = People(tmp_path / "lake")
    made.grow([PERSON, *OTHERS], [PERSON])
    made.grow(OTHERS)
    made.erase()
    yield made
    made.close()


def looked(people: People, text: str = f"ad = '{PERSON}'", snapshot: int = 10) -> Remains:
    catalog = Catalog.open(people.folder)
    try:
        return remains(catalog, definition_of(catalog), condition(catalog, text), snapshot)
    finally:
        catalog.close()


def test_after_an_erasure_nothing_is_left_and_all_files_were_looked_at(people: People) -> None:
    found = looked(people)
    assert (found.left, found.stays) == ([], [])
    on_disk = [path for path in people.folder.rglob("*") if path.is_file()]
    assert found.files == len(on_disk)


def test_rows_that_were_there_are_left_and_those_committed_since_are_new(people: People) -> None:
    people.grow([PERSON], [PERSON])
    assert {"events: rows of it (1)", "dead_letters: rows of it (1)"} <= set(looked(people).left)
    newer = looked(people, snapshot=3)
    assert newer.left == []
    assert "events: committed since, so new (1)" in newer.stays
    assert "dead_letters: committed since, so new (1)" in newer.stays


def test_files_that_the_catalog_does_not_list_are_told_by_what_they_are(people: People, tmp_path: Path) -> None:
    other = People(tmp_path / "other")
    other.grow([PERSON], [PERSON])
    other.close()
    (events,) = (tmp_path / "other" / "main" / "events").iterdir()
    (letters,) = (tmp_path / "other" / "main" / "dead_letters").iterdir()
    folder = people.folder / "main" / "events"
    (folder / "compact-0123456789ab.parquet").write_bytes(events.read_bytes())
    (folder / "small-lake-0000000099-1-0123456789ab.parquet").write_bytes(events.read_bytes())
    (folder / "copy.parquet").write_bytes(letters.read_bytes())
    (people.folder / "notes.txt").write_text(f"about {PERSON}")
    (people.folder / "harmless.txt").write_text("about nobody")
    found = looked(people)
    assert [line.partition(":")[0] for line in found.left] == [
        "main/events/compact-0123456789ab.parquet",
        "main/events/copy.parquet",
        "notes.txt",
    ]
    assert [line.partition(":")[0] for line in found.stays] == [
        "main/events/small-lake-0000000099-1-0123456789ab.parquet"
    ]


def test_cells_and_deleted_bytes_of_the_catalog_are_found(people: People) -> None:
    catalog = Catalog.open(people.folder)
    catalog.connection.execute("CREATE TABLE theirs(a TEXT, b TEXT)")
    catalog.connection.execute("INSERT INTO theirs VALUES ('x', ?)", (PERSON,))
    catalog.close()
    assert looked(people).left == ["the catalog's table theirs, column b (1)"]
    catalog = Catalog.open(people.folder)
    catalog.connection.execute("PRAGMA secure_delete=OFF")
    catalog.connection.execute("DELETE FROM theirs")
    catalog.close()
    assert [line.partition(": ")[2].partition(";")[0] for line in looked(people).left] == ["bytes of deleted rows"]
    catalog = Catalog.open(people.folder)
    catalog.scrub(lambda: None)
    catalog.close()
    assert looked(people).left == []


def test_a_longer_value_is_another_one(people: People) -> None:
    people.grow([PERSON + "1"], [PERSON + "1"])
    found = looked(people)
    assert (found.left, found.stays) == ([], [])


def test_bytes_are_looked_for_where_one_column_of_text_says_it_all(people: People) -> None:
    catalog = Catalog.open(people.folder)
    assert searched_texts(condition(catalog, "ad IN ('a', 'b')")) == ("a", "b")
    assert searched_texts(condition(catalog, "ad = 'a' AND flag = TRUE")) == ()
    assert searched_texts(condition(catalog, '"user" = 5')) == ()
    catalog.close()
    assert {name for name, _ in definition_columns()} >= {"ad", "user"}


def definition_columns() -> list[tuple[str, str]]:
    return [(column.name, str(column.type)) for column in PLAN.row_schema]


def test_files_with_a_text_are_found_across_blocks(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a").write_bytes(b"x" * (2**20 - 3) + PERSON.encode())
    (tmp_path / "b").write_bytes(b"x" * 2**21)
    assert files_with(tmp_path, [PERSON]) == [tmp_path / "deep" / "a"]
    assert files_with(tmp_path, []) == []
