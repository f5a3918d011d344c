"""The flag of the program itself: `tidemill --version`."""

from typing import Annotated

import typer


def _show(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"tidemill {version('tidemill')}")
        raise typer.Exit


def top(
    version: Annotated[
        bool, typer.Option("--version", callback=_show, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Flags of the program itself; nothing but the version."""
