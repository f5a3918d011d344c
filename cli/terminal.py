"""What people and programs see of a command that answers no query: tables, lines, JSON documents."""

import sys
from collections.abc import Sequence
from typing import Any

import typer

from dataflow.errors import TidemillError
from query.text_table import TextTable


def show(*things: TextTable | str) -> None:
    """Print tables and lines to standard output: framed on a terminal, plain aligned columns elsewhere."""
    terminal = sys.stdout.isatty()
    for thing in things:
        if isinstance(thing, str):
            print(thing)
        else:
            print(thing.framed() if terminal else thing.plain(), end="")


def end_with(errors: Sequence[TidemillError]) -> None:
    """End with all these errors, each told as one alone would be, and the first one's exit code; go on without any."""
    if errors:
        sys.stdout.flush()
        for error in errors:
            print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(errors[0].exit_code)


def show_json(document: Any) -> None:
    """Print one JSON document, indented. A number that JSON lacks (NaN, an infinity) is null."""
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(document, enc_hook=_base), indent=2).decode())


def _base(value: Any) -> Any:
    """A number or text of a class of its own, like NumPy's, as Python's."""
    for base in (str, int, float):
        if isinstance(value, base):
            return base(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
