"""What people and programs see of a command that answers no query: tables, lines, JSON documents."""

import re
import sys
from collections.abc import Sequence
from typing import Any

from dataflow.errors import TidemillError
from query.text_table import TextTable


def show(*things: TextTable | str) -> None:
    """Print tables and lines to standard output: fitted to a terminal, plain aligned columns and whole lines elsewhere.

    A table with columns that a terminal has no room for is turned on its side there: nothing is left out. A line that
    begins with a blank is shown as it is: it may be a command, which would not outlive being broken.
    """
    if not sys.stdout.isatty():
        for thing in things:
            print(thing if isinstance(thing, str) else thing.plain(), end="\n" if isinstance(thing, str) else "")
        return
    columns = _columns()
    for thing in things:
        if isinstance(thing, str):
            print(thing if len(thing) <= columns or thing.startswith(" ") else "\n".join(in_lines(thing, columns)))
        else:
            print(thing.framed(columns) if thing.fits(columns) else thing.on_its_side(columns), end="")


def note(text: str) -> None:
    """Say something about an answer on standard error, so that what is piped on stays data; see `in_lines`."""
    if sys.stderr.isatty():
        columns = _columns()
        text = "\n".join(line for each in text.split("\n") for line in in_lines(each, columns))
    print(text, file=sys.stderr)


def _columns() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def in_lines(text: str, columns: int) -> list[str]:
    """The text in lines of at most `columns`, broken after a comma, semicolon or colon where it can be, or at a blank.

    A word that is longer stays whole. "seen: 2026-01-01 00:00 to 01:00 UTC, as of snapshot 7" in 36 columns is
    "seen: 2026-01-01 00:00 to 01:00 UTC," and "as of snapshot 7": a time is not cut in two.
    """
    # only a terminal needs it
    import textwrap

    lines: list[str] = []
    for phrase in re.split(r"(?<=[,;:]) ", text):
        if lines and len(f"{lines[-1]} {phrase}") <= columns:
            lines[-1] += f" {phrase}"
        else:
            lines += textwrap.wrap(phrase, columns, break_long_words=False, break_on_hyphens=False) or [phrase]
    return lines


def end_with(errors: Sequence[TidemillError]) -> None:
    """End with all these errors, each told as one alone would be, and the first one's exit code; go on without any."""
    if errors:
        sys.stdout.flush()
        for error in errors:
            print(f"error: {error}", file=sys.stderr)
        raise SystemExit(errors[0].exit_code)


def show_json(document: Any) -> None:
    """Print one JSON document, indented. A number that JSON lacks (NaN, an infinity) is null."""
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(document, enc_hook=_base), indent=2).decode(), flush=True)


def _base(value: Any) -> Any:
    """A number or text of a class of its own, like NumPy's, as Python's."""
    for base in (str, int, float):
        if isinstance(value, base):
            return base(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
