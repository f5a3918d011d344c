"""Which file is which source partition: by its content, and only for a new one by its name."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import fastavro

from dataflow.errors import OffsetLost
from dataflow.sources.files.content import Content
from dataflow.sources.files.content_print import BLOCK_BYTES, Known, Print, digest, known_of, whole_blocks
from dataflow.sources.files.folder import FoundFile

_READ_BYTES = 1 << 20
_FOOTER_BYTES = 1 << 12
_MARK = re.compile(r"~[0-9a-f]{8}(\.\d+)?$")
_LINES_BEFORE = {"lines": 1, "csv": 2}


@dataclass(frozen=True, slots=True)
class Recognised:
    """`files`: by source partition, in order of their paths; `copies`: files of which all was read before."""

    files: dict[str, FoundFile]
    copies: list[str] = field(default_factory=list)


def recognise(files: Sequence[FoundFile], known: Mapping[str, Known | None]) -> Recognised:
    """The source partition of each file. `known`: those there are, with what was read of them; None where nothing is
    known but the name, which then decides.

    A new file is called by its stem; where a source partition has that name already, `~` and eight letters follow that
    stand for what it begins with. Raises OffsetLost where a file was changed in the part that was read.
    """
    looked = _Looked(files)
    found: dict[str, FoundFile] = {}
    partitions = sorted(
        ((name, each) for name, each in known.items() if each is not None and each.size), key=lambda pair: -pair[1].size
    )
    for by_name in (True, False):
        for name, each in partitions:
            if name not in found:
                there = [file for file in looked.left if not by_name or file.form.stem == base_of(name)]
                match = looked.best(there, each, hurry=not by_name)
                if match is not None:
                    found[name] = match
                    looked.left.remove(match)
    for name, unread in sorted(known.items()):
        if unread is None or not unread.size:
            named = [file for file in looked.left if file.form.stem == name]
            if named:
                found[name] = min(named, key=lambda file: file.name.count("/"))
                looked.left.remove(found[name])
    _require_unchanged(looked, [(name, each) for name, each in partitions if name not in found])
    copies = _new(looked, found, [each for _, each in partitions], {*known})
    order = {file.name: number for number, file in enumerate(files)}
    return Recognised(dict(sorted(found.items(), key=lambda pair: order[pair[1].name])), copies)


def base_of(partition: str) -> str:
    """The stem that a source partition was called by."""
    return _MARK.sub("", partition)


def beginning(file: FoundFile) -> str | None:
    """The print of what a file begins with, the same however it grows; None where it has not come so far."""
    if file.form.kind == "parquet":
        with file.path.open("rb") as opened:
            opened.seek(max(0, file.path.stat().st_size - _FOOTER_BYTES))
            return digest(opened.read())
    if file.form.kind == "avro":
        with file.path.open("rb") as opened:
            try:
                fastavro.block_reader(opened)
            except Exception:  # whatever a library says of a file that is none of its kind: its reader tells
                return None
            header = opened.tell()
            opened.seek(0)
            return digest(opened.read(header))
    content = Content(file.path, file.form.compression)
    try:
        head = content.read(BLOCK_BYTES)
    finally:
        content.close()
    end = 0
    for _ in range(_LINES_BEFORE[file.form.kind]):
        end = head.find(b"\n", end) + 1
        if not end:
            return digest(head) if len(head) == BLOCK_BYTES else None
    return digest(head[:end])


def stat_of(path: Path) -> tuple[int, int]:
    """A file's size, and the time of its last change in ns."""
    there = path.stat()
    return there.st_size, there.st_mtime_ns


def read_print(file: FoundFile, size: int | None = None) -> Print | None:
    """The print of a file's first `size` bytes, or of all; None where it has fewer or cannot be read."""
    content = Content(file.path, file.form.compression)
    made = Print()
    try:
        while size is None or made.size < size:
            block = content.read(_READ_BYTES if size is None else min(_READ_BYTES, size - made.size))
            if not block:
                break
            made.update(block)
    finally:
        content.close()
    return made if size is None or made.size == size else None


def whole_file(file: FoundFile, first: str | None, hint: Any) -> Known:
    """What a file that is read as a whole is known by. Raises OffsetLost where `hint` says that it was another."""
    known, stat = known_of(hint), stat_of(file.path)
    if known is not None and known.stat == stat:
        return replace(known, path=file.name)
    made = read_print(file)
    assert made is not None, "all of a file is never too much"
    if known is not None and not made.is_of(known):
        raise OffsetLost(
            f"{file.path} was changed since it was read. Restore the file as it was, or give the new one another name"
        )
    return Known(file.form.kind, made.size, first, *made.value(), 0, digest(b""), stat, file.name)


