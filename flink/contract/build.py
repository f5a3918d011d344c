"""Builds the jar of the Java function with Maven, once per change of its sources."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from dataflow.errors import TidemillError
from dataflow.root import INSTALLED, cache_folder

SOURCES = Path(__file__).resolve().parent / "java"
_CACHE = cache_folder(os.environ) if INSTALLED else None
CACHE = (SOURCES.parents[2] / ".run" if _CACHE is None else Path(_CACHE)) / "flink"
"""Where jars are kept."""

_TAIL_LINES = 12


def jar_name() -> str:
    """The name of the jar of these sources: another one after each change of them."""
    return f"tidemill-contract-{_digest()[:16]}.jar"


def contract_jar(folder: Path = CACHE) -> Path:
    """The jar in `folder`, which is built where it is not there. Safe when several processes call it at once.

    Raises TidemillError with the fix where Maven is missing or fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / jar_name()
    with (folder / ".contract.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _build(made)
    return made


def run_maven(folder: Path, *goals: str) -> str:
    """Run Maven over a copy of the sources in `folder`, which it fills; what it said. Raises TidemillError."""
    project = folder / "java"
    shutil.copytree(SOURCES, project, ignore=shutil.ignore_patterns("target"))
    try:
        told = subprocess.run(
            ["mvn", "-q", "-B", "-f", str(project / "pom.xml"), *goals], capture_output=True, text=True
        )
    except FileNotFoundError:
        raise TidemillError(
            "Maven is not on PATH, and it builds the function that judges records in Flink: install it "
            "(Debian: apt-get install maven)"
        ) from None
    said = (told.stdout + told.stderr).strip()
    if told.returncode != 0:
        tail = "\n".join(said.splitlines()[-_TAIL_LINES:])
        raise TidemillError(
            f"Maven could not build {SOURCES / 'pom.xml'}: is a JDK 17 there, and a Maven repository reachable? "
            f"it said:\n{tail}"
        )
    return said


def _build(made: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".contract-", dir=made.parent) as fresh:
        # these goals alone, for `package` would bring Flink's planner to run no test with it
        run_maven(Path(fresh), "resources:resources", "compiler:compile", "jar:jar")
        built = Path(fresh) / "java" / "target" / "contract-1.jar"
        built.rename(made)


def _digest() -> str:
    files = [SOURCES / "pom.xml", *sorted((SOURCES / "src" / "main").rglob("*.java"))]
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(SOURCES).as_posix()}\n{file.stat().st_size}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
