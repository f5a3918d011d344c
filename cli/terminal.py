"""What people see: tables on a terminal, plain aligned columns elsewhere."""

import sys
from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

PLAIN_WIDTH = 500
"""Off a terminal lines are as long as they must be: nothing is cut or wrapped."""


def grid(*headers: str) -> "Table":
    """A table with these columns; texts are taken as they are, without markup."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    terminal = sys.stdout.isatty()
    table = Table(box=SIMPLE_HEAD if terminal else None, pad_edge=False, header_style="bold" if terminal else "")
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


def show(*things: "Table | str") -> None:
    """Print tables and lines to standard output."""
    from rich.console import Console

    if sys.stdout.isatty():
        console = Console(file=sys.stdout, highlight=False, markup=False)
        for thing in things:
            console.print(thing)
        return
    plain = Console(file=StringIO(), width=PLAIN_WIDTH, highlight=False, markup=False, color_system=None)
    with plain.capture() as captured:
        for thing in things:
            plain.print(thing)
    for line in captured.get().splitlines():
        print(line.rstrip())
