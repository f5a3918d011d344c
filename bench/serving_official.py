"""The official DuckLake client beside ours: the same SQL on the same lake, timed inside its own process.

Its interpreter is that of `.venv-ducklake` (`make ducklake`), or TIDEMILL_DUCKLAKE_PYTHON.
"""

import json
import os
import subprocess
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

_CHILD = r"""
import datetime, glob, json, os, sys, sysconfig, time
import duckdb

con = duckdb.connect(config={"allow_unsigned_extensions": "true"})
pattern = "duckdb_extension_*/extensions/*/*.duckdb_extension"
found = glob.glob(os.path.join(sysconfig.get_paths()["purelib"], pattern))
for path in sorted(found, key=lambda path: "ducklake" in path):
    con.execute("LOAD '%s'" % path)
con.execute("SET enable_progress_bar = false")
con.execute("ATTACH 'ducklake:sqlite:%s' AS lake (READ_ONLY)" % sys.argv[1])
con.execute("USE lake")
print(duckdb.__version__, flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    given = {
        name: datetime.datetime.fromisoformat(value) if isinstance(value, str) else value
        for name, value in asked["parameters"].items()
    }
    started = time.perf_counter()
    rows = con.execute(asked["sql"], given).fetchall()
    seconds = time.perf_counter() - started
    print(json.dumps([seconds, rows], default=str), flush=True)
"""


def interpreter() -> Path:
    """Where the official client is installed. Raises SystemExit where it is not."""
    named = os.environ.get("TIDEMILL_DUCKLAKE_PYTHON")
    path = Path(named) if named else Path(__file__).resolve().parents[1] / ".venv-ducklake" / "bin" / "python"
    if not path.exists():
        raise SystemExit("the official DuckLake client is not there: run `make ducklake`")
    return path


class Official:
    """The client, attached to the lake in `folder` for as long as it is open; it sees each newest snapshot."""

    def __init__(self, folder: Path) -> None:
        self._child = subprocess.Popen(
            [str(interpreter()), "-I", "-c", _CHILD, str(folder / "catalog.sqlite")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.version = self._line().strip()

    def __enter__(self) -> "Official":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait()
        assert self._child.stdout is not None
        self._child.stdout.close()

    def ask(self, sql: str, parameters: Mapping[str, object]) -> tuple[float, list[list[Any]]]:
        """Seconds that it took, and the rows; decimals and times as text."""
        given = {name: each.isoformat() if isinstance(each, datetime) else each for name, each in parameters.items()}
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps({"sql": sql, "parameters": given}) + "\n")
        self._child.stdin.flush()
        seconds, rows = json.loads(self._line())
        return seconds, rows

    def _line(self) -> str:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise SystemExit("the official DuckLake client has ended; its message stands above")
        return line


def plain(rows: list[dict[str, Any]]) -> list[list[Any]]:
    """Our rows in the form of `Official.ask`."""
    found: list[list[Any]] = json.loads(json.dumps([[*row.values()] for row in rows], default=str))
    return found
