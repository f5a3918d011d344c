"""The flag of the program itself: `tidemill --version`."""

from typing import Annotated

import typer

_UNDERNEATH = ("bytewax", "confluent-kafka", "duckdb", "numba", "numpy", "pyarrow", "pydantic", "sqlglot", "typer")
"""The packages whose version tells most when something is wrong."""


def _show(wanted: bool) -> None:
    if wanted:
        import platform
        from importlib.metadata import version

        typer.echo(f"tidemill {version('tidemill')}")
        typer.echo(f"{platform.python_implementation()} {platform.python_version()} on {platform.platform()}")
        typer.echo(", ".join(f"{name} {version(name)}" for name in _UNDERNEATH))
        raise typer.Exit


def top(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show,
            is_eager=True,
            help="Show the version, and those of what is underneath, and end.",
        ),
    ] = False,
) -> None:
    """Flags of the program itself; nothing but the version."""
