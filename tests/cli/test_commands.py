"""The list of commands: what help says of each is what the command itself says."""

import inspect
from importlib import import_module
from pathlib import Path

import pytest

from cli.commands import COMMANDS
from cli.main import main

CLI = Path(__file__).parents[2] / "cli"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_of_a_command_is_the_first_of_its_own_help(name: str) -> None:
    module = import_module(f"cli.{name}")
    own = module.app.info.help if hasattr(module, "app") else inspect.getdoc(getattr(module, name))
    assert own is not None
    assert own.partition("\n\n")[0].replace("\n", " ") == COMMANDS[name]


def test_every_module_that_makes_a_command_is_listed() -> None:
    makers = {path.stem for path in CLI.glob("*.py") if path.read_text().startswith('"""`tidemill ')}
    assert makers == COMMANDS.keys()


def test_help_lists_all_commands_in_order_with_their_whole_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments=["--help"])
    assert ended.value.code == 0
    listed = capsys.readouterr().out.partition("Commands:\n")[2]
    words = " ".join(listed.split())
    assert words == " ".join(f"{name} {line}" for name, line in COMMANDS.items())
