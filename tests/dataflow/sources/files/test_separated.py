"""CSV: what a row cannot say is a dead letter."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from dataflow.errors import SourceError
from dataflow.messages import Poll
from dataflow.sources.files.lines import LineReader, Manner
from dataflow.sources.files.row_ends import row_ends
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


ROW = b"a row of a thousand bytes".ljust(1_000, b".")


def test_a_quote_that_is_never_closed_costs_its_line_and_the_lines_behind_it_are_read(tmp_path: Path) -> None:
    lines = [b"at,name", b"1,x", b'2,"never closed', *(b"%d," % at + ROW for at in range(3, 8_000))]
    write(tmp_path, "a.csv", b"\n".join(lines) + b"\n")
    for start in (0, 2, 5_000):
        refused = ["malformed"] if start < 2 else []
        found = polls(FilesSource(tmp_path, EVENT).open("a", start, None), 50_000)
        assert [each.reason for poll in found for each in poll.refused.values()] == refused
        assert [value for poll in found for value in poll.records.column("value").to_pylist()] == lines[1 + start :]
    (message,) = [each.message for poll in polls_of(tmp_path) for each in poll.refused.values()]
    assert "a quote is not closed. Where that is so for 1,048,576 bytes, the row ends with its line" in message


def polls_of(folder: Path, **options: Any) -> list[Poll]:
    return polls(FilesSource(folder, EVENT, **options).open("a", None, None), 50_000)


def test_a_row_may_be_as_long_as_a_record_where_that_is_more(tmp_path: Path) -> None:
    text = (ROW + b"\n") * 2_000
    write(tmp_path, "a.csv", b'at,name\n1,"' + text + b'"\n2,b\n')
    (poll,) = polls_of(tmp_path, max_record_bytes=3_000_000)
    assert poll.refused == {}
    assert poll.json is not None
    assert [json.loads(each)["name"].encode() for each in poll.json.to_pylist()] == [text, b"b"]
    refused = [each for poll in polls_of(tmp_path, max_record_bytes=1_000) for each in poll.refused.values()]
    assert {each.reason for each in refused} == {"malformed"}
    assert len(refused) == 2_001


def test_fifty_megabytes_behind_one_quote_are_read_in_bounded_memory(tmp_path: Path) -> None:
    block = b"".join(b"%d," % at + 20 * ROW + b"\n" for at in range(1_000, 1_100))
    with (tmp_path / "a.csv").open("wb") as file:
        file.write(b'at,name\n1,x\n2,"never closed\n')
        for _ in range(50_000_000 // len(block)):
            file.write(block)
    reader = FilesSource(tmp_path, EVENT).open("a", None, None)
    tracemalloc.start()
    rows = refused = 0
    while not reader.finished:
        poll = reader.poll(100, 1 << 20)
        if poll is not None:
            rows += poll.records.num_rows
            refused += len(poll.refused)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    reader.close()
    assert (rows, refused) == (2 + 100 * (50_000_000 // len(block)), 1)
    # a few blocks of 8 MiB
    assert peak_bytes < 40_000_000
    # a restart that knows the number alone finds the same row
    reader = FilesSource(tmp_path, EVENT).open("a", rows - 1, None)
    assert drain(reader) == [b"1099," + 20 * ROW]


def test_nearer_to_the_end_a_quote_that_is_not_closed_makes_one_row_of_the_rest(tmp_path: Path) -> None:
    rows = b"at,name\n1,x\n2," + b'"' + b"never closed\n" * 5_000
    write(tmp_path, "a.csv", rows)
    looked: list[int] = []

    def counted(data: bytes) -> Any:
        looked.append(len(data))
        return row_ends(data)

    for start in (0, 2):
        looked.clear()
        reader = LineReader(tmp_path / "a.csv", start, None, None, manner=Manner(ends=counted), block_bytes=1 << 12)
        values = drain(reader)
        assert values[-1].startswith(b'2,"never')
        # each byte a few times, however many blocks there are
        assert sum(looked) < 6 * len(rows)
    events, dead = judged(FilesSource(tmp_path, EVENT).open("a", None, None))
    assert [each["at"] for each in events] == [1]
    assert [reason for reason, _ in dead] == ["malformed"]
    # without --bounded it may be closed yet
    waiting = FilesSource(tmp_path, EVENT, whole=False).open("a", None, None)
    assert (len(drain(waiting)), waiting.unfinished) == (1, True)
