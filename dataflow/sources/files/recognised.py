"""Which file is which source partition: by its content, and only for a new one by its name."""

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import fastavro

from dataflow.errors import OffsetLost
from dataflow.sources.files.content import Content
from dataflow.sources.files.content_print import BLOCK_BYTES, Known, Print, digest, known_of, whole_blocks
from dataflow.sources.files.folder import FoundFile

_READ_BYTES = 1 << 20
_FOOTER_BYTES = 1 << 12
_MARK = re.compile(r"~[0-9a-f]{8}(\.\d+)?$")
_LINES_BEFORE = {"lines": 1, "csv": 2}

_Key = TypeVar("_Key", bound=Hashable)


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
                match = looked.best(each, base_of(name) if by_name else None)
                if match is not None:
                    found[name] = looked.taken(match)
    for name, unread in sorted(known.items()):
        if unread is None or not unread.size:
            named = looked.named(name)
            if named:
                found[name] = looked.taken(min(named, key=lambda file: file.name.count("/")))
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
        content = Content(file.path)
        try:
            content.seek(max(0, (content.size_bytes or 0) - _FOOTER_BYTES))
            footer = content.read(_FOOTER_BYTES)
        finally:
            content.close()
        return digest(footer) if footer else None
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


def read_print(file: FoundFile, size: int | None = None, *, former: bool = False) -> Print | None:
    """The print of a file's first `size` bytes, or of all; None where it has fewer or cannot be read."""
    content = Content(file.path, file.form.compression)
    made = Print(former=former)
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
    if known is not None and known.size and known.stat == stat:
        return replace(known, path=file.name)
    made = read_print(file, former=known is not None and known.is_former)
    assert made is not None, "all of a file is never too much"
    if known is not None and known.size and not made.is_of(known):
        raise OffsetLost(
            f"{file.path} was changed since it was read. Restore the file as it was, or give the new one another name"
        )
    return Known(file.form.kind, made.size, first, *made.value(), 0, digest(b""), stat, file.name)


class _Looked:
    """The files that are not recognised yet, with what was looked up of each, once: there may be many thousands, of as
    many source partitions, so that none is compared with all.
    """

    def __init__(self, files: Sequence[FoundFile]) -> None:
        self.all = files
        self._left = {file.name: file for file in files}
        self._stats: dict[str, tuple[int, int]] = {}
        self._beginnings: dict[str, str | None] = {}
        self._wholes: dict[tuple[str, bool], Print | None] = {}
        self._by_stem = _grouped(files, lambda file: file.form.stem)
        self._by_stat: dict[tuple[str, tuple[int, int]], list[FoundFile]] | None = None
        self._by_first: dict[tuple[str, str | None], list[FoundFile]] | None = None
        self._by_head: dict[tuple[str, int, bool], dict[str, list[FoundFile]]] = {}

    @property
    def left(self) -> list[FoundFile]:
        """In order of their paths."""
        return list(self._left.values())

    def taken(self, file: FoundFile) -> FoundFile:
        """`file`, which is recognised from now on."""
        return self._left.pop(file.name)

    def named(self, stem: str) -> list[FoundFile]:
        """Those of `left` with this stem."""
        return self._only_left(self._by_stem.get(stem, ()))

    def stat(self, file: FoundFile) -> tuple[int, int]:
        if file.name not in self._stats:
            self._stats[file.name] = stat_of(file.path)
        return self._stats[file.name]

    def beginning(self, file: FoundFile) -> str | None:
        if file.name not in self._beginnings:
            self._beginnings[file.name] = beginning(file)
        return self._beginnings[file.name]

    def whole(self, file: FoundFile, *, former: bool = False) -> Print | None:
        if (file.name, former) not in self._wholes:
            self._wholes[file.name, former] = read_print(file, former=former)
        return self._wholes[file.name, former]

    def begun_so(self, kind: str, first: str | None) -> list[FoundFile]:
        """All files of a kind that begin so, recognised or not."""
        if self._by_first is None:
            self._by_first = _grouped(self.all, lambda file: (file.form.kind, self.beginning(file)))
        return self._by_first.get((kind, first), [])

    def best(self, known: Known, stem: str | None) -> FoundFile | None:
        """Of `left`, or those of it with this stem, the one that holds what was read; of several the longest. Without a
        stem, one that is what it was will do.
        """
        if stem is None:
            if self._by_stat is None:
                self._by_stat = _grouped(self.left, lambda file: (file.form.kind, self.stat(file)))
            alike = self._only_left(self._by_stat.get((known.kind, known.stat), ()))
            unchanged = next((file for file in alike if _ends_so(file, known)), None)
            if unchanged is not None:
                return unchanged
            there = self._likely(known)
        else:
            there = [file for file in self.named(stem) if file.form.kind == known.kind]
            if len(there) == 1 and self._is_unchanged(there[0], known):
                return there[0]
            if len(there) > 1:
                there = [file for file in self._likely(known) if file.form.stem == stem]
        matching = [file for file in there if self._is_unchanged(file, known) or self.holds(file, known)]
        return max(matching, key=lambda file: (file.form.compression is None, self.stat(file)[0]), default=None)

    def _only_left(self, files: Iterable[FoundFile]) -> list[FoundFile]:
        return [file for file in files if file.name in self._left]

    def _is_unchanged(self, file: FoundFile, known: Known) -> bool:
        return self.stat(file) == known.stat and _ends_so(file, known)

    def _likely(self, known: Known) -> list[FoundFile]:
        """Those of `left` that may hold what was read, by what they begin with."""
        if known.first is not None:
            return self._only_left(self.begun_so(known.kind, known.first))
        if known.size >= BLOCK_BYTES:
            return [file for file in self.left if file.form.kind == known.kind]
        # all of it is the beginning, and its own print
        key = (known.kind, known.size, known.is_former)
        if key not in self._by_head:
            same = [file for file in self.left if file.form.kind == known.kind]
            self._by_head[key] = _grouped(same, lambda file: self._head(file, known))
        return self._only_left(self._by_head[key].get(known.part, ()))

    def _head(self, file: FoundFile, known: Known) -> str:
        if file.form.compression is None and self.stat(file)[0] < known.size:
            return ""
        made = read_print(file, known.size, former=known.is_former)
        return "" if made is None else made.value()[1]

    def holds(self, file: FoundFile, known: Known) -> bool:
        """Whether a file's content begins with all that was read."""
        size = self.stat(file)[0]
        if file.form.compression is None and size < known.size:
            return False
        if known.kind == "parquet" and size != known.size:
            return False
        if known.first is not None and self.beginning(file) != known.first:
            return False
        made = read_print(file, known.size, former=known.is_former)
        return made is not None and made.is_of(known)


