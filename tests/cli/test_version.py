"""`tidemill --version`."""

import tomllib
from pathlib import Path

import pytest

from cli.main import main


@pytest.mark.parametrize("arguments", [["--version"], ["--version", "no-such-command"]])
def test_the_version_is_shown_and_nothing_else_done(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    with pytest.raises(SystemExit) as ended:
        main(arguments=arguments)
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"tidemill {project['version']}\n"


def test_without_a_command_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments=[])
    shown = capsys.readouterr()
    assert "--version" in shown.out + shown.err


def test_the_version_is_of_one_command_only(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments=["check", "--version"])
    assert ended.value.code == 2
