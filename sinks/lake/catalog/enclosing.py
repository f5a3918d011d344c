"""Is a path inside a lake? Nothing but the lake's own files may be put there."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from dataflow.errors import ConfigError, LakeError
from sinks.lake.catalog.sqlite import CATALOG_NAME, connect_readonly


def is_lake(folder: Path) -> bool:
    """Whether a DuckLake catalog, ours or another client's, lies in this folder."""
    path = folder / CATALOG_NAME
    try:
        if not path.is_file():
            return False
        with closing(connect_readonly(path, busy_ms=1_000)) as connection:
            return bool(connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'ducklake_snapshot'").fetchall())
    except (OSError, LakeError, sqlite3.Error):
        return False


def enclosing_lake(path: Path, lakes: Iterable[Path] = ()) -> Path | None:
    """The lake that `path` is or lies in, links followed; `lakes` are folders that are or will be some, too."""
    known = {lake.resolve() for lake in lakes}
    place = path.resolve()
    return next((folder for folder in (place, *place.parents) if folder in known or is_lake(folder)), None)


def require_outside(key: str, path: Path, lakes: Iterable[Path] = ()) -> None:
    """Raise ConfigError if what the setting or flag `key` names would be put into a lake (see `enclosing_lake`)."""
    lake = enclosing_lake(path, lakes)
    if lake is not None:
        raise ConfigError(
            key, str(path), f"lies in the lake {lake}, which holds its own files only; name another place"
        )


def require_own_folder(key: str, folder: Path) -> None:
    """Raise ConfigError unless `folder` is, or can be made, a folder in no lake that holds no lake itself."""
    require_outside(key, folder)
    if not folder.is_dir():
        place = next((each for each in (folder, *folder.parents) if each.exists()), folder)
        if not place.is_dir():
            raise ConfigError(key, str(folder), f"{place} is a file; name a folder, or one to be made")
        return
    held = next((entry for entry in sorted(folder.iterdir()) if entry.is_dir() and is_lake(entry)), None)
    if held is not None:
        raise ConfigError(key, str(folder), f"holds the lake {held}; name a folder of its own, like {folder / 'dump'}")
