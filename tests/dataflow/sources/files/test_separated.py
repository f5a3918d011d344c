"""CSV: what a row cannot say is a dead letter."""

from pathlib import Path

import pytest

from dataflow.errors import SourceError
from dataflow.sources.files.source import FilesSource
from tests.dataflow.sources.files.draining import EVENT, judged, polls
from tests.dataflow.sources.files.written import write


def test_what_a_row_of_csv_cannot_say_is_a_dead_letter_with_the_row(tmp_path: Path) -> None:
    rows = [
        b"at,name,count,new,paid",
        b"1,a,2,true,0.5",
        b"1,a,2x,true,",
        b"1,a,2.0,true,",
        b"1,a,007,true,",
        b"1,a,2,yes,",
        b"1,a,2,true,1.0000001",
        b",a,2,true,",
        b"1,,,,",
        b"1,a",
        b'1,"a"b,2,true,',
        b"1,\xff,2,true,",
        b"",
        b"1,a,2,true,,more",
    ]
    write(tmp_path, "a.csv", b"\n".join(rows) + b"\n")
    reader = FilesSource(tmp_path, EVENT).open("a", None, None)
    events, dead = judged(reader)
    assert [(each["count"], each["name"]) for each in events] == [(2, "a"), (7, "")]
    assert [reason for reason, _ in dead] == [
        "wrong_type", "wrong_type", "wrong_type", "wrong_type", "constraint", "missing_field", "malformed", "malformed",
        "invalid_utf8", "empty", "malformed",
    ]  # fmt: skip
    assert ("malformed", "the row has 2 fields, the header 5") in dead
    (poll,) = polls(FilesSource(tmp_path, EVENT).open("a", None, None))
    assert poll.records.column("value").to_pylist() == rows[1:]


def test_a_csv_or_avro_file_without_the_columns_is_named(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", b"x;y\n1;2\n")
    with pytest.raises(SourceError, match=r"a\.csv has none of the event's columns .* it has x;y$"):
        FilesSource(tmp_path, EVENT).open("a", None, None)
    write(tmp_path, "e.csv", b"")
    assert polls(FilesSource(tmp_path, EVENT).open("e", None, None)) == []
