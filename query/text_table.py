"""Tables as text, the one home of their form: plain aligned columns, or frames and colours for a terminal."""

import io
from collections.abc import Sequence

Row = Sequence[str]

_GAP = "  "


class TextTable:
    """Rows of texts below their headers. Texts are taken as they are; the columns in `right` end where the header does.

    Numbers stand to the right, and nothing is cut: a plain line is as long as it must be.
    """

    def __init__(self, headers: Row, right: Sequence[bool] | None = None) -> None:
        self._headers = list(headers)
        self._right = [False] * len(self._headers) if right is None else list(right)
        self._rows: list[Row] = []

    def add_row(self, *cells: str) -> None:
        """One more row, a cell per header."""
        assert len(cells) == len(self._headers)
        self._rows.append(cells)

    def plain(self, *, ruled: bool = False) -> str:
        """Aligned columns without spaces at the ends of lines, a newline after each; `ruled` underlines the headers."""
        lines = [self._headers, *self._rows]
        widths = [max(columns_of(line[at]) for line in lines) for at in range(len(self._headers))]
        if ruled:
            lines.insert(1, ["-" * width for width in widths])
        return "".join(f"{_GAP.join(self._cells(line, widths)).rstrip()}\n" for line in lines)

    def framed(self, width: int | None = None) -> str:
        """With frames and colours, as wide as the terminal, or `width`; what is too long goes on in the next line."""
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        drawn = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
        for header, to_right in zip(self._headers, self._right, strict=True):
            drawn.add_column(Text(header), justify="right" if to_right else "left", overflow="fold")
        for row in self._rows:
            drawn.add_row(*(Text(cell) for cell in row))
        buffer = io.StringIO()
        Console(file=buffer, force_terminal=True, width=width).print(drawn)
        return buffer.getvalue()

    def _cells(self, line: Row, widths: Sequence[int]) -> list[str]:
        return [
            " " * (width - columns_of(cell)) + cell if to_right else cell + " " * (width - columns_of(cell))
            for cell, width, to_right in zip(line, widths, self._right, strict=True)
        ]


def columns_of(text: str) -> int:
    """How many columns a text takes: characters of East Asia two each, combining ones none."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in text)