def _grouped(files: Iterable[FoundFile], key: Callable[[FoundFile], _Key]) -> dict[_Key, list[FoundFile]]:
    groups: dict[_Key, list[FoundFile]] = {}
    for file in files:
        groups.setdefault(key(file), []).append(file)
    return groups


def _ends_so(file: FoundFile, known: Known) -> bool:
    """Whether the last bytes that were read are there; of a packed file this is taken as read."""
    if file.form.compression is not None:
        return True
    begin = whole_blocks(known.size)
    with file.path.open("rb") as opened:
        opened.seek(begin)
        made = Print.from_blocks(known)
        made.update(opened.read(known.size - begin))
        return made.is_of(known)


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
    """Name the files that are left. Left out and returned are links to others, those that hold what was read before and
    no more, the packed ones beside their plain original, and those that are being packed or copied from another one.
    """
    copies: list[str] = []
    same: dict[tuple[str, str, str], list[FoundFile]] = {}
    numbers: dict[str, int] = {}
    read: dict[tuple[str, str | None], set[bool]] = {}
    for each in known:
        read.setdefault((each.kind, each.first), set()).add(each.is_former)
    wholes = {(each.size, each.chain, each.part) for each in known}
    links = _links(looked, found.values())
    for file in looked.left:
        if file.name in links:
            copies.append(file.name)
            continue
        first = looked.beginning(file)
        if first is not None:
            others = same.setdefault((file.form.kind, first, file.form.stem), [])
            made = (looked.whole(file, former=former) for former in read.get((file.form.kind, first), ()))
            was_read = any(_prints(each) in wholes for each in made)
            if was_read or any(_is_packed(looked, file, other) for other in others) or _is_in_the_making(looked, file):
                copies.append(file.name)
                continue
            others.append(file)
        name = file.form.stem
        if name in taken:
            marked = f"{name}~{(first or digest(file.name.encode()))[:8]}"
            name, number = marked, numbers.get(marked, 1)
            while name in taken:
                number += 1
                name = f"{marked}.{number}"
            numbers[marked] = number
        taken.add(name)
        found[name] = file
    return copies


def _links(looked: _Looked, found: Iterable[FoundFile]) -> set[str]:
    """Names of new files that are another one there by a second name: links, which would be read twice."""
    links: set[str] = set()
    there: dict[tuple[int, int], str] = {}

    def place(file: FoundFile) -> tuple[int, int]:
        stat = file.path.stat()
        return stat.st_dev, stat.st_ino

    linked = [file for file in looked.left if file.path.is_symlink() or file.path.stat().st_nlink > 1]
    if linked:
        there = {place(file): file.name for file in found}
        rest = {file.name for file in linked if file.path.is_symlink()}
        for file in sorted(looked.left, key=lambda each: each.name in rest):
            if there.setdefault(place(file), file.name) != file.name:
                links.add(file.name)
    return links


def _is_packed(looked: _Looked, file: FoundFile, other: FoundFile) -> bool:
    """Whether one of two new files of one name is the other packed."""
    if file.form.compression == other.form.compression:
        return False
    mine, theirs = looked.whole(file), looked.whole(other)
    return mine is not None and theirs is not None and _prints(mine) == _prints(theirs)


def _is_in_the_making(looked: _Looked, file: FoundFile) -> bool:
    """Whether a file ends inside a record, or its packing does, and another one there has all of it and goes on."""
    if file.form.kind not in _LINES_BEFORE:
        return False
    rest = [each for each in looked.begun_so(file.form.kind, looked.beginning(file)) if each is not file]
    if not rest or not _is_cut(file):
        return False
    mine = looked.whole(file)
    assert mine is not None, "all of a file is never too much"
    for other in rest:
        # of two that are alike the plain one counts, and none counts before itself
        more = 0 if file.form.compression is not None and other.form.compression is None else 1
        if read_print(other, mine.size + more) is not None and _prints(read_print(other, mine.size)) == _prints(mine):
            return True
    return False


def _is_cut(file: FoundFile) -> bool:
    content = Content(file.path, file.form.compression)
    last = b""
    try:
        if content.size_bytes:
            content.seek(content.size_bytes - 1)
        while block := content.read(_READ_BYTES):
            last = block
    finally:
        content.close()
    return content.is_cut or (file.form.compression is None and not last.endswith(b"\n"))


def _prints(made: Print | None) -> tuple[int, str, str] | None:
    return None if made is None else (made.size, *made.value())
