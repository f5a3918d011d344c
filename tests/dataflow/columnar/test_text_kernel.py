"""Compiled work on texts: code points, comparison, gathering; nothing behind a text is looked at."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.columnar import text_kernel
from dataflow.columnar.buffers import SPARE_BYTES

EDGES = [
    *(
        "",
        "a",
        "1234567",
        "12345678",
        "123456789",
        "é",
        "aé",
        "1234567é",
        "12345678é",
        "\ud7ff",
        "\ue000",
        "\U00010000",
    ),
    "\U0010ffff",
]
BROKEN = [
    *(b"\x80", b"\xc0\x80", b"\xc1\xbf", b"\xc2", b"\xe0\x9f\xbf", b"\xe1\x80", b"\xed\xa0\x80", b"\xef\xbf"),
    *(
        b"\xf0\x8f\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xff",
        b"a\xc2a",
        b"\xe1\x80a",
        b"\xf1\x80\x80a",
    ),
]


def characters(text: bytes, behind: bytes = b"\xbf" * SPARE_BYTES) -> int:
    whole = np.frombuffer(text + behind, np.uint8)
    return int(text_kernel.characters(whole.ctypes.data, whole.ctypes.data + len(text)))


def expected(text: bytes) -> int:
    try:
        return len(text.decode())
    except UnicodeDecodeError:
        return -1


@pytest.mark.parametrize("text", [*[edge.encode() for edge in EDGES], *BROKEN])
def test_code_points_are_counted_and_what_is_no_utf_8_is_seen(text: bytes) -> None:
    for before in (b"", b"abcdefg", "Ærø".encode()):
        for behind in (b"", b"abcdefgh"):
            assert characters(before + text + behind) == expected(before + text + behind)


@given(st.binary(max_size=20) | st.text(max_size=12).map(lambda text: text.encode()))
def test_any_bytes_are_counted_as_python_counts_them(text: bytes) -> None:
    assert characters(text) == expected(text)


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_two_texts_are_the_same_where_all_their_bytes_are(left: bytes, right: bytes) -> None:
    length = min(len(left), len(right))
    a, b = (np.frombuffer(text + bytes(SPARE_BYTES), np.uint8) for text in (left, right))
    assert text_kernel.same(a.ctypes.data, b.ctypes.data, length) == (left[:length] == right[:length])
    assert text_kernel.same(a.ctypes.data, a.ctypes.data, len(left))


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=20))))
def test_texts_are_gathered_from_the_data_and_from_the_pool(texts: list[tuple[bool, bytes]]) -> None:
    data, pool, places = bytearray(), bytearray(), []
    for pooled, text in texts:
        held = pool if pooled else data
        places.append((~len(held) if pooled else len(held)) << 32 | len(text))
        held += text
    arrays = [np.frombuffer(bytes(held) + bytes(SPARE_BYTES), np.uint8) for held in (data, pool)]
    addresses = [array.ctypes.data for array in arrays]
    ends, found = text_kernel.compiled()(*addresses, np.array(places, np.int64), len(places))
    assert [found[ends[at] : ends[at + 1]].tobytes() for at in range(len(places))] == [text for _, text in texts]
    assert not found[ends[-1] :].any()
