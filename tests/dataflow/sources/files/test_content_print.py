"""The print of bytes: the same however they come, and gone on with from its whole blocks."""

from hypothesis import given
from hypothesis import strategies as st

from dataflow.sources.files.content_print import BLOCK_BYTES, Known, Print, digest, known_of, whole_blocks

SIZES = st.integers(0, 3 * BLOCK_BYTES + 5)
NOW = ("5e50967d351bc45250c045df29fa58e3", "2:3e8854fe43ddc5e371111263e96d6e88")
THEN = ("70193ccdcb3463b23f3a624a20632fe9", "9dd03a6be8a8aa9396895db5db4c973f")


def content(size: int, seed: int = 1) -> bytes:
    return bytes((seed + at * at) % 251 for at in range(1000)) * (size // 1000 + 1)


def made(data: bytes, *cuts: int, former: bool = False) -> Print:
    found = Print(former=former)
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        found.update(data[start:end])
    return found


def known(data: bytes, *, former: bool = False) -> Known:
    chain, part = made(data, former=former).value()
    return Known("lines", len(data), None, chain, part, 0, digest(b""), (1, 2), "a")


@given(SIZES, st.lists(SIZES, max_size=4), st.booleans())
def test_the_print_does_not_depend_on_the_pieces(size: int, cuts: list[int], former: bool) -> None:
    data = content(size)[:size]
    print_ = made(data, *sorted(min(cut, size) for cut in cuts), former=former)
    assert print_.is_of(known(data, former=former))


@given(SIZES, SIZES, st.booleans())
def test_it_goes_on_from_whole_blocks(size: int, more: int, former: bool) -> None:
    data = content(size + more)[: size + more]
    before = known(data[:size], former=former)
    again = Print.from_blocks(before)
    again.update(data[whole_blocks(size) : size])
    assert again.is_of(before)
    again.update(data[size:])
    assert again.is_of(known(data, former=former))


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


def test_no_bit_and_no_zero_behind_leaves_the_print_as_it_was() -> None:
    data = bytearray(content(200)[:200])
    prints = {made(bytes(data)).value()[1]}
    for bit in range(8 * len(data)):
        data[bit >> 3] ^= 1 << (bit & 7)
        prints.add(made(bytes(data)).value()[1])
        data[bit >> 3] ^= 1 << (bit & 7)
    prints |= {made(bytes(size)).value()[1] for size in range(200)}
    assert len(prints) == 1 + 8 * 200 + 200


def test_blocks_in_another_order_are_other_bytes() -> None:
    one, two = b"1" * BLOCK_BYTES, b"2" * BLOCK_BYTES
    assert made(one + two).value() != made(two + one).value()


def test_prints_are_those_that_lakes_hold() -> None:
    data = content(BLOCK_BYTES + 10)[: BLOCK_BYTES + 10]
    assert made(data).value() == NOW
    assert made(data, former=True).value() == THEN
    assert not known(data).is_former
    assert known(data, former=True).is_former
    assert Print.beside(known(data, former=True)).value() == Print(former=True).value()
