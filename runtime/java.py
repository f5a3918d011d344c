"""The Java of this machine: which one runs, and whether it is new enough."""

import os
import re
import shutil
import subprocess
from pathlib import Path

JAVA_AT_LEAST = 17


def java_command() -> str:
    """The java to run: JAVA_HOME's if set, else the one on PATH."""
    home = os.environ.get("JAVA_HOME")
    at_home = Path(home) / "bin" / "java" if home else None
    return str(at_home) if at_home is not None and at_home.exists() else "java"


def java_version() -> int | None:
    """Major version of the `java` on PATH (JAVA_HOME first); None when there is none that runs."""
    try:
        told = subprocess.run([java_command(), "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', told)
    return int(found[1]) if found else None


def lacking_java(what: str) -> str | None:
    """One sentence that names the Java this machine lacks to run `what`, and the fix; None when it is there."""
    java = java_version()
    if java is None:
        return f"Java is not on PATH: install version {JAVA_AT_LEAST} or newer (Debian: apt-get install default-jre)."
    if java < JAVA_AT_LEAST:
        return f"Java {java} is too old for {what}: install a JRE {JAVA_AT_LEAST} or newer and put it first on PATH."
    return None


def lacking_maven(for_what: str) -> str | None:
    """One sentence when there is no Maven on PATH, and the fix."""
    if shutil.which("mvn") is None:
        return f"Maven is not on PATH, and it brings {for_what}: install it (Debian: apt-get install maven)."
    return None
