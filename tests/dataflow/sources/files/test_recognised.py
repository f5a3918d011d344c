"""Files are known by what was read of them, wherever they lie and whatever they are called."""

import gzip
import os
from pathlib import Path

import pytest

from dataflow.errors import OffsetLost
from dataflow.sources.files import recognised
from dataflow.sources.files.content import Content
from dataflow.sources.files.content_print import Known, Print, known_of
from dataflow.sources.files.form import Compression
from dataflow.sources.files.recognised import stat_of
from dataflow.sources.files.source import FilesSource
from tests.dataflow.sources.files.draining import EVENT, polls
from tests.dataflow.sources.files.written import FORMS, ORDERS, write, zst


class Read:
    """Runs over a folder, one after the other, as a lake and its recovery folder keep what is known."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: dict[str, Known | None] = {}
        self.places: dict[str, tuple[int, object]] = {}
        self.records: dict[str, list[bytes]] = {}

    def __call__(self, most: int | None = None) -> dict[str, int]:
        """How many records were read this time, by source partition."""
        source = FilesSource(self.folder, EVENT, known=self.known)
        found = {}
        for name in source.partitions():
            start, hint = self.places.get(name, (0, None))
            reader = source.open(name, start, hint, None if most is None else start + most)
            values = [value for poll in polls(reader) for value in poll.records.column("value").to_pylist()]
            found[name] = len(values)
            self.records.setdefault(name, []).extend(values)
            assert reader.content is not None
            self.known[name] = known_of(reader.content)
            self.places[name] = (reader.position, reader.hint)
        return found


@pytest.fixture
def read(tmp_path: Path) -> Read:
    (tmp_path / "in").mkdir()
    return Read(tmp_path / "in")


def lines(name: str, *numbers: int) -> bytes:
    return b"".join(b'{"at":%d,"name":"%s"}\n' % (number, name.encode()) for number in numbers)


def marked(counts: dict[str, int], stem: str) -> int:
    """The records of the one source partition that is called by this stem and a mark."""
    (name,) = [each for each in counts if each.startswith(f"{stem}~")]
    return counts[name]


def test_monthly_folders_with_equal_names_are_read_whole(read: Read) -> None:
    write(read.folder, "jan/part-00000.ndjson", lines("j", 1, 2, 3))
    assert read() == {"part-00000": 3}
    write(read.folder, "feb/part-00000.ndjson", lines("f", 1, 2, 3, 4, 5))
    counts = read()
    assert counts["part-00000"] == 0
    assert marked(counts, "part-00000") == 5
    assert sum(read().values()) == 0


def test_the_names_do_not_depend_on_when_the_files_came(read: Read, tmp_path: Path) -> None:
    write(read.folder, "a/p.ndjson", lines("a", 1))
    write(read.folder, "b/p.ndjson", lines("b", 1))
    at_once = read()
    (tmp_path / "later").mkdir()
    later = Read(tmp_path / "later")
    write(later.folder, "a/p.ndjson", lines("a", 1))
    later()
    write(later.folder, "b/p.ndjson", lines("b", 1))
    assert later().keys() == at_once.keys()


def test_a_rotation_goes_on_in_the_old_file_and_begins_the_new_one(read: Read) -> None:
    app = write(read.folder, "app.ndjson", lines("old", 1, 2))
    read()
    with app.open("ab") as file:
        file.write(lines("old", 3, 4))
    app.rename(read.folder / "app.1.ndjson")
    write(read.folder, "app.ndjson", lines("new", 1, 2, 3))
    counts = read()
    assert counts["app"] == 2
    assert marked(counts, "app") == 3
    (read.folder / "app.1.ndjson").rename(read.folder / "app.2.ndjson")
    app.rename(read.folder / "app.1.ndjson")
    write(read.folder, "app.ndjson", lines("newest", 1))
    assert sorted(read().values()) == [0, 0, 1]
    assert sorted(value for values in read.records.values() for value in values) == sorted(
        (lines("old", 1, 2, 3, 4) + lines("new", 1, 2, 3) + lines("newest", 1)).splitlines()
    )


@pytest.mark.parametrize("name", FORMS)
def test_a_file_of_any_form_goes_on_under_another_name_in_another_folder(read: Read, name: str) -> None:
    path = write(read.folder, name, FORMS[name](ORDERS))
    assert sum(read(1).values()) == 1
    (read.folder / "done").mkdir()
    moved = path.rename(read.folder / "done" / f"moved{name[name.index('.') :]}")
    # a copy to another disk may keep no time
    os.utime(moved, (1, 1))
    assert read() == {name.partition(".")[0]: 2}
    assert sum(read().values()) == 0


def test_a_packed_copy_of_what_was_read_plain_goes_on_and_is_not_read_again_beside_it(read: Read) -> None:
    plain = write(read.folder, "a.ndjson", lines("a", 1, 2))
    read()
    write(read.folder, "old/a.ndjson.gz", gzip.compress(lines("a", 1, 2)))
    assert read() == {"a": 0}
    assert FilesSource(read.folder, EVENT, known=read.known).copies == ["old/a.ndjson.gz"]
    plain.unlink()
    write(read.folder, "old/a.ndjson.gz", gzip.compress(lines("a", 1, 2, 3)))
    assert read() == {"a": 1}


def test_what_was_read_before_is_not_read_again_from_a_copy_and_two_new_files_are_two(read: Read) -> None:
    write(read.folder, "a.ndjson", lines("a", 1, 2))
    write(read.folder, "b.ndjson", lines("a", 1, 2))
    write(read.folder, "c.ndjson", lines("a", 1, 2, 3))
    write(read.folder, "d.ndjson", b"")
    write(read.folder, "e.ndjson", b"")
    write(read.folder, "f.ndjson", lines("f", 1))
    write(read.folder, "f.ndjson.gz", gzip.compress(lines("f", 1)))
    assert read() == {"a": 2, "b": 2, "c": 3, "d": 0, "e": 0, "f": 1}
    write(read.folder, "old/x.ndjson", lines("a", 1, 2))
    assert sum(read().values()) == 0
    assert FilesSource(read.folder, EVENT, known=read.known).copies == ["f.ndjson.gz", "old/x.ndjson"]


@pytest.mark.parametrize(
    "changed",
    [lines("a", 1, 9, 3), lines("a", 9, 2, 3), lines("a", 1, 2), lines("a", 1, 2, 9), lines("a", 1) + lines("a", 2)],
)
def test_a_file_that_was_changed_where_it_was_read_stops_with_one_message(read: Read, changed: bytes) -> None:
    path = write(read.folder, "a.ndjson", lines("a", 1, 2, 3))
    read()
    path.write_bytes(changed)
    with pytest.raises(OffsetLost, match=r"a\.ndjson was read as source partition a up to byte \d+ .* was changed"):
        read()
    path.rename(read.folder / "b.ndjson")
    assert read()["b"] == changed.count(b"\n")


def test_a_changed_middle_of_a_large_file_is_seen_too(read: Read) -> None:
    content = bytearray(lines("a", *range(20_000)))
    path = write(read.folder, "a.ndjson", bytes(content))
    read()
    content[len(content) // 2 : len(content) // 2 + 2] = b"  "
    path.write_bytes(bytes(content))
    with pytest.raises(OffsetLost, match="was changed in that part"):
        read()


def test_what_an_earlier_version_has_read_is_known_by_its_prints(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(read.folder, "a.ndjson", lines("a", *range(5_000)))
    with monkeypatch.context() as earlier:
        earlier.setattr(Print, "beside", classmethod(lambda cls, _known: cls(former=True)))
        assert read() == {"a": 5_000}
    held = path.read_bytes()
    moved = write(read.folder, "old/b.ndjson", held + lines("a", 1, 2))
    path.unlink()
    assert read() == {"a": 2}
    assert read() == {"a": 0}
    assert read.known["a"] is not None
    assert read.known["a"].is_former
    write(read.folder, "copy.ndjson.gz", gzip.compress(moved.read_bytes()))
    assert read() == {"a": 0}
    moved.write_bytes(moved.read_bytes().replace(b'"at":2500,', b'"at":2501,'))
    (read.folder / "copy.ndjson.gz").unlink()
    with pytest.raises(OffsetLost, match=r"b\.ndjson was read as source partition a"):
        read()


def test_what_is_known_by_its_name_alone_is_that_file(read: Read) -> None:
    write(read.folder, "a.ndjson", lines("a", 1, 2))
    read.known, read.places = {"a": None}, {"a": (1, (len(lines("a", 1)), False))}
    assert read() == {"a": 1}
    (read.folder / "a.ndjson").rename(read.folder / "b.ndjson")
    assert read() == {"a": 0}


def test_parquet_with_other_content_and_equal_row_counts_is_another_partition(read: Read) -> None:
    path = write(read.folder, "p.parquet", FORMS["i.parquet"](ORDERS))
    assert read() == {"p": 3}
    path.write_bytes(FORMS["i.parquet"]([{**order, "count": 1} for order in ORDERS]))
    assert marked(read(), "p") == 3


MANY_LINES = b"".join(b'{"at":%d,"name":"%s"}\n' % (number, os.urandom(40).hex().encode()) for number in range(60_000))


@pytest.mark.parametrize("form", ["gz", "zst"])
def test_a_file_that_is_just_being_packed_is_not_read_beside_its_original(read: Read, form: str) -> None:
    original = write(read.folder, "app.1.ndjson", MANY_LINES)
    whole = gzip.compress(MANY_LINES) if form == "gz" else zst(MANY_LINES)
    assert read() == {"app.1": 60_000}
    for size in (len(whole) * 9 // 10, len(whole)):
        write(read.folder, f"app.1.ndjson.{form}", whole[:size])
        assert read() == {"app.1": 0}
    original.unlink()
    assert read() == {"app.1": 0}


def test_one_that_is_being_packed_is_not_read_when_its_original_is_new_too(read: Read) -> None:
    write(read.folder, "app.ndjson.gz", gzip.compress(MANY_LINES)[:-1_000_000])
    write(read.folder, "packed/app-2026.ndjson.gz", gzip.compress(MANY_LINES)[:-2_000_000])
    write(read.folder, "zzz.ndjson", MANY_LINES[:-1])
    assert read() == {"zzz": 60_000}


def test_a_packed_file_that_is_still_written_is_read_where_nothing_else_holds_it(read: Read) -> None:
    # more than a block, as that is how far one that is cut is read
    whole = gzip.compress(2 * MANY_LINES)
    write(read.folder, "app.ndjson.gz", whole[:-100])
    first = read()["app"]
    assert 0 < first < 120_000
    write(read.folder, "app.ndjson.gz", whole)
    assert read() == {"app": 120_000 - first}


def test_a_copy_in_the_making_ends_inside_a_record_and_waits(read: Read) -> None:
    write(read.folder, "day.ndjson", MANY_LINES)
    assert read() == {"day": 60_000}
    for size in (100_001, len(MANY_LINES)):
        write(read.folder, "backup/copy.ndjson", MANY_LINES[:size])
        assert read() == {"day": 0}


@pytest.mark.parametrize("end", [b"\n", b""], ids=["lines", "one_record_without_newline"])
def test_thousands_of_files_are_looked_up_once_each(read: Read, end: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 300
    for number in range(count):
        write(read.folder, f"day={number}/part-0.json", b'{"at":%d,"name":"%s"}%s' % (number, b"x" * (number % 7), end))
    assert sum(read().values()) == count
    for number in range(count):
        (read.folder / f"day={number}/part-0.json").rename(read.folder / f"day={number}/renamed-{number}.json")
    for number in range(0, count, 2):
        write(read.folder, f"day={number}/renamed-{number}.json", b'{"at":%d,"name":"new"}%s' % (number, end))
    asked: list[Path] = []
    opened: list[Path] = []

    def asking(path: Path) -> tuple[int, int]:
        asked.append(path)
        return stat_of(path)

    def opening(path: Path, packed: Compression | None) -> Content:
        opened.append(path)
        return Content(path, packed)

    monkeypatch.setattr(recognised, "stat_of", asking)
    monkeypatch.setattr(recognised, "Content", opening)
    assert sum(read().values()) == count // 2
    assert len(asked) <= 4 * count
    assert len(opened) <= 20 * count


def test_a_link_to_a_file_beside_it_is_that_file(read: Read, tmp_path: Path) -> None:
    day = write(read.folder, "zday.ndjson", lines("d", 1, 2))
    (read.folder / "latest.ndjson").symlink_to("zday.ndjson")
    (read.folder / "hard.ndjson").hardlink_to(day)
    outside = write(tmp_path, "outside.ndjson", lines("o", 1))
    (read.folder / "out.ndjson").symlink_to(outside)
    assert sum(read().values()) == 3
    next_day = write(read.folder, "znext.ndjson", lines("n", 1, 2, 3))
    (read.folder / "latest.ndjson").unlink()
    (read.folder / "latest.ndjson").symlink_to(next_day)
    assert sum(read().values()) == 3
