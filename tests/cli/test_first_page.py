"""The first page of help is Typer's own, letter for letter, however wide the terminal is."""

import pytest
from typer.main import get_command

from cli.app import app
from cli.first_page import first_page
from cli.main import main


@pytest.mark.parametrize("columns", [1, 50, 52, 53, 60, 67, 72, 79, 80, 81, 200])
def test_it_is_what_typer_writes(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    command = get_command(app)
    with command.make_context("tidemill", [], resilient_parsing=True) as context:
        assert first_page(columns) == command.get_help(context) + "\n"


def test_it_is_as_wide_as_the_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    with pytest.raises(SystemExit) as ended:
        main(arguments=["--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == first_page(60)
