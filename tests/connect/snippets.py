"""The examples of docs/connect.md, taken from the page and run as they stand."""

import re
import sys
from pathlib import Path
from typing import NamedTuple

from tests.connect.environment import READERS, Readers

PAGE = Path(__file__).resolve().parents[2] / "docs" / "connect.md"
SERVER = "http://127.0.0.1:8088"
"""The address that the page names; a test's own server has another."""

_PART = re.compile(r"^## (?P<head>[^\n]*)$|^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


class Snippet(NamedTuple):
    """A block of code under its heading; `number` counts them there from 1."""

    head: str
    number: int
    language: str
    code: str


def snippets() -> list[Snippet]:
    """All of the page, from top to bottom."""
    found: list[Snippet] = []
    head, number = "", 0
    for part in _PART.finditer(PAGE.read_text()):
        if part["head"]:
            head, number = part["head"], 0
        else:
            number += 1
            found.append(Snippet(head, number, part["language"], part["code"]))
    return found


def play(snippet: Snippet, readers: Readers, folder: Path, server: str | None = None) -> str:
    """What it prints when it is run in `folder`, where `lake` is, with our own command on the path."""
    code = snippet.code if server is None else snippet.code.replace(SERVER, server)
    commands = {
        "sh": ["bash", "-euo", "pipefail", "-c", code],
        "sql": ["duckdb", "-csv", "-bail", "-c", code],
        "python": [str(readers.python), "-W", "error", "-c", code],
        "js": ["node", "--input-type=module", "-e", code],
    }
    path = f"{READERS / 'bin'}:{Path(sys.executable).parent}:{readers.environment['PATH']}"
    return readers.run(commands[snippet.language], cwd=folder, more={"PATH": path})
