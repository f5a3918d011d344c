"""The environment of other readers, `.venv-readers`: its programs, and a home in which DuckDB finds its extensions."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
READERS = Path(os.environ.get("TIDEMILL_READERS", ROOT / ".venv-readers"))
PROGRAMS = Path(__file__).resolve().parent / "readers"

_INSTALL = """
import glob, sysconfig
import duckdb
connection = duckdb.connect()
for path in glob.glob(sysconfig.get_path("purelib") + "/duckdb_extension_*/extensions/*/*.duckdb_extension"):
    connection.execute(f"INSTALL '{path}'")
"""


def require(name: str) -> Path:
    """A file of the environment; skips the test without it, and fails it when CI=true."""
    path = READERS / name
    if not path.exists():
        reason = f"{path} is missing: run `make readers`"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


class Readers:
    """Runs programs in the environment. What DuckDB's packages bring stands where INSTALL would have put it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.python = require("bin/python")
        self.environment = {
            "HOME": str(home),
            "PATH": f"{READERS / 'bin'}:{os.environ['PATH']}",
            "TZ": "UTC",
            "NODE_PATH": str(READERS / "node_modules"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.run([str(self.python), "-c", _INSTALL])

    def run(
        self, command: Sequence[str], *, cwd: Path | None = None, given: str = "", more: Mapping[str, str] | None = None
    ) -> str:
        """Standard output of a program that has to end well; `more` is added to its environment."""
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**self.environment, **(more or {})},
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def program(self, name: str, *arguments: str, given: str = "", zone: str = "UTC") -> str:
        """The same of a program in `readers/`, by the ending of its name."""
        starts = {
            ".py": [str(self.python)],
            ".mjs": ["node"],
            ".java": ["java", "-cp", f"{READERS}/jars/*", f"-Duser.home={self.home}"],
        }
        if name.endswith(".mjs"):
            require("node_modules")
        if name.endswith(".java"):
            require("jars")
        return self.run([*starts[Path(name).suffix], str(PROGRAMS / name), *arguments], given=given, more={"TZ": zone})
