"""docs/inputs.md is played command by command."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.chaos.subject import PATIENCE_S, ROOT

PAGE = (ROOT / "docs" / "inputs.md").read_text().partition("\n## Files\n")[2]
FENCES = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each command of the page's part on files said, in order."""
    folder: Path = tmp_path_factory.mktemp("inputs")
    ((_, pipeline),) = [each for each in FENCES if each[0] == "python"]
    (folder / "shop.py").write_text(pipeline)
    environment = {
        "PATH": f"{ROOT / '.venv' / 'bin'}:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
        "TIDEMILL_COMPACT_EVERY": "0s",
    }
    found = {}
    for command in [line for language, text in FENCES if language == "sh" for line in text.splitlines()]:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, (command, done.stderr)
        found[command] = done.stdout + done.stderr
    return found


def words(told: dict[str, str], beginning: str) -> list[str]:
    """What the first command that begins so said."""
    return next(said for command, said in told.items() if command.startswith(beginning)).split()


def test_lines_packed_lines_and_rows_are_read_side_by_side(told: dict[str, str]) -> None:
    said = words(told, "tidemill query 'SELECT shop")
    assert said[-6:] == ["north", "2", "3.250000", "south", "1", "3.500000"]
    assert {"tuesday", "wrong_type"} <= set(words(told, "tidemill query 'SELECT \"partition"))


def test_what_is_not_read_is_named_by_check_and_by_the_run(told: dict[str, str]) -> None:
    for command in ("tidemill check", "tidemill run --pipeline shop.py --source files --input in "):
        assert "1 file in in is not read: 1 with *.txt (notes.txt)" in " ".join(words(told, command))
    assert "3 files in in are read." in " ".join(words(told, "tidemill check"))


def test_a_folder_gives_a_column(told: dict[str, str]) -> None:
    assert words(told, "tidemill query 'SELECT dt")[-2:] == ["2026-01-02", "3"]
