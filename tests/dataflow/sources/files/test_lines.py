"""NDJSON files: lines become polls, and reading goes on at any of them."""

import random
from pathlib import Path

import pytest

from dataflow.errors import OffsetLost
from dataflow.sources.files.lines import LineReader
from tests.dataflow.sources.files.draining import drain


@pytest.mark.parametrize(
    ("content", "records"),
    [
        (b"", []),
        (b"\n", [b""]),
        (b"a", [b"a"]),
        (b"a\n", [b"a"]),
        (b"a\n\nb", [b"a", b"", b"b"]),
        (b"a\r\n\r\n", [b"a", b""]),
        (b"a\r\nb\nc\r\r\n\r\nd\r", [b"a", b"b", b"c\r", b"", b"d\r"]),
        (b"a\rb\n", [b"a\rb"]),
        (b"\xef\xbb\xbfa\nb\n", [b"a", b"b"]),
        (b"\xef\xbb\xbfa\r\nb", [b"a", b"b"]),
        (b"\xef\xbb\xbf\n\xef\xbb\xbfa\n", [b"", b"\xef\xbb\xbfa"]),
        (b"\xef\xbb\xbfa", [b"a"]),
        (b"\xef\xbb\xbf", []),
        (b"\n\n\n", [b"", b"", b""]),
        (b"\xff\xfe\x00\n{}", [b"\xff\xfe\x00", b"{}"]),
    ],
)
@pytest.mark.parametrize("block_bytes", [1, 2, 3, 4096])
def test_a_line_feed_ends_a_line_with_or_without_a_return_before_it(
    tmp_path: Path, content: bytes, records: list[bytes], block_bytes: int
) -> None:
    file = tmp_path / "a.ndjson"
    file.write_bytes(content)
    assert drain(LineReader(file, 0, None, None, block_bytes=block_bytes)) == records


@pytest.mark.parametrize("with_hint", [True, False])
@pytest.mark.parametrize("last_newline", [b"\n", b""])
def test_reading_goes_on_at_any_line(tmp_path: Path, with_hint: bool, last_newline: bytes) -> None:
    rng = random.Random(7)
    lines = [bytes(rng.choices(b"abc{}\t ", k=rng.randrange(12))) for _ in range(60)] + [b"last"]
    file = tmp_path / "a.ndjson"
    file.write_bytes(b"\n".join(lines) + last_newline)
    for stop in range(len(lines) + 1):
        reader = LineReader(file, 0, None, stop, block_bytes=16)
        assert drain(reader, max_records=3) == lines[:stop]
        hint = reader.hint if with_hint else None
        assert drain(LineReader(file, stop, hint, None, block_bytes=16), max_records=5) == lines[stop:]


def test_polls_keep_to_their_bytes_but_always_move(tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_bytes(b"12345\n" * 10 + b"x" * 500 + b"\n1\n")
    reader = LineReader(file, 0, None, None)
    sizes = []
    while (poll := reader.poll(100, 18)) is not None:
        sizes.append(poll.records.num_rows)
    reader.close()
    assert sizes == [3, 3, 3, 1, 1, 1]


def test_a_file_changed_before_our_place_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_bytes(b"one\ntwo\nthree\n")
    reader = LineReader(file, 0, None, 2)
    drain(reader)
    file.write_bytes(b"one\n")
    with pytest.raises(OffsetLost, match="at least 8 bytes"):
        LineReader(file, 2, reader.hint, None)
    with pytest.raises(OffsetLost, match="only 1 lines"):
        LineReader(file, 2, None, None)
    file.write_bytes(b"one, but longer now\ntwo\n")
    with pytest.raises(OffsetLost, match="no line begins"):
        LineReader(file, 2, reader.hint, None)


def test_a_last_line_without_newline_may_be_completed_but_not_grow(tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_bytes(b"one\ntwo")
    reader = LineReader(file, 0, None, None)
    assert drain(reader) == [b"one", b"two"]
    assert drain(LineReader(file, 2, reader.hint, None)) == []
    file.write_bytes(b"one\ntwo\nthree\n")
    assert drain(LineReader(file, 2, reader.hint, None)) == [b"three"]
    file.write_bytes(b"one\ntwofold\n")
    with pytest.raises(OffsetLost, match="has grown"):
        LineReader(file, 2, reader.hint, None)


def test_lag_says_about_how_many_lines_are_left(tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_bytes(b"123456789\n" * 1_000)
    reader = LineReader(file, 0, None, None, block_bytes=500)
    reader.poll(40, 1 << 20)
    assert reader.lag() == 960
    drain(reader)
    assert reader.lag() == 0
