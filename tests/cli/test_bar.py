"""A bar on a terminal that is gone at the end, and nothing elsewhere."""

import sys
import threading

import pytest

from cli.bar import Bar
from tests.terminal import on_a_terminal

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


def shown_of(begins_s: float, more: str = "pass") -> str:
    return on_a_terminal([sys.executable, "-c", _WORK.format(begins_s=begins_s, more=more)], columns=120)


def test_a_long_work_shows_how_much_is_done_and_how_fast() -> None:
    shown = shown_of(0.0)
    assert "reading again" in shown
    assert "records/s" in shown
    assert "%" in shown
    assert shown.rstrip().endswith("the end")


def test_what_is_hidden_does_not_come_again() -> None:
    shown = shown_of(0.0, 'shown.hide(); print("an answer"); time.sleep(0.5)')
    assert "reading again" not in shown.partition("an answer")[2]


def test_a_short_work_shows_nothing_and_imports_nothing() -> None:
    shown = shown_of(30.0, 'assert "rich" not in sys.modules')
    assert shown.split() == ["the", "end"]


def test_without_a_terminal_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    before = threading.active_count()
    with Bar("reading", "records") as bar:
        bar.expect(3)
        bar.done(1)
        assert threading.active_count() == before
    assert capsys.readouterr() == ("", "")
