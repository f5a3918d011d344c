"""Brings Apache Kafka's jars with Maven, once per change of the pom: into deploy/kafka/lib, or a cache of the user."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from dataflow.errors import TidemillError
from dataflow.root import INSTALLED, cache_folder

HERE = Path(__file__).resolve().parent / "kafka"
_CACHE = cache_folder(os.environ) if INSTALLED else None
JARS = (HERE if _CACHE is None else Path(_CACHE) / "kafka") / "lib"
JAVA_AT_LEAST = 17


def missing_tools(jars: Path = JARS) -> str | None:
    """One sentence that names what this machine lacks to run Kafka, and the fix; None when all is there."""
    java = java_version()
    if java is None:
        return f"Java is not on PATH: install version {JAVA_AT_LEAST} or newer (Debian: apt-get install default-jre)."
    if java < JAVA_AT_LEAST:
        return f"Java {java} is too old for Kafka 4: install a JRE {JAVA_AT_LEAST} or newer and put it first on PATH."
    if not _complete(jars) and shutil.which("mvn") is None:
        return "Maven is not on PATH, and it brings Kafka's jars: install it (Debian: apt-get install maven)."
    return None


def java_version() -> int | None:
    """Major version of the `java` on PATH (JAVA_HOME first); None when there is none that runs."""
    try:
        told = subprocess.run([java_command(), "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', told)
    return int(found[1]) if found else None


def java_command() -> str:
    """The java to run: JAVA_HOME's if set, else the one on PATH."""
    home = os.environ.get("JAVA_HOME")
    at_home = Path(home) / "bin" / "java" if home else None
    return str(at_home) if at_home is not None and at_home.exists() else "java"


def fetch_jars(jars: Path = JARS) -> Path:
    """Make sure `jars` holds what the pom asks for, and return it. Safe when several processes call it at once.

    Raises TidemillError with the fix when Java or Maven is missing or Maven fails.
    """
    lacking = missing_tools(jars)
    if lacking is not None:
        raise TidemillError(lacking)
    jars.parent.mkdir(parents=True, exist_ok=True)
    with (jars.parent / ".lib.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _complete(jars):
            _copy_dependencies(jars)
    return jars


def _copy_dependencies(jars: Path) -> None:
    fresh = Path(tempfile.mkdtemp(prefix=".lib-", dir=jars.parent))
    try:
        # A copy, for Maven may write beside it.
        pom = shutil.copy(HERE / "pom.xml", fresh)
        maven = subprocess.run(
            [
                "mvn",
                "-q",
                "-B",
                "-f",
                str(pom),
                "dependency:copy-dependencies",
                f"-DoutputDirectory={fresh}",
            ],
            capture_output=True,
            text=True,
        )
        if maven.returncode != 0:
            tail = "\n".join((maven.stdout + maven.stderr).strip().splitlines()[-8:])
            raise TidemillError(
                f"Maven could not bring Kafka's jars ({HERE / 'pom.xml'}): is a Maven repository reachable? "
                f"It said:\n{tail}"
            )
        (fresh / _STAMP).write_text(_pom_digest())
        fresh.chmod(0o755)
        shutil.rmtree(jars, ignore_errors=True)
        fresh.rename(jars)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


_STAMP = ".pom"


def _complete(jars: Path) -> bool:
    stamp = jars / _STAMP
    return stamp.exists() and stamp.read_text() == _pom_digest()


def _pom_digest() -> str:
    return hashlib.sha256((HERE / "pom.xml").read_bytes()).hexdigest()
