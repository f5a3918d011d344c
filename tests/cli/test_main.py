"""The command line as a whole."""

import errno
import re
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import pytest
import typer

from cli.app import Later, app, real
from cli.main import main
from cli.options import kafka_properties
from dataflow.errors import ConfigError, Gap, LakeMissing


@pytest.fixture
def failing(monkeypatch):
    """A command `fail` that raises what the list holds."""
    errors: list[Exception] = []

    def fail() -> None:
        raise errors[0]

    monkeypatch.setattr(app, "registered_commands", [*app.registered_commands])
    app.command("fail")(fail)
    return errors


@pytest.mark.parametrize(
    ("error", "code"), [(LakeMissing("no lake"), 5), (Gap("a gap"), 5), (ConfigError("k", 1, "f"), 2)]
)
def test_a_known_error_is_one_message_and_its_exit_code(capsys, failing, error, code):
    failing.append(error)
    with pytest.raises(SystemExit) as ended:
        main(arguments=["fail"])
    assert ended.value.code == code
    assert capsys.readouterr().err == f"error: {error}\n"


def test_an_unknown_error_is_not_hidden(failing):
    failing.append(ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        main(arguments=["fail"])


@pytest.mark.parametrize(
    "error",
    [
        KeyboardInterrupt(),
        EOFError(),
        BrokenPipeError(errno.EPIPE, "gone"),
        typer.Exit(3),
        typer.Abort(),
        LakeMissing("?"),
    ],
)
def test_what_a_question_raises_ends_it_as_any_command(monkeypatch, capsys, failing, error):
    ends = []

    def ask() -> None:
        raise error

    failing.append(error)
    for name, plain in (("fail", None), ("query", ask)):
        monkeypatch.setattr("cli.main.plain", lambda _words, _launch, last, plain=plain: plain)
        with redirect_stdout(sys.stdout), redirect_stderr(sys.stderr), pytest.raises(SystemExit) as ended:
            main(arguments=[name])
        ends.append((ended.value.code, *capsys.readouterr()))
    assert ends[0] == ends[1]
    assert ends[0][0]


def test_an_unknown_error_of_a_question_is_not_hidden_either(monkeypatch):
    def ask() -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("cli.main.plain", lambda _words, _launch, last: ask)
    with pytest.raises(ZeroDivisionError):
        main(arguments=["query"])


def test_a_command_finds_what_runs_the_pipeline(monkeypatch):
    seen = []

    def look(context: typer.Context) -> None:
        seen.append(context.obj)

    def launch() -> int:
        return 0

    monkeypatch.setattr(app, "registered_commands", [*app.registered_commands])
    app.command("look")(look)
    with pytest.raises(SystemExit) as ended:
        main(launch, ["look"])
    assert ended.value.code == 0
    assert seen == [launch]


def test_an_unknown_flag_ends_with_exit_code_2(capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments=["check", "--pipelin", "x"])
    assert ended.value.code == 2
    assert "--pipeline" in capsys.readouterr().err


COMMANDS = {
    *("run", "demo", "produce", "recover", "check", "query", "snapshots", "files", "dump", "lateness", "compact"),
    *("init", "erase", "backfill", "audit", "doctor", "replay", "report", "serve", "config show"),
    *("kafka start", "kafka stop", "kafka status", "flink generate"),
    *("flink up", "flink down", "flink run", "flink status", "flink savepoint", "flink stop", "flink resume"),
    *("flink cancel", "flink ingest", "parity", "spark generate", "spark run", "alerts", "rules test", "fraud"),
}


def leaves(command: Any, path: tuple[str, ...] = ()) -> dict[str, Any]:
    """Every command that does something, by the words that call it."""
    if isinstance(command, Later):
        command = real(path[0])
    below = getattr(command, "commands", None)
    if below is None:
        return {" ".join(path): command}
    return {words: leaf for name, each in below.items() for words, leaf in leaves(each, (*path, name)).items()}


def test_every_command_is_there():
    assert leaves(typer.main.get_command(app)).keys() == COMMANDS


def helped(capsys, *words: str) -> str:
    """What --help shows, frames and line ends taken out."""
    with pytest.raises(SystemExit) as ended:
        main(arguments=[*words, "--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    return " ".join(re.sub("[│╭╮╰╯─]", " ", out).split())


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_says_what_it_does(capsys, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "120")
    words = command.split()
    sentence = " ".join((leaves(typer.main.get_command(app))[command].help or "").split("\n\n")[0].split())
    assert re.fullmatch(r"[A-Z].{20,}\.", sentence), f"{command}: {sentence!r}"
    assert sentence in helped(capsys, *words)
    assert f" {words[-1]} {sentence[:20]}" in helped(capsys, *words[:-1])


def shown(capsys: Any, monkeypatch: Any, command: str, columns: int | None) -> list[str]:
    """The lines of --help in a pipe, at that width; None is whatever a pipe has."""
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit, match="0"):
        main(arguments=[*command.split(), "--help"])
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("command", sorted(COMMANDS))
@pytest.mark.parametrize("columns", [80, 60, None])
def test_every_flag_stands_on_one_line_of_its_commands_help_by_its_full_name(capsys, monkeypatch, command, columns):
    lines = shown(capsys, monkeypatch, command, columns)
    options = [each for each in leaves(typer.main.get_command(app))[command].params if not getattr(each, "hidden", 0)]
    names = [name for each in options for name in (*each.opts, *each.secondary_opts) if name.startswith("-")]
    for name in names:
        # not as the beginning of a longer one
        assert any(re.search(rf"(?<![\w-]){name}(?![\w-])", line) for line in lines), f"{name} in {lines}"
    assert max(map(len, lines)) <= (columns or 80)


@pytest.mark.parametrize("command", ["", "config", *sorted(COMMANDS)])
def test_no_line_of_help_ends_inside_a_word(capsys, monkeypatch, command):
    wide, narrow = (" ".join(shown(capsys, monkeypatch, command, columns)).split() for columns in (80, 60))
    assert narrow == wide


def test_kafka_properties_are_pairs():
    assert kafka_properties(None) is None
    assert kafka_properties(["a.b=c=d", "e="]) == {"a.b": "c=d", "e": ""}
    with pytest.raises(ConfigError, match="write NAME=VALUE"):
        kafka_properties(["security.protocol"])
