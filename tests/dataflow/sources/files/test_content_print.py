"""The print of bytes: the same however they come, and gone on with from its whole blocks."""

from hypothesis import given
from hypothesis import strategies as st

from dataflow.sources.files.content_print import BLOCK_BYTES, Known, Print, digest, known_of, whole_blocks

SIZES = st.integers(0, 3 * BLOCK_BYTES + 5)


def content(size: int, seed: int = 1) -> bytes:
    return bytes((seed + at * at) % 251 for at in range(1000)) * (size // 1000 + 1)


def made(data: bytes, *cuts: int) -> Print:
    found = Print()
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        found.update(data[start:end])
    return found


def known(data: bytes) -> Known:
    chain, part = made(data).value()
    return Known("lines", len(data), None, chain, part, 0, digest(b""), (1, 2), "a")


@given(SIZES, st.lists(SIZES, max_size=4))
def test_the_print_does_not_depend_on_the_pieces(size: int, cuts: list[int]) -> None:
    data = content(size)[:size]
    assert made(data, *sorted(min(cut, size) for cut in cuts)).is_of(known(data))


@given(SIZES, SIZES)
def test_it_goes_on_from_whole_blocks(size: int, more: int) -> None:
    data = content(size + more)[: size + more]
    before = known(data[:size])
    again = Print(before.chain, whole_blocks(size))
    again.update(data[whole_blocks(size) : size])
    assert again.is_of(before)
    again.update(data[size:])
    assert again.is_of(known(data))


def test_every_byte_counts() -> None:
    data = content(2 * BLOCK_BYTES + 10)[: 2 * BLOCK_BYTES + 10]
    for at in (0, BLOCK_BYTES - 1, BLOCK_BYTES, 2 * BLOCK_BYTES + 9):
        other = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        assert not made(other).is_of(known(data))
    assert not made(data[:-1]).is_of(known(data))


def test_what_is_known_is_told_in_plain_words_and_read_back() -> None:
    told = known(b"abc")
    assert known_of(told.told()) == known_of(told.text()) == told
    assert known_of(None) is None
    assert known_of({"kind": "lines", "stat": [1, 2], "of a later version": 1}) is None
