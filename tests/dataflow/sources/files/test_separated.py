"""CSV: what a row cannot say is a dead letter."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.errors import SourceError
from dataflow.sources.files.separated import row_ends
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


@given(
    st.lists(st.sampled_from(['"', '""', ",", "\n", "\r\n", "a", '"a"', '"b\n"', '5"', "ä"]), max_size=24).map("".join)
)
def test_rows_end_where_a_plain_reading_of_the_quotes_says(text: str) -> None:
    data = text.encode() + b"\n"
    ends, inside, at = [], False, 0
    while at < len(data):
        char, before = data[at : at + 1], data[at - 1 : at]
        if inside and char == b'"':
            if data[at + 1 : at + 2] == b'"':
                at += 1
            else:
                inside = False
        elif char == b'"' and before in (b"", b",", b"\n"):
            inside = True
        elif char == b"\n" and not inside:
            ends.append(at)
        at += 1
    assert row_ends(data).tolist() == ends


def test_a_quote_inside_a_field_without_quotes_is_text_and_costs_no_row(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", b'at,name\n1,5" pipe\n2,6" pipe\n3,"7"" pipe\n"\n4,"un"wise\n5,e\n')
    (poll,) = polls(FilesSource(tmp_path, EVENT).open(path.stem, None, None))
    assert poll.json is not None
    assert [None if text is None else json.loads(text)["name"] for text in poll.json.to_pylist()] == [
        '5" pipe', '6" pipe', '7" pipe\n', None, "e"
    ]  # fmt: skip
    assert [refusal.reason for refusal in poll.refused.values()] == ["malformed"]
