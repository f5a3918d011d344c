"""Rows of CSV end where a plain reading of the quotes says, and are no longer than they may be."""

import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dataflow.sources.files.lines import LineReader, Manner
from dataflow.sources.files.row_ends import row_ends
from tests.dataflow.sources.files.draining import drain

TEXTS = st.lists(
    st.sampled_from(['"', '""', ",", "\n", "\r\n", "a", '"a"', '"b\n"', '5"', "ä", 'a","b\n', ',"""\n']), max_size=24
).map("".join)


def closed_at(data: bytes, start: int) -> int | None:
    """Where the row that begins at `start` ends, however long it is."""
    inside, at = False, start
    while at < len(data):
        char, before = data[at : at + 1], data[at - 1 : at] if at > start else b""
        if inside and char == b'"':
            if data[at + 1 : at + 2] == b'"':
                at += 1
            else:
                inside = False
        elif char == b'"' and before in (b"", b","):
            inside = True
        elif char == b"\n" and not inside:
            return at
        at += 1
    return None


def plain_ends(data: bytes, longest_bytes: int) -> list[int]:
    """Row by row: the row's own end, or that of its line where this is too far away."""
    ends, start = [], 0
    while start < len(data):
        end = closed_at(data, start)
        if end is None or end - start > longest_bytes:
            if end is None and len(data) - start <= longest_bytes:
                break
            end = data.find(b"\n", start)
            if end < 0:
                break
        ends.append(end)
        start = end + 1
    return ends


@given(TEXTS, st.integers(0, 30) | st.just(1 << 20))
@example('a","b\n' * 9, 7)
def test_rows_end_where_a_plain_reading_of_the_quotes_says(text: str, longest_bytes: int) -> None:
    data = text.encode() + b"\n"
    assert row_ends(data, longest_bytes).tolist() == plain_ends(data, longest_bytes)


@given(TEXTS, st.integers(0, 30), st.integers(1, 40))
def test_a_file_has_the_same_rows_however_it_is_cut_into_blocks(
    tmp_path_factory: pytest.TempPathFactory, text: str, longest_bytes: int, block_bytes: int
) -> None:
    path: Path = tmp_path_factory.mktemp("rows") / "a.csv"
    path.write_bytes(text.encode() + b"\n")
    manner = Manner(ends=lambda data: row_ends(data, longest_bytes))
    whole = drain(LineReader(path, 0, None, None, manner=manner))
    assert drain(LineReader(path, 0, None, None, manner=manner, block_bytes=block_bytes)) == whole
    for start in range(len(whole)):
        again = LineReader(path, start, None, None, manner=manner, block_bytes=block_bytes)
        assert drain(again) == whole[start:]


def test_rows_that_all_begin_a_quoted_field_without_an_end_cost_their_bytes_once() -> None:
    # outside of quotes as inside, such a line leaves a quoted field open
    few, many = b'a","b\n' * 10_000, b'a","b\n' * 80_000
    spent = [float("inf")] * 2
    for _ in range(5):
        for place, data in enumerate((few, many)):
            begun = time.thread_time()
            assert len(row_ends(data, 1_000)) > len(data) // 6 - 200
            spent[place] = min(spent[place], time.thread_time() - begun)
    # eight times the bytes: far less than the 64 times of a reading that begins anew with each row
    assert spent[1] < 30 * spent[0]
