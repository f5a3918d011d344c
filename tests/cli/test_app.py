"""The command line for Typer: help, mistakes and completions of commands that are imported when they are called."""

import pytest

from cli.app import real
from cli.commands import COMMANDS
from cli.flags import parameters
from cli.main import main
from cli.query import query


def test_what_a_command_declares_is_what_typer_is_told() -> None:
    known = {each.name: each for each in real("query").params}
    assert list(known) == [*parameters(query)]
    assert known["rows"].opts == ["--limit"]
    assert known["rows"].type.min == 1
    assert (known["output"].opts, known["output"].default) == (["--output", "-o"], None)
    assert (known["sql"].param_type_name, known["sql"].default, known["sql"].required) == ("argument", "-", False)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_its_own_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments=[name, "--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith(f"Usage: tidemill {name} [OPTIONS]")
    assert COMMANDS[name].split()[0] in out


def test_a_mistyped_command_is_answered_with_the_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments=["querry"])
    assert ended.value.code == 2
    assert "'query'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("tidemill sn", "snapshots"),
        ("tidemill query --f", "--format"),
        ("tidemill kafka st", "start\nstop\nstatus"),
        ("tidemill run --generator-s", "--generator-seed\n--generator-seconds"),
    ],
)
def test_a_shell_completes_commands_and_the_flags_of_commands_that_are_not_imported(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: str, expected: str
) -> None:
    monkeypatch.setenv("_TIDEMILL_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    with pytest.raises(SystemExit) as ended:
        main(arguments=[])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{expected}\n"
