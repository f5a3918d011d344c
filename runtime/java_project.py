"""A Maven project of ours as one jar, built once per change of its sources."""

import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from dataflow.errors import TidemillError

_TAIL_LINES = 12
_GOALS = ("resources:resources", "compiler:compile", "jar:jar")
"""These alone, for `package` would bring an engine's planner to run no test with it."""


class JavaProject(NamedTuple):
    """The project in `root`, and files of another one that are compiled with it.

    `built`: what Maven calls its jar; `name`: how the jar that is kept begins. `purpose`: what it does, for messages.
    """

    root: Path
    built: str
    name: str
    purpose: str
    beside: tuple[Path, ...] = ()

    @property
    def jar_name(self) -> str:
        """The name of the jar of these sources: another one after each change of them."""
        return f"{self.name}-{self._digest()[:16]}.jar"

    def jar(self, folder: Path) -> Path:
        """The jar in `folder`, which is built where it is not there. Safe when several processes call it at once.

        Raises TidemillError with the fix where Maven is missing or fails.
        """
        folder.mkdir(parents=True, exist_ok=True)
        made = folder / self.jar_name
        with (folder / f".{self.built.partition('-')[0]}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.exists():
                self._build(made)
        return made

    def run_maven(self, folder: Path, *goals: str) -> str:
        """Run Maven over a copy of the sources in `folder`, which it fills; what it said. Raises TidemillError."""
        project = folder / "java"
        shutil.copytree(self.root, project, ignore=shutil.ignore_patterns("target"))
        for file in self.beside:
            shutil.copy(file, project / "src/main/java" / file.parent.parent.name / file.parent.name)
        try:
            told = subprocess.run(
                ["mvn", "-q", "-B", "-f", str(project / "pom.xml"), *goals], capture_output=True, text=True
            )
        except FileNotFoundError:
            raise TidemillError(
                f"Maven is not on PATH, and it builds {self.purpose}: install it (Debian: apt-get install maven)"
            ) from None
        said = (told.stdout + told.stderr).strip()
        if told.returncode != 0:
            tail = "\n".join(said.splitlines()[-_TAIL_LINES:])
            raise TidemillError(
                f"Maven could not build {self.root / 'pom.xml'}: is a JDK 17 there, and a Maven repository reachable? "
                f"it said:\n{tail}"
            )
        return said

    def _build(self, made: Path) -> None:
        with tempfile.TemporaryDirectory(prefix=f".{self.built.partition('-')[0]}-", dir=made.parent) as fresh:
            self.run_maven(Path(fresh), *_GOALS)
            built = Path(fresh) / "java" / "target" / self.built
            built.rename(made)

    def _digest(self) -> str:
        files = [self.root / "pom.xml", *sorted((self.root / "src/main").rglob("*.java")), *self.beside]
        digest = hashlib.sha256()
        for file in files:
            name = file.name if file in self.beside else file.relative_to(self.root).as_posix()
            digest.update(f"{name}\n{file.stat().st_size}\n".encode())
            digest.update(file.read_bytes())
        return digest.hexdigest()
