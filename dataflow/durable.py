"""Files that are there as a whole or not at all, whenever the machine stops."""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

_Opened = tuple[Path, int]

AtOnce = Callable[[Callable[[_Opened], OSError | None], Iterable[_Opened]], Iterable[OSError | None]]
"""As `map`: work for each of some things, perhaps on several threads; the results in order, once all are done."""


class Writable(Protocol):
    """An unbuffered file: it may take less than it is given."""

    def write(self, data: memoryview, /) -> int:
        """Write from the beginning of `data`; how many bytes were taken."""
        ...


def create(path: Path, content: memoryview, *, written: Callable[[], None] = lambda: None) -> None:
    """Make the new file `path` with `content`, durable with its name and its folder, which is made if absent.

    `written` is called before the disk is asked to keep it. Raises OSError, with no part of the file left, when the
    disk refuses; FileExistsError when it is there, which then stays.
    """
    create_all([(path, content)], written=written)


def create_all(
    files: Iterable[tuple[Path, memoryview]],
    *,
    written: Callable[[], None] = lambda: None,
    at_once: AtOnce = map,
) -> None:
    """Make new files as `create` does, in this order, and ask the disk for all of them only then: it syncs them
    together.

    Where one file is refused, no part of any is left; OSError then names that one.
    """
    handles: dict[Path, int] = {}
    try:
        try:
            for path, content in files:
                if not path.parent.is_dir():
                    path.parent.mkdir(parents=True)
                    _sync_folder(path.parent.parent)
                handles[path] = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
                _write(path, handles[path], content)
                written()
            # all of them come to their end before a handle is closed, whatever becomes of one
            for refused in [error for error in at_once(_sync, handles.items()) if error is not None]:
                raise refused
        finally:
            for handle in handles.values():
                os.close(handle)
        for folder in dict.fromkeys(path.parent for path in handles):
            _sync_folder(folder)
    except OSError:
        for path in handles:
            with suppress(OSError):
                path.unlink()
        raise


def _write(path: Path, handle: int, content: memoryview) -> None:
    try:
        while content:
            content = content[os.write(handle, content) :]
    except OSError as error:
        raise _of(path, error) from error


def _sync(file: _Opened) -> OSError | None:
    path, handle = file
    try:
        os.fsync(handle)
    except OSError as error:
        return _of(path, error)
    return None


def _sync_folder(folder: Path) -> None:
    try:
        sync_folder(folder)
    except OSError as error:
        raise _of(folder, error) from error


def _of(path: Path, error: OSError) -> OSError:
    """The same error, which tells the file as one of opening it does."""
    return OSError(error.errno, error.strerror, str(path))


def replace(path: Path, text: str, *, durable: bool = True, suffix: str = ".tmp") -> None:
    """Put `text` (as UTF-8) in the place of `path` at once: whoever reads it finds the old text or the new one.

    Not `durable`: for hints, which a machine that stops may lose. `suffix` makes the name of the file that is renamed;
    where several processes write the same file, each needs its own. Raises OSError when the disk refuses.
    """
    temporary = path.with_name(path.name + suffix)
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    os.replace(temporary, path)
    if durable:
        sync_folder(path.parent)


def place(path: Path, content: bytes, temporary: Path, *, written: Callable[[], None] = lambda: None) -> None:
    """Put `content` in the place of `path` by way of `temporary`, a name of the caller's own in the same folder.

    Durable when it returns; `written` is as of `create`. Raises OSError when the disk refuses.
    """
    create(temporary, memoryview(content), written=written)
    os.replace(temporary, path)
    sync_folder(path.parent)


def write_all(file: Writable, data: memoryview) -> None:
    """Write all of `data`, however much the file takes at once."""
    while data:
        data = data[file.write(data) :]


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
