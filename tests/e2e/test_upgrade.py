"""docs/upgrade.md is played on a lake of 0.1.0: looked at, run, audited and recovered by this version."""

import os
import re
import shlex
import sqlite3
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from sinks.lake.catalog.format import FORMAT, MIGRATIONS, this_version
from tests.test_readme import FENCE, ROOT

PAGE = (ROOT / "docs" / "upgrade.md").read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where somebody ran 0.1.0, and more input has come since."""
    with tarfile.open(ROOT / "tests" / "stored" / "0.1.0.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    for path in (tmp_path / "more").iterdir():
        with (tmp_path / "input" / path.name).open("a") as file:
            file.write(path.read_text())
    return tmp_path


def tidemill(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "run", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, env=environ)


def test_the_page_is_played_in_its_order(folder: Path) -> None:
    blocks = [block for language, block in FENCE.findall(PAGE) if language == "sh"]
    lines = [shlex.split(line) for block in blocks for line in block.splitlines()]
    assert [words[1] for words in lines] == ["check", "doctor", "run", "audit", "recover"]
    said: dict[str, str] = {}
    for words in lines:
        before = (folder / "lake" / "catalog.sqlite").read_bytes()
        done = tidemill(folder, *words[1:])
        assert done.returncode in ((0, 1) if words[1] == "doctor" else (0,)), done.stdout + done.stderr
        said[words[1]] = done.stdout
        if words[1] in ("check", "doctor", "audit"):
            assert (folder / "lake" / "catalog.sqlite").read_bytes() == before
    assert "format 0, last written by Tidemill 0.1.0 or earlier" in said["doctor"]
    assert said["audit"].endswith("proven: every record of the source is in the lake exactly once\n")
    with sqlite3.connect(folder / "lake" / "catalog.sqlite") as connection:
        assert connection.execute("SELECT * FROM own_format").fetchall() == [(FORMAT, this_version())]


def test_the_page_names_every_step_and_the_format_of_this_version() -> None:
    steps = re.findall(r"^\| (\d+) to (\d+) \|", PAGE, re.MULTILINE)
    assert [(int(start), int(end)) for start, end in steps] == [(at, at + 1) for at in range(len(MIGRATIONS))]
    formats = re.findall(r"^\| +(\d+) \| lakes of", PAGE, re.MULTILINE)
    assert int(formats[-1]) == FORMAT


def test_the_refusal_on_the_page_is_the_one_that_is_said(folder: Path) -> None:
    with sqlite3.connect(folder / "lake" / "catalog.sqlite") as connection:
        connection.execute("CREATE TABLE own_format(format INTEGER NOT NULL, version TEXT NOT NULL)")
        connection.execute("INSERT INTO own_format VALUES (?, '0.3.0')", (FORMAT + 1,))
    done = tidemill(folder, "query", "SELECT 1")
    assert done.returncode == 5
    (shown,) = [block for language, block in FENCE.findall(PAGE) if block.startswith("error: the lake")]
    ours = f"this is Tidemill {this_version()}, which"
    wanted = re.sub(r"this is Tidemill \S+, which", ours, " ".join(shown.split()))
    assert " ".join(done.stderr.split()).replace(str(folder / "lake"), "lake") == wanted
