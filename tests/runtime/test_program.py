"""The program started again: in the tree by its file, installed by its package, never by what the folder holds."""

import subprocess
import sys
from pathlib import Path

import pytest

from runtime import program
from runtime.program import this_command


def test_it_is_this_program_from_any_folder(tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text("raise SystemExit('not this one')")
    done = subprocess.run(this_command(["--version"]), cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("tidemill ")


def test_where_it_is_installed_it_is_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "INSTALLED", True)
    monkeypatch.setattr(program, "ROOT", "tidemill.")
    assert this_command(["run"]) == [sys.executable, "-P", "-m", "tidemill", "run"]
