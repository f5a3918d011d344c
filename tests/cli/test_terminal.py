"""What people see off a terminal and on one."""

import sys

import pytest

from cli.terminal import grid, show


def test_off_a_terminal_nothing_is_cut_wrapped_or_padded(capsys: pytest.CaptureFixture[str]) -> None:
    table = grid("name", "text")
    table.add_row("a", "x" * 300)
    table.add_row("longer", "")
    show("first", table)
    assert capsys.readouterr().out.splitlines() == ["first", "name    text", f"a       {'x' * 300}", "longer"]


def test_square_brackets_are_text_and_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    show("p [2, 4)", grid("[bold]"))
    assert capsys.readouterr().out.splitlines() == ["p [2, 4)", "[bold]"]


def test_on_a_terminal_headers_stand_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    table = grid("name")
    assert (table.header_style, table.box is not None) == ("bold", True)
