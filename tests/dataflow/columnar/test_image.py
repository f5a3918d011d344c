"""Machine code as it is kept: whole or not at all, and in memory only as it was asked for."""

import ctypes
import platform
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.columnar.image import Entry, Image, Unfit

X86_64 = sys.platform == "linux" and platform.machine() == "x86_64"

# mov rax, imm64; jmp [rip+0] / the words that it takes follow
CODE = bytes.fromhex("48b8") + (7).to_bytes(8, "little") + bytes.fromhex("c3")
IMAGE = Image(CODE + bytes(21), (Entry("seven", 0, "", "i"),), (), (), {"a": "b"})


def called(address: int) -> int:
    function: Callable[[], int] = ctypes.CFUNCTYPE(ctypes.c_int64)(address)
    return function()


def test_what_was_written_is_read() -> None:
    image = replace(IMAGE, moved=(2,), asked=((16, "memcpy"),))
    assert Image.read(image.write()) == image


@given(st.data())
def test_an_image_that_is_not_whole_is_none(data: st.DataObject) -> None:
    written = IMAGE.write()
    cut = data.draw(st.integers(0, len(written) - 1))
    assert Image.read(written[:cut]) is None
    changed = bytearray(written)
    changed[cut] ^= data.draw(st.integers(1, 255))
    assert Image.read(bytes(changed)) is None


@pytest.mark.skipif(not X86_64, reason="the code is for x86-64")
def test_code_in_memory_is_run_and_not_written() -> None:
    base = IMAGE.place({})
    assert called(base) == 7
    with open("/proc/self/maps") as file:
        held = [line.split() for line in file]
    (rights,) = [words[1] for words in held if _holds(words[0], base)]
    assert rights == "r-xp"


def _holds(region: str, address: int) -> bool:
    start, end = (int(part, 16) for part in region.split("-"))
    return start <= address < end


@pytest.mark.skipif(not X86_64, reason="the code is for x86-64")
def test_words_that_hold_places_get_them() -> None:
    moved = replace(IMAGE, moved=(2,))
    base = moved.place({})
    assert called(base) == base + 7
    asked = replace(IMAGE, asked=((2, "there"),))
    assert called(asked.place({"there": 1000})) == 1007


def test_what_nobody_has_is_not_guessed() -> None:
    with pytest.raises(Unfit, match="nobody has there"):
        replace(IMAGE, asked=((2, "there"),)).place({"elsewhere": 1})
