"""Erasing one person: exactly that one's rows go, and the lake is a lake as before."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.errors import LakeError, SnapshotExpired
from query.reader import LakeReader
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.erasures import erasures
from sinks.lake.catalog.reader import open_readonly
from sinks.lake.upkeep.expire import Retention
from tests.ducklake_client import ducklake_query
from tests.sinks.lake.upkeep.people import (
    KEEP_ALL,
    OTHERS,
    PERSON,
    SIDE,
    TABLES,
    People,
    end_files,
    holding,
    listed,
    names,
    without,
)


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    made = People(tmp_path / "lake")
    for number in range(10):
        made.grow([PERSON, *OTHERS] if number % 2 else OTHERS, [PERSON, "person-7"] if number == 3 else [])
    yield made
    made.close()


def test_exactly_the_rows_of_the_person_go_and_no_byte_is_left(people: People) -> None:
    before = people.content()
    assert holding(people.folder)
    done = people.erase()
    assert people.content() == without(before)
    assert done.found.rows == {"events": 5, "dead_letters": 1, SIDE: 5}
    assert (done.found.by_field, done.found.by_bytes) == (0, 1)
    assert holding(people.folder) == []
    assert done.proof is not None
    assert (done.proof.left, done.proof.stays) == ([], [])
    assert people.files() == listed(people.folder)


def test_of_a_compacted_lake_each_row_keeps_its_place_and_the_snapshot_that_added_it(people: People) -> None:
    people.compact()
    before = people.content()
    assert len({row["_ducklake_internal_snapshot_id"] for row in before["events"]}) == 10
    people.erase()
    assert people.content() == without(before)
    # merged files still waited for their grace
    assert people.files() == listed(people.folder)
    assert holding(people.folder) == []


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(["u1", "u42", "u421", "x u42 y", "", None]), max_size=4),
            st.lists(st.sampled_from(["u1", "u42", "u421", "u42 "]), max_size=2),
            st.sampled_from(["no", "no", "compact", "erase"]),
        ),
        min_size=1,
        max_size=14,
    )
)
def test_of_random_rows_only_those_that_match_go(epochs: list[tuple[list[str | None], list[str], str]]) -> None:
    with TemporaryDirectory() as folder:
        people = People(Path(folder) / "lake")
        for persons, dead, then in epochs:
            people.grow(persons, dead)
            if then == "compact":
                people.compact()
            if then == "erase":
                people.erase("ad = 'u1'")
        before = people.content()
        people.erase("ad = 'u42'")
        # a word of a dead letter is enough, a part of a word is not
        expected = without(without(before, "u42"), "u42 ")
        assert {**people.content(), "events": None, SIDE: None} == {**expected, "events": None, SIDE: None}
        for table in ("events", SIDE):
            assert people.rows(table) == [row for row in before[table] if not names(row, "u42")]
        people.close()


def test_snapshots_that_show_the_rows_are_cut_off_and_older_ones_stay(tmp_path: Path) -> None:
    people = People(tmp_path / "lake")
    for _ in range(3):
        people.grow(OTHERS)
    for _ in range(3):
        people.grow([PERSON])
    with open_readonly(people.folder) as reader:
        numbers = [snapshot.id for snapshot in reader.snapshots()]
    done = people.erase()
    assert done.found.cut == tuple(numbers[-3:])
    with open_readonly(people.folder) as reader:
        assert [snapshot.id for snapshot in reader.snapshots()] == [*numbers[:-3], numbers[-1] + 1]
        assert reader.snapshots()[-1].message == "erasure"
    with LakeReader(people.folder) as lake:
        assert lake.query("SELECT count(*) AS n FROM events", as_of=numbers[-4]).to_pylist() == [{"n": 9}]
    people.close()


def test_a_reader_that_is_just_reading_asks_again_at_the_newest_snapshot(people: People) -> None:
    sql = "SELECT count(*) AS n FROM events"
    with LakeReader(people.folder) as reader:
        old = reader.snapshot()
        people.erase()
        with pytest.raises(SnapshotExpired):
            old.query(sql)
        asked: list[int] = []

        def work(snapshot: object) -> list[dict[str, int]]:
            asked.append(1)
            place = old if len(asked) == 1 else snapshot
            return place.query(sql).to_pylist()  # type: ignore[attr-defined]  # a snapshot of the reader

        assert reader.ask(work) == [{"n": 30}]


def test_the_mark_tells_tables_offsets_and_columns_and_never_the_value(people: People) -> None:
    people.erase()
    catalog = Catalog.open(people.folder)
    (mark,) = erasures(catalog.connection)
    assert (mark.columns, mark.finished) == (("ad",), True)
    assert mark.rows == {"events": 5, "dead_letters": 1, SIDE: 5}
    runs = {each.table: each.runs for each in mark.erased}
    assert runs["events"] == tuple((start, start + 1) for start in (3, 10, 19, 26, 33))
    assert runs["dead_letters"] == ((14, 15),)
    assert runs[SIDE] == ()
    assert not any(PERSON in str(row) for row in catalog.connection.execute("SELECT * FROM own_erased"))
    catalog.close()


def test_a_condition_that_matches_nothing_commits_nothing(people: People) -> None:
    before = people.files()
    with open_readonly(people.folder) as reader:
        newest = reader.latest().id
    done = people.erase("ad = 'nobody'")
    assert (done.found.is_nothing, done.files_deleted, done.proof.left) == (True, 0, [])
    with open_readonly(people.folder) as reader:
        assert reader.latest().id == newest
    assert people.files() == before


def test_rows_that_only_the_past_shows_go_with_the_snapshots_that_show_them(people: People) -> None:
    people.grow(["person-7"])
    catalog = Catalog.open(people.folder)
    head = catalog.head().id
    end_files(catalog, "events", head)
    catalog.close()
    people.grow(["someone"])
    done = people.erase()
    assert done.found.past_rows == {"events": 5}
    assert done.found.rows["events"] == 0
    assert done.proof.left == []
    assert not people.erasure_is_open()
    assert [row["ad"] for row in people.rows("events")] == ["someone"]
    assert holding(people.folder) == []
    catalog = Catalog.open(people.folder)
    (mark,) = erasures(catalog.connection)
    catalog.close()
    assert "events" not in mark.rows


def test_what_only_the_past_shows_is_erased_where_nothing_else_matches(people: People) -> None:
    people.erase()
    people.grow([PERSON])
    people.grow(["someone"])
    catalog = Catalog.open(people.folder)
    end_files(catalog, "events", catalog.head().id)
    end_files(catalog, SIDE, catalog.head().id)
    shows = catalog.head().id - 1
    catalog.close()
    people.grow(["someone"])
    with open_readonly(people.folder) as reader:
        newest = reader.latest().id
    done = people.erase()
    assert (done.found.files, done.found.past_rows) == ((), {"events": 1, SIDE: 1})
    assert done.proof.left == []
    assert holding(people.folder) == []
    with open_readonly(people.folder) as reader:
        assert reader.latest().id == newest + 1
        kept = {number for (number,) in reader.connection.execute("SELECT snapshot_id FROM ducklake_snapshot")}
    assert shows not in kept
    assert newest in kept
    assert people.erase().found.is_nothing


def test_what_the_proof_still_finds_is_found_again_by_the_next_call(people: People) -> None:
    folder = people.folder / "main" / "events"
    exports = [folder / f"export-{at}.parquet" for at in range(len(list(folder.glob("*.parquet"))))]
    for path, export in zip(sorted(folder.glob("*.parquet")), exports, strict=True):
        shutil.copy(path, export)
    for _ in range(2):
        done = people.erase()
        assert any("export-" in each for each in done.proof.left)
        assert people.erasure_is_open()
    for export in exports:
        export.unlink()
    assert people.erase().proof.left == []
    assert not people.erasure_is_open()


def test_later_rows_of_the_person_are_new_and_stay(people: People) -> None:
    def commit_meanwhile(point: str) -> None:
        if point == "before_erase":
            people.grow([PERSON])

    before = without(people.content())
    proof = people.erase(fault=commit_meanwhile).proof
    assert proof is not None
    assert [row["ad"] for row in people.rows("events") if names(row)] == [PERSON]
    assert people.content()["events"][: len(before["events"])] == before["events"]
    assert proof.left == []
    assert "events: committed since, so new (1)" in proof.stays
    # only the snapshot of the erasure itself is left of the time before it
    with open_readonly(people.folder) as reader:
        assert [snapshot.id for snapshot in reader.snapshots()][-1] == 13
        assert [snapshot.id for snapshot in reader.snapshots()][:-1] == [0, 1, 2]
    people.erase()
    assert holding(people.folder) == []


def test_compaction_beside_an_erasure_waits_and_brings_nothing_back(people: People) -> None:
    told: list[str] = []

    def compact_meanwhile(point: str) -> None:
        if point in ("before_erase", "after_erase", "before_scrub"):
            report = people.compact()
            told.extend(report.skipped)
            assert report.merged_files == 0

    before = people.content()
    people.erase(fault=compact_meanwhile)
    assert any("an erasure is at work" in text for text in told)
    assert people.content() == without(before)
    assert people.compact().merged_files > 0
    assert people.content()["events"] == without(before)["events"]
    people.compact(Retention(grace=timedelta(0)))
    assert holding(people.folder) == []


def test_rewritten_files_are_merged_with_those_that_come_after_them(people: People) -> None:
    people.erase()
    for _ in range(4):
        people.grow(OTHERS)
    people.compact()
    with open_readonly(people.folder) as reader:
        number = reader.latest().id
        files = reader.files(reader.tables(number)["events"], number)
    assert len(files) == 1
    assert files[0].row_id_start + files[0].record_count == 47


def test_a_run_that_starts_meanwhile_and_takes_the_new_files_for_leftovers_changes_nothing(people: People) -> None:
    before, started = people.content(), list[str]()

    def start_meanwhile(point: str) -> None:
        if point == "before_erase" and not started:
            started.append(point)
            again = People(people.folder)
            again.close()

    people.erase(fault=start_meanwhile)
    assert people.content() == without(before)
    assert people.files() == listed(people.folder)


def test_a_damaged_file_is_not_rewritten(people: People) -> None:
    victim = min(people.folder.glob("main/events/*"))
    victim.write_bytes(victim.read_bytes()[:-1] + b"x")
    before = people.files()
    with pytest.raises(LakeError, match="tidemill audit"):
        people.erase()
    assert people.files() == before


@pytest.mark.ducklake
def test_the_official_client_reads_the_lake_and_its_past_after_an_erasure(people: People) -> None:
    people.compact(KEEP_ALL)
    people.erase()
    people.grow([PERSON, *OTHERS])
    questions = [
        f"SELECT count(*), count(DISTINCT ad), min(ad), max(ad) FROM events WHERE ad <> '{PERSON}'",
        f"SELECT count(*) FROM events WHERE ad = '{PERSON}'",
        'SELECT "offset", ad FROM events ORDER BY rowid',
        f"SELECT count(*), max(value) FROM {SIDE}",
        "SELECT count(*) FROM dead_letters",
        "SELECT sum(n), sum(ads) FROM per_flag",
        "SELECT count(DISTINCT rowid) = count(*), max(rowid) FROM events",
    ]
    answers = ducklake_query(people.folder, questions)
    assert answers[0] == [[22, 2, "person-7", "someone"]]
    assert answers[1] == [[1]]
    assert [row[0] for row in answers[2]] == [row["offset"] for row in people.rows("events")]
    assert answers[3] == [[23, "someone"]]
    assert answers[4] == [[1]]
    assert [int(value) for value in answers[5][0]] == [39, 3]
    assert answers[6][0][0] is True
    assert ducklake_query(people.folder, ["SELECT count(*) FROM lake.snapshots()"]) == [[[4]]]


@pytest.mark.ducklake
def test_rows_that_another_client_holds_inside_the_catalog_or_has_deleted_are_named_before_anything(
    people: People,
) -> None:
    ducklake_query(people.folder, [f"DELETE FROM events WHERE ad = '{PERSON}'"], writable=True)
    with pytest.raises(LakeError, match="ducklake_rewrite_data_files"):
        people.erase()


def test_every_table_is_looked_at(people: People) -> None:
    assert set(people.content()) == set(TABLES)
