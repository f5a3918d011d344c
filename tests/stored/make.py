"""How a released version's stored lake is made, once, before the release: `python -m tests.stored.make`.

A checkout of another version makes its own with `--checkout FOLDER`. The lake is made as a user would, by
`tidemill run`, of the pipeline and the input in tests/stored/first, and kept beside this file, packed, for ever.
"""

import argparse
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
MADE_OF = HERE / "first"
MADE_IN = "/home/somebody/stored/"
"""The folder that the catalog is to name: not one of this machine."""


def make(checkout: Path) -> Path:
    """Let the version in `checkout` fill a lake in two commits; returns the archive."""
    version = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]["version"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / version
        folder.mkdir()
        for path in (*MADE_OF.glob("*.py"), *MADE_OF.glob("*.csv")):
            shutil.copy(path, folder)
        for part in ("input", "more"):
            shutil.copytree(MADE_OF / part, folder / part)
        places = ["--lake", "lake", "--recovery", "recovery", "--compact-every", "0s"]
        command = [sys.executable, "-m", "run", "run", "--bounded", "--pipeline", "pipeline.py", "--source", "files"]
        environ = {**os.environ, "PYTHONPATH": str(checkout), "PYTHONDONTWRITEBYTECODE": "1"}
        subprocess.run([*command, "--input", "input", *places], cwd=folder, env=environ, check=True)
        for lock in (folder / "recovery").glob("lock-*"):
            lock.unlink()
        _settle(folder, version)
        archive = HERE / f"{version}.tar.xz"
        with tarfile.open(archive, "w:xz") as tar:
            for path in sorted(folder.iterdir()):
                tar.add(path, path.name, filter=_plain)
    return archive


def _settle(folder: Path, version: str) -> None:
    """Leave one file of each database, and no name of this machine's folders in the catalog."""
    catalog = folder / "lake" / "catalog.sqlite"
    for path in (catalog, *(folder / "recovery").glob("*.sqlite3")):
        connection = sqlite3.connect(path, isolation_level=None)
        if path == catalog:
            place = f"{MADE_IN}{version}/lake/"
            connection.execute("UPDATE ducklake_metadata SET value = ? WHERE \"key\" = 'data_path'", (place,))
            connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Nothing of who made it and when; no caches."""
    if "__pycache__" in entry.name:
        return None
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkout", type=Path, default=HERE.parents[1], help="the version's files; this one's if not")
    print(make(parser.parse_args().checkout.resolve()))
