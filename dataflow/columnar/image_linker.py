"""From what a compiler made for one place in memory to an image for any: object files of ELF for x86-64, joined."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from dataflow.columnar.image import Entry, Image, Unfit

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QQq")
_X86_64, _RELOCATABLE = 62, 1
_PROGBITS, _SYMTAB, _RELA, _NOBITS, _REL = 1, 2, 4, 8, 9
_WRITE, _ALLOC = 1, 2
_UNDEFINED = 0
_R_64 = 1
_DISTANCES = {2: 4, 4: 4, 24: 8}
"""R_X86_64_PC32, PLT32 and PC64: bytes of a distance."""
_FRAMES = ".eh_frame"
"""For exceptions and debuggers: no code of ours throws."""
_PAGE = 4096


class _Section(NamedTuple):
    name: str
    kind: int
    flags: int
    data: bytes
    link: int
    info: int
    align: int


class _Symbol(NamedTuple):
    name: str
    section: int
    value: int
    is_local: bool


def linked(objects: Sequence[bytes], entries: Mapping[str, tuple[str, str]], made_of: Mapping[str, str]) -> Image:
    """One image of all code and constants. `entries`: what each loop takes and gives, by the symbol of its code.

    Raises Unfit for anything that is not known to be right here: an image is never a guess.
    """
    parts = [_read(each) for each in objects]
    piece = bytearray()
    places = [_laid(sections, piece) for sections, _ in parts]
    known = dict(_defined(parts, places))
    moved: list[int] = []
    asked: list[tuple[int, str]] = []
    for (sections, symbols), at_section in zip(parts, places, strict=True):
        for at, kind, symbol, addend in _relocations(sections, symbols, at_section):
            to = _place(symbol, at_section, known)
            if kind == _R_64:
                _put(piece, at, 8, addend + (to or 0))
                if to is None:
                    asked.append((at, symbol.name))
                else:
                    moved.append(at)
            elif to is not None and kind in _DISTANCES:
                _put(piece, at, _DISTANCES[kind], to + addend - at)
            else:
                raise Unfit(f"a relocation of kind {kind} to {symbol.name}")
    piece += bytes(-len(piece) % _PAGE)
    if missing := entries.keys() - known.keys():
        raise Unfit(f"no code for {min(missing)}")
    told = [Entry(name, known[name], takes, gives) for name, (takes, gives) in entries.items()]
    return Image(bytes(piece), tuple(told), tuple(moved), tuple(asked), made_of)


def _laid(sections: Sequence[_Section], piece: bytearray) -> dict[int, int]:
    """Code and constants of one object put behind the piece; the place of each section by its number."""
    at_section = {}
    for number, section in enumerate(sections):
        if not section.flags & _ALLOC or section.name == _FRAMES or not section.data:
            continue
        if section.kind != _PROGBITS or section.flags & _WRITE:
            raise Unfit(f"section {section.name} is neither code nor constants")
        piece += bytes(-len(piece) % max(section.align, 1))
        at_section[number] = len(piece)
        piece += section.data
    return at_section


def _relocations(
    sections: Sequence[_Section], symbols: Sequence[_Symbol], at_section: Mapping[int, int]
) -> Iterator[tuple[int, int, _Symbol, int]]:
    """Place, kind, symbol and addend of all that is to be put into these sections."""
    for section in sections:
        if section.info not in at_section:
            continue
        if section.kind == _REL:
            raise Unfit("relocations without addends")
        if section.kind == _RELA:
            for offset, info, addend in _RELOCATION.iter_unpack(section.data):
                yield at_section[section.info] + offset, info & 0xFFFFFFFF, symbols[info >> 32], addend


def _put(piece: bytearray, at: int, size: int, value: int) -> None:
    try:
        piece[at : at + size] = value.to_bytes(size, "little", signed=True)
    except OverflowError:
        raise Unfit("a place that is too far away") from None


def _defined(
    parts: Sequence[tuple[list[_Section], list[_Symbol]]], places: Sequence[Mapping[int, int]]
) -> Iterator[tuple[str, int]]:
    """What other objects may name. Of code that several have, each has the same, and any may be taken."""
    for (_, symbols), at_section in zip(parts, places, strict=True):
        for symbol in symbols:
            if symbol.name and not symbol.is_local and symbol.section in at_section:
                yield symbol.name, at_section[symbol.section] + symbol.value


def _place(symbol: _Symbol, at_section: Mapping[int, int], known: Mapping[str, int]) -> int | None:
    """Where a symbol is in the piece; None where it is not there."""
    if symbol.section in at_section and symbol.is_local:
        return at_section[symbol.section] + symbol.value
    if symbol.name in known:
        return known[symbol.name]
    if symbol.section != _UNDEFINED:
        raise Unfit(f"{symbol.name or 'a symbol'} is neither code nor a constant")
    return None


def _read(elf: bytes) -> tuple[list[_Section], list[_Symbol]]:
    head = _HEADER.unpack_from(elf)
    if head[0][:6] != b"\x7fELF\x02\x01" or head[1:3] != (_RELOCATABLE, _X86_64):
        raise Unfit("not an object file of ELF for x86-64")
    start, size, count, names = head[6], head[11], head[12], head[13]
    raw = [_SECTION.unpack_from(elf, start + size * number) for number in range(count)]
    texts = elf[raw[names][4] :]
    sections = [
        _Section(
            _text(texts, name), kind, flags, elf[at : at + length] if kind != _NOBITS else bytes(length),
            link, info, align,
        )
        for name, kind, flags, _, at, length, link, info, align, _ in raw
    ]  # fmt: skip
    symbols: list[_Symbol] = []
    for section in sections:
        if section.kind == _SYMTAB:
            texts = sections[section.link].data
            for name, info, _, number, value, _ in _SYMBOL.iter_unpack(section.data):
                symbols.append(_Symbol(_text(texts, name), number, value, info >> 4 == 0))
    return sections, symbols


def _text(texts: bytes, at: int) -> str:
    return texts[at : texts.index(b"\0", at)].decode()
