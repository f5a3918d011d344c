"""Object files joined to an image: as the compiler makes them, and refused where anything is not known."""

import struct

import pytest

from dataflow.columnar.image import Image, Unfit
from dataflow.columnar.image_linker import linked

PROGBITS, SYMTAB, STRTAB, RELA, NOBITS = 1, 2, 3, 4, 8
WRITE, ALLOC, RUN = 1, 2, 4
GLOBAL, LOCAL = 1 << 4, 0


def elf(
    sections: list[tuple[str, int, int, bytes, int]],
    symbols: list[tuple[str, int, int, int]],
    relocations: dict[int, list[tuple[int, int, int, int]]],
    machine: int = 62,
) -> bytes:
    """An object file: sections are (name, kind, flags, data, align), numbered from 1; symbols (name, info, section,
    value), from 1; relocations by the number of their section (offset, kind, symbol, addend)."""
    texts, names = b"\0", {"": 0}
    for name in (*(each[0] for each in sections), *(each[0] for each in symbols), ".rela", ".symtab", ".strtab"):
        if name not in names:
            names[name] = len(texts)
            texts += name.encode() + b"\0"
    table = bytes(24) + b"".join(
        struct.pack("<IBBHQQ", names[name], info, 0, section, value, 0) for name, info, section, value in symbols
    )
    at_symbols = len(sections) + 1
    raw = [(name, kind, flags, data, 0, 0, align) for name, kind, flags, data, align in sections]
    raw.append((".symtab", SYMTAB, 0, table, at_symbols + 1, 1, 8))
    raw.append((".strtab", STRTAB, 0, texts, 0, 0, 1))
    for section, each in relocations.items():
        data = b"".join(struct.pack("<QQq", at, symbol << 32 | kind, addend) for at, kind, symbol, addend in each)
        raw.append((".rela", RELA, 0, data, at_symbols, section, 8))
    body, headers = bytes(64), bytes(64)
    for name, kind, flags, data, link, info, align in raw:
        headers += struct.pack("<IIQQQQIIQQ", names[name], kind, flags, 0, len(body), len(data), link, info, align, 0)
        body += data
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    head = struct.pack(
        "<16sHHIQQQIHHHHHH", ident, 1, machine, 1, 0, 0, len(body), 0, 64, 0, 0, 64, len(raw) + 1, at_symbols + 1
    )
    return head + body[64:] + headers


def text(data: bytes = bytes(16), name: str = ".ltext") -> tuple[str, int, int, bytes, int]:
    return (name, PROGBITS, ALLOC | RUN, data, 16)


def word(image: Image, at: int) -> int:
    return int.from_bytes(image.code[at : at + 8], "little", signed=True)


def test_a_place_in_the_piece_is_told_from_its_beginning_on() -> None:
    constants = (".lrodata", PROGBITS, ALLOC, bytes(range(8)), 64)
    made = elf(
        [text(), constants],
        [("main", GLOBAL, 1, 4), ("", LOCAL | 3, 2, 0)],
        {1: [(8, 1, 2, 5)]},
    )
    image = linked([made], {"main": ("ia", "v")}, {"a": "b"})
    assert [(each.name, each.at, each.takes, each.gives) for each in image.entries] == [("main", 4, "ia", "v")]
    # constants begin at 64, as they ask for
    assert image.code[64:72] == bytes(range(8))
    assert (word(image, 8), image.moved, image.asked) == (64 + 5, (8,), ())
    assert len(image.code) % 4096 == 0
    assert image.made_of == {"a": "b"}


def test_one_object_calls_another_and_what_nobody_has_is_asked_for() -> None:
    caller = elf(
        [text()],
        [("main", GLOBAL, 1, 0), ("helper", GLOBAL, 0, 0), ("memcpy", GLOBAL, 0, 0)],
        {1: [(0, 1, 2, 0), (8, 1, 3, 2)]},
    )
    helper = elf([text()], [("helper", 2 << 4, 1, 3)], {})
    image = linked([caller, helper], {"main": ("", "v")}, {})
    assert word(image, 0) == 16 + 3
    assert (image.moved, image.asked, word(image, 8)) == ((0,), ((8, "memcpy"),), 2)


def test_a_distance_needs_nothing_later() -> None:
    made = elf([text(), text(bytes(16), ".more")], [("main", GLOBAL, 1, 0), ("far", LOCAL, 2, 1)], {
        1: [(4, 2, 2, -4), (8, 24, 2, 0)]
    })  # fmt: skip
    image = linked([made], {"main": ("", "v")}, {})
    assert int.from_bytes(image.code[4:8], "little", signed=True) == 17 - 4 - 4
    assert word(image, 8) == 17 - 8
    assert (image.moved, image.asked) == ((), ())


def test_frames_are_left_out() -> None:
    frames = (".eh_frame", 0x70000001, ALLOC, bytes(8), 8)
    made = elf([text(), frames], [("main", GLOBAL, 1, 0)], {2: [(0, 24, 1, 0)]})
    assert len(linked([made], {"main": ("", "v")}, {}).code) == 4096


MAIN = ("main", GLOBAL, 1, 0)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (b"not an object file at all".ljust(64), "not an object file"),
        (elf([text()], [MAIN], {}, machine=183), "not an object file of ELF for x86-64"),
        (elf([text(), (".data", PROGBITS, ALLOC | WRITE, bytes(8), 8)], [MAIN], {}), "neither code nor constants"),
        (elf([text(), (".bss", NOBITS, ALLOC, bytes(8), 8)], [MAIN], {}), "neither code nor constants"),
        (elf([text()], [MAIN, ("env", GLOBAL, 0xFFF2, 8)], {1: [(0, 1, 2, 0)]}), "env is neither"),
        (elf([text()], [MAIN], {1: [(0, 9, 1, 0)]}), "a relocation of kind 9 to main"),
        (elf([text()], [MAIN, ("memcpy", GLOBAL, 0, 0)], {1: [(0, 4, 2, 0)]}), "a relocation of kind 4 to memcpy"),
        (elf([text()], [MAIN], {1: [(0, 2, 1, 2**40)]}), "too far away"),
        (elf([text()], [("other", GLOBAL, 1, 0)], {}), "no code for main"),
    ],
)
def test_what_is_not_known_to_be_right_is_refused(made: bytes, why: str) -> None:
    with pytest.raises(Unfit, match=why):
        linked([made], {"main": ("", "v")}, {})
