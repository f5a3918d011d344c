"""The files below a folder: those that are read, and what else lies there."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from dataflow.errors import InputMissing
from dataflow.sources.files.form import NAMED, Form, form_of
from dataflow.spoken import counted

_NULL = "__HIVE_DEFAULT_PARTITION__"
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file that is read. `name`: its path below the folder; `columns`: what folders like dt=2026-01-02 say of its
    records, None for a null.
    """

    path: Path
    name: str
    form: Form
    columns: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Found:
    """What a folder holds, in order of the paths below it."""

    files: list[FoundFile]
    others: list[str]

    def told(self, folder: Path) -> str | None:
        """What is not read, with its number by ending and some names; None where everything is."""
        if not self.others:
            return None
        by_ending: dict[str, list[str]] = {}
        for name in self.others:
            by_ending.setdefault(os.path.splitext(name)[1].lower() or "no ending", []).append(name)
        parts = [
            f"{len(names):,} with {ending if ending[0] != '.' else '*' + ending} ({_some(names)})"
            for ending, names in sorted(by_ending.items(), key=lambda each: (-len(each[1]), each[0]))
        ]
        are = "is" if len(self.others) == 1 else "are"
        return f"{counted(len(self.others), 'file')} in {folder} {are} not read: {', '.join(parts)}"


def look(folder: Path) -> Found:
    """Everything in `folder` and the folders below it. Raises InputMissing where it is no folder or holds no file."""
    if not folder.is_dir():
        raise InputMissing(f"{folder} is no folder: --input names a folder that holds {NAMED}")
    found = Found([], [])
    for path in sorted(_below(folder), key=lambda each: each.relative_to(folder).parts):
        name = path.relative_to(folder).as_posix()
        form = form_of(path.name)
        if form is None or not path.is_file() or not _is_text(name):
            found.others.append(_shown(name))
        else:
            found.files.append(FoundFile(path, name, form, _columns(path.relative_to(folder).parts[:-1])))
    if not found.files:
        what = f"; {found.told(folder)}" if found.others else ""
        raise InputMissing(f"{folder} holds no {NAMED}{what}: put some there, or name another --input")
    return found


def _below(folder: Path) -> Iterator[Path]:
    for at, folders, names in os.walk(folder, onerror=_unless_gone):
        yield from (Path(at) / name for name in names)
        # not walked, so that no circle is: named as what is not read
        yield from (Path(at) / name for name in folders if (Path(at) / name).is_symlink())


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _is_text(name: str) -> bool:
    """Whether a source partition can have this name: what is no UTF-8 cannot be stored anywhere."""
    return name.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in name)


def _shown(name: str) -> str:
    return name if _is_text(name) else os.fsencode(name).decode("utf-8", "backslashreplace")


def _columns(folders: tuple[str, ...]) -> dict[str, str | None]:
    pairs = (each.partition("=") for each in folders if "=" in each)
    return {name: None if value == _NULL else unquote(value) for name, _, value in pairs if name}


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _EXAMPLES:,} more" if len(names) > _EXAMPLES else ""
    return ", ".join(names[:_EXAMPLES]) + more
