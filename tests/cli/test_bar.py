"""A bar on a terminal that is gone at the end, and nothing elsewhere."""

import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cli.bar import Bar

ROOT = Path(__file__).parents[2]
_WORK = """
import sys, time
from cli import bar
bar.BEGINS_S = {begins_s}
with bar.Bar("reading again", "records") as shown:
    shown.expect(1000)
    for _ in range(10):
        shown.done(90)
        time.sleep(0.1)
    {more}
print("the end")
"""


def on_a_terminal(begins_s: float, more: str = "pass") -> str:
    ours, theirs = pty.openpty()
    program = _WORK.format(begins_s=begins_s, more=more)
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    child = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other side was closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert child.wait() == 0
    return shown.decode()


def test_a_long_work_shows_how_much_is_done_and_how_fast() -> None:
    shown = on_a_terminal(0.0)
    assert "reading again" in shown
    assert "records/s" in shown
    assert "%" in shown
    assert shown.rstrip().endswith("the end")


def test_what_is_hidden_does_not_come_again() -> None:
    shown = on_a_terminal(0.0, 'shown.hide(); print("an answer"); time.sleep(0.5)')
    assert "reading again" not in shown.partition("an answer")[2]


def test_a_short_work_shows_nothing_and_imports_nothing() -> None:
    shown = on_a_terminal(30.0, 'assert "rich" not in sys.modules')
    assert shown.split() == ["the", "end"]


def test_without_a_terminal_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    before = threading.active_count()
    with Bar("reading", "records") as bar:
        bar.expect(3)
        bar.done(1)
        assert threading.active_count() == before
    assert capsys.readouterr() == ("", "")
