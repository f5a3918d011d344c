"""What a command declares of its parameters, read without Typer."""

from typing import Annotated

import typer

from cli.flags import CONTEXT, Declared, argument, option, parameters
from cli.options import takes


def asked(
    context: "typer.Context",
    name: Annotated[str, argument(help="A name.")],
    rows: Annotated[int | None, option("--rows", "-r", min=1)] = None,
    *,
    deep: Annotated[bool, option("--deep")] = False,
    plain: int = 3,
) -> None:
    """Have one parameter of each kind."""


def test_parameters_have_their_types_flags_and_defaults_in_their_order() -> None:
    found = parameters(asked)
    assert list(found) == ["context", "name", "rows", "deep", "plain"]
    assert found["context"] == Declared(CONTEXT, None, required=True)
    assert found["name"].flag == argument(help="A name.")
    assert found["name"].required
    assert (found["rows"].type, found["rows"].default, found["rows"].required) == (int | None, None, False)
    assert found["rows"].flag == option("--rows", "-r", min=1)
    assert (found["deep"].type, found["deep"].default) == (bool, False)
    assert (found["plain"].type, found["plain"].flag, found["plain"].default) == (int, None, 3)


def test_a_command_that_takes_settings_has_their_flags_behind_its_own() -> None:
    @takes("lake", "pipeline")
    def command(given: dict[str, object], name: Annotated[str, argument()] = "x") -> None:
        """Take two settings."""

    found = parameters(command)
    assert list(found) == ["name", "pipeline", "lake"]
    assert found["lake"].flag is not None
    assert found["lake"].flag.names == ("--lake",)
