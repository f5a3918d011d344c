"""Flags of settings: a command takes those it names, and hands them on as they were given."""

from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from cli.app import for_typer
from cli.options import FLAGS, SOURCE, Given, kafka_properties, takes, words
from dataflow.errors import ConfigError
from runtime.settings import SETTINGS

app = typer.Typer()
seen: list[tuple[Given, int]] = []


@app.command("one")
@for_typer
@takes(*SOURCE, "workers", "events")
def one(given: Given, own: Annotated[int, typer.Option("--own")] = 1) -> None:
    """A command with a flag of its own."""
    seen.append((given, own))


@app.command("other")
@for_typer
@takes("lake")
def other(given: Given) -> None:
    """A second command, so that both are called by name."""
    seen.append((given, 0))


def call(*arguments: str) -> tuple[Given, int]:
    seen.clear()
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return seen[0]


def test_what_is_not_given_is_left_to_environment_file_and_default() -> None:
    assert call("one") == ({**dict.fromkeys(SOURCE), "workers": None, "events": None}, 1)
    assert call("other") == ({"lake": None}, 0)


def test_flags_come_with_their_types_beside_those_of_the_command() -> None:
    given, own = call(
        "one", "--input", "in", "-w", "2", "--no-events", "--kafka", "a=1", "--kafka", "b=x=y", "--own", "7"
    )
    assert own == 7
    assert {key: value for key, value in given.items() if value is not None} == {
        "input": Path("in"),
        "workers": 2,
        "events": False,
        "kafka": {"a": "1", "b": "x=y"},
    }


def test_a_flag_that_the_command_does_not_name_is_refused() -> None:
    assert CliRunner().invoke(app, ["other", "--topic", "ads"]).exit_code == 2


def test_help_shows_a_commands_own_flags_before_the_settings() -> None:
    text = CliRunner().invoke(app, ["one", "--help"]).output
    assert text.index("--own") < text.index("--pipeline") < text.index("--kafka") < text.index("--workers")


def test_words_give_the_same_settings_again() -> None:
    arguments = ["--source", "files", "--input", "in", "--kafka", "a=1", "--kafka", "b=x=y"]
    arguments += ["--workers", "2", "--no-events"]
    given, _ = call("one", *arguments)
    assert words(given) == arguments
    assert words({"lake": None}) == []


def test_every_flag_belongs_to_a_setting() -> None:
    assert FLAGS.keys() <= SETTINGS.keys()


@pytest.mark.parametrize("name", ["sasl.password", "ssl.key.pem", "sasl.oauthbearer.client.secret"])
def test_a_secret_in_a_flag_is_refused_without_being_repeated(name: str) -> None:
    with pytest.raises(ConfigError) as told:
        kafka_properties([f"{name}=hush-hush"])
    assert "everybody on this machine can read a command's flags" in str(told.value)
    assert "${NAME}" in str(told.value)
    assert "hush-hush" not in str(told.value)
    assert kafka_properties([f"{name}=${{HUSH}}"]) == {name: "${HUSH}"}
