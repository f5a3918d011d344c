"""CSV: what a row cannot say is a dead letter."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.errors import SourceError
from dataflow.sources.files.lines import LineReader, Manner
from dataflow.sources.files.separated import row_ends
from dataflow.sources.files.source import FilesSource
from tests.dataflow.sources.files.draining import EVENT, drain, judged, polls
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


def test_a_header_that_is_still_being_written_waits(tmp_path: Path) -> None:
    for whole in (False, True):
        path = write(tmp_path, "a.csv", b"at,na")
        reader = FilesSource(tmp_path, EVENT, whole=whole).open("a", None, None)
        assert judged(reader) == ([], [])
        assert (reader.position, reader.finished, reader.unfinished) == (0, True, True)
        assert reader.lag()
        path.write_bytes(b"at,name\n1,x\n")
        events, dead = judged(FilesSource(tmp_path, EVENT, whole=whole).open("a", 0, reader.hint))
        assert ([(each["at"], each["name"]) for each in events], dead) == ([(1, "x")], [])


def test_a_quote_that_is_never_closed_is_one_dead_letter_and_is_not_read_again_and_again(tmp_path: Path) -> None:
    rows = b"at,name\n1,x\n2," + b'"' + b"never closed\n" * 50_000
    write(tmp_path, "a.csv", rows)
    looked: list[int] = []

    def counted(data: bytes) -> Any:
        looked.append(len(data))
        return row_ends(data)

    for start in (0, 2):
        looked.clear()
        reader = LineReader(tmp_path / "a.csv", start, None, None, manner=Manner(ends=counted), block_bytes=1 << 12)
        values = drain(reader)
        assert values[-1] == rows[len(b"at,name\n1,x\n") :].removesuffix(b"\n") or values[-1].startswith(b'2,"never')
        # each byte a few times, however many blocks there are
        assert sum(looked) < 6 * len(rows)
    events, dead = judged(FilesSource(tmp_path, EVENT).open("a", None, None))
    assert [each["at"] for each in events] == [1]
    assert [reason for reason, _ in dead] == ["malformed"]