class _Looked:
    """The files that are not recognised yet, with what was looked up of each."""

    def __init__(self, files: Iterable[FoundFile]) -> None:
        self.left = list(files)
        self._beginnings: dict[str, str | None] = {}
        self._wholes: dict[str, Print | None] = {}

    def beginning(self, file: FoundFile) -> str | None:
        if file.name not in self._beginnings:
            self._beginnings[file.name] = beginning(file)
        return self._beginnings[file.name]

    def whole(self, file: FoundFile) -> Print | None:
        if file.name not in self._wholes:
            self._wholes[file.name] = read_print(file)
        return self._wholes[file.name]

    def best(self, files: Sequence[FoundFile], known: Known, *, hurry: bool) -> FoundFile | None:
        """Of `files` the one that holds what was read; of several the longest. `hurry`: the first will do."""
        same = [file for file in files if file.form.kind == known.kind]
        unchanged = [file for file in same if stat_of(file.path) == known.stat and _ends_so(file, known)]
        if unchanged and (hurry or len(same) == 1):
            return unchanged[0]
        matching = [file for file in same if file in unchanged or self.holds(file, known)]
        return max(matching, key=lambda file: (file.form.compression is None, file.path.stat().st_size), default=None)

    def holds(self, file: FoundFile, known: Known) -> bool:
        """Whether a file's content begins with all that was read."""
        size = file.path.stat().st_size
        if file.form.compression is None and size < known.size:
            return False
        if known.kind == "parquet" and size != known.size:
            return False
        if known.first is not None and self.beginning(file) != known.first:
            return False
        made = read_print(file, known.size)
        return made is not None and made.is_of(known)


def _ends_so(file: FoundFile, known: Known) -> bool:
    """Whether the last bytes that were read are there; of a packed file this is taken as read."""
    if file.form.compression is not None:
        return True
    begin = whole_blocks(known.size)
    with file.path.open("rb") as opened:
        opened.seek(begin)
        return digest(opened.read(known.size - begin)) == known.part


def _require_unchanged(looked: _Looked, gone: Sequence[tuple[str, Known]]) -> None:
    """Raise OffsetLost where a file is still in the place of one that is gone, with some of what was read."""
    by_place = {file.name: file for file in looked.left}
    for name, known in gone:
        file = by_place.get(known.path)
        if file is None or file.form.kind != known.kind:
            continue
        begins_so = known.first is not None and looked.beginning(file) == known.first
        if begins_so or _has_last(file, known):
            raise OffsetLost(
                f"{file.path} was read as source partition {name} up to byte {known.size} of its content, and was "
                "changed in that part since. Restore the file as it was; to have all of it read as another source "
                "partition, give it another name"
            )


def _has_last(file: FoundFile, known: Known) -> bool:
    content = Content(file.path, file.form.compression)
    try:
        there = content.seek(known.last_at)
        last = content.read(known.size - known.last_at) if there and known.size > known.last_at else b""
    finally:
        content.close()
    return bool(last) and digest(last) == known.last


def _new(looked: _Looked, found: dict[str, FoundFile], known: Sequence[Known], taken: set[str]) -> list[str]:
    """Name the files that are left. Left out and returned are those that hold what was read before and no more, and
    the packed ones beside their plain original.
    """
    copies: list[str] = []
    firsts: dict[tuple[str, str], list[FoundFile]] = {}
    read = {(each.kind, each.first) for each in known}
    for file in list(looked.left):
        first = looked.beginning(file)
        key = (file.form.kind, first or "")
        others = firsts.setdefault(key, [])
        if first is not None:
            was_read = (file.form.kind, first) in read and _is_whole(looked.whole(file), known)
            if was_read or any(_is_packed(looked, file, other) for other in others):
                copies.append(file.name)
                continue
        others.append(file)
        name, number = file.form.stem, 1
        marked = f"{name}~{(first or digest(file.name.encode()))[:8]}"
        while name in taken:
            name = marked if number == 1 else f"{marked}.{number}"
            number += 1
        taken.add(name)
        found[name] = file
    return copies


def _is_packed(looked: _Looked, file: FoundFile, other: FoundFile) -> bool:
    """Whether one of two new files is the other packed: equal names and content."""
    one, two = file.form, other.form
    if one.stem != two.stem or one.compression == two.compression:
        return False
    mine, theirs = looked.whole(file), looked.whole(other)
    return mine is not None and theirs is not None and (mine.size, mine.value()) == (theirs.size, theirs.value())


def _is_whole(made: Print | None, known: Sequence[Known]) -> bool:
    return made is not None and any(made.is_of(each) for each in known)
