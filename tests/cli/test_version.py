"""`tidemill --version`."""

import platform
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from cli.main import main


@pytest.mark.parametrize("arguments", [["--version"], ["--version", "no-such-command"]])
def test_the_version_is_shown_and_nothing_else_done(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    with pytest.raises(SystemExit) as ended:
        main(arguments=arguments)
    assert ended.value.code == 0
    first, python, underneath = capsys.readouterr().out.splitlines()
    assert first == f"tidemill {project['version']}"
    assert python.startswith(f"CPython {platform.python_version()} on ")
    named = dict(each.split(" ") for each in underneath.split(", "))
    assert named == {name: version(name) for name in named}
    assert named.keys() <= {re.match(r"[\w-]+", each)[0] for each in project["dependencies"]}  # type: ignore[index]  # it must match


def test_without_a_command_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments=[])
    shown = capsys.readouterr()
    assert "--version" in shown.out + shown.err


def test_the_version_is_of_one_command_only(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments=["check", "--version"])
    assert ended.value.code == 2
