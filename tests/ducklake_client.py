"""The official DuckLake extension, in an environment of its own, asked through a child process.

The interpreter is TIDEMILL_DUCKLAKE_PYTHON, else `.venv-ducklake/bin/python` in the repository; it needs duckdb,
duckdb-extension-ducklake and duckdb-extension-sqlite-scanner of one version.
"""

import json
import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).resolve().parent.parent

_CHILD = r"""
import glob, json, os, sys, sysconfig
import duckdb

asked = json.load(sys.stdin)
con = duckdb.connect(config={"allow_unsigned_extensions": "true"})
pattern = "duckdb_extension_*/extensions/*/*.duckdb_extension"
found = sorted(glob.glob(os.path.join(sysconfig.get_paths()["purelib"], pattern)))
if not any("ducklake" in path for path in found):
    sys.exit("the package duckdb-extension-ducklake is not installed in " + sys.prefix)
# the catalog's own scanner first: ducklake needs it
for path in sorted(found, key=lambda path: "ducklake" in path):
    con.execute("LOAD '%s'" % path)
options = "" if asked["writable"] else " (READ_ONLY)"
con.execute("ATTACH 'ducklake:sqlite:%s' AS lake%s" % (asked["catalog"], options))
con.execute("USE lake")
answers = []
for sql in asked["sqls"]:
    result = con.execute(sql)
    answers.append(result.fetchall() if result.description else [])
print()
json.dump(answers, sys.stdout, default=lambda value: value.hex() if isinstance(value, bytes) else str(value))
"""


def ducklake_python() -> Path | None:
    """The interpreter of the DuckLake environment, or None."""
    named = os.environ.get("TIDEMILL_DUCKLAKE_PYTHON")
    path = Path(named) if named else _ROOT / ".venv-ducklake" / "bin" / "python"
    return path if path.exists() else None


def require_ducklake() -> Path:
    """The interpreter; skips the test without one, and fails it when CI=true."""
    python = ducklake_python()
    if python is None:
        reason = "the DuckLake environment is missing: run `make ducklake` or set TIDEMILL_DUCKLAKE_PYTHON"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return python


def ducklake_query(lake: Path, sqls: Sequence[str], *, writable: bool = False) -> list[list[list[Any]]]:
    """Rows of each statement, in order, on one connection attached to the lake as `lake`.

    Values come as JSON has them; decimals, dates and times as text, blobs as hex.
    """
    python = require_ducklake()
    asked = json.dumps({"catalog": str(Path(lake) / "catalog.sqlite"), "sqls": list(sqls), "writable": writable})
    done = subprocess.run(
        [str(python), "-I", "-c", _CHILD], input=asked, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    # of a statement that takes seconds, on a busy machine, the client shows its progress first
    answers: list[list[list[Any]]] = json.loads(done.stdout.splitlines()[-1])
    return answers


def plain(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """Rows of any client in the form of `ducklake_query`."""
    text = json.dumps([list(row) for row in rows], default=lambda v: v.hex() if isinstance(v, bytes) else str(v))
    answer: list[list[Any]] = json.loads(text)
    return answer
