"""Brings the jars that a pom names with Maven, once per change of the pom."""

import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from dataflow.errors import TidemillError
from runtime.java import lacking_java, lacking_maven

_STAMP = ".pom"


class Jars(NamedTuple):
    """The jars of `pom` in `folder`; `program` and `whose` are how messages call them: "Kafka 4", "Kafka's jars"."""

    pom: Path
    folder: Path
    program: str
    whose: str

    def missing_tools(self) -> str | None:
        """One sentence that names what this machine lacks, and the fix; None when all is there."""
        return lacking_java(self.program) or (None if self.complete() else lacking_maven(self.whose))

    def fetch(self) -> Path:
        """Make sure the folder holds what the pom asks for, and return it. Safe when several processes call it at once.

        Raises TidemillError with the fix when Java or Maven is missing or Maven fails.
        """
        lacking = self.missing_tools()
        if lacking is not None:
            raise TidemillError(lacking)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with (self.folder.parent / f".{self.folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.complete():
                self._copy_dependencies()
        return self.folder

    def complete(self) -> bool:
        """Whether the folder was filled by this very pom."""
        stamp = self.folder / _STAMP
        return stamp.exists() and stamp.read_text() == self._pom_digest()

    def _copy_dependencies(self) -> None:
        fresh = Path(tempfile.mkdtemp(prefix=f".{self.folder.name}-", dir=self.folder.parent))
        try:
            # A copy, for Maven may write beside it.
            pom = shutil.copy(self.pom, fresh)
            maven = subprocess.run(
                ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={fresh}"],
                capture_output=True,
                text=True,
            )
            if maven.returncode != 0:
                tail = "\n".join((maven.stdout + maven.stderr).strip().splitlines()[-8:])
                raise TidemillError(
                    f"Maven could not bring {self.whose} ({self.pom}): is a Maven repository reachable? "
                    f"It said:\n{tail}"
                )
            (fresh / _STAMP).write_text(self._pom_digest())
            fresh.chmod(0o755)
            shutil.rmtree(self.folder, ignore_errors=True)
            fresh.rename(self.folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _pom_digest(self) -> str:
        return hashlib.sha256(self.pom.read_bytes()).hexdigest()
