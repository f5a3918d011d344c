"""Tables as text, the one home of their form: plain aligned columns, or fitted to a terminal and framed."""

import io
from collections.abc import Sequence

Row = Sequence[str]

_GAP = "  "
_RICH_GAP = 3
"""rich puts a space to either side of what stands between two columns."""
_MORE = "\N{HORIZONTAL ELLIPSIS}"
_LEAST_TEXT = 12
"""A text is not cut or folded below so many columns: others are left out before."""


class TextTable:
    """Rows of texts below their headers. The columns in `right` end where the header does; numbers stand there.

    Plain text keeps every column and text whole. On a terminal no header, and nothing in a column of `right` or
    `whole`, is ever broken or cut: texts give way first, then columns at the end are left out and counted.
    Characters that would begin a line or move a terminal's cursor are shown as escapes.
    """

    def __init__(self, headers: Row, right: Sequence[bool] | None = None, whole: Sequence[bool] | None = None) -> None:
        self._headers = [_printable(header) for header in headers]
        self._right = [False] * len(self._headers) if right is None else list(right)
        self._whole = self._right if whole is None else [a or b for a, b in zip(self._right, whole, strict=True)]
        self._rows: list[Row] = []

    def add_row(self, *cells: str) -> None:
        """One more row, a cell per header."""
        assert len(cells) == len(self._headers)
        self._rows.append([_printable(cell) for cell in cells])

    def plain(self, *, ruled: bool = False) -> str:
        """Aligned columns without spaces at the ends of lines, a newline after each; `ruled` underlines the headers."""
        lines = [self._headers, *self._rows]
        widths = self._widths()
        if ruled:
            lines.insert(1, ["-" * width for width in widths])
        return "".join(f"{_GAP.join(self._cells(line, widths)).rstrip()}\n" for line in lines)

    def framed(self, width: int | None = None, *, cut: bool = False) -> str:
        """With a rule and colours, as wide as the terminal or `width`. A text that is too long goes on in the next
        line, or is `cut`.
        """
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        buffer = io.StringIO()
        room = width or Console().width
        widths, left_out = fitted(self._widths(), self._least(), room, gap=_RICH_GAP)
        # a first column that is too wide for the terminal goes on in its next line, and loses nothing
        needed = sum(widths) + _RICH_GAP * (len(widths) - 1) + _notice(left_out, _RICH_GAP)
        console = Console(file=buffer, force_terminal=True, width=max(room, needed))
        drawn = Table(box=SIMPLE_HEAD, header_style="bold", show_edge=False, pad_edge=False)
        kept = list(zip(self._headers, self._right, self._whole, widths, strict=False))
        for header, to_right, whole, columns in kept:
            drawn.add_column(
                Text(header),
                justify="right" if to_right else "left",
                overflow="ellipsis" if cut else "fold",
                no_wrap=cut or whole,
                width=columns,
            )
        if left_out:
            drawn.add_column(Text(f"{_MORE} {left_out} more"), no_wrap=True, width=len(f"{_MORE} {left_out} more"))
        for row in self._rows:
            drawn.add_row(*(Text(cell) for cell in row[: len(kept)]), *([Text(_MORE)] if left_out else []))
        console.print(drawn, crop=False)
        if left_out:
            console.print(Text(f"not shown: {', '.join(self._headers[len(kept) :])} (--format rows)", style="dim"))
        return buffer.getvalue()

    def fits(self, width: int) -> bool:
        """Whether `framed` shows all columns in so many."""
        return not fitted(self._widths(), self._least(), width, gap=_RICH_GAP)[1]

    def on_its_side(self, width: int) -> str:
        """Each row as a block of lines, one a column, with an empty line between; long texts go on in the next line."""
        import textwrap

        room = max(map(columns_of, self._headers), default=0)
        blocks = []
        for row in self._rows:
            lines: list[str] = []
            for header, cell in zip(self._headers, row, strict=True):
                parts = textwrap.wrap(cell, max(width - room - len(_GAP), _LEAST_TEXT), break_on_hyphens=False) or [""]
                lines += [
                    f"{name}{' ' * (room - columns_of(name))}{_GAP}{part}".rstrip()
                    for name, part in zip([header, *[""] * (len(parts) - 1)], parts, strict=True)
                ]
            blocks.append("".join(f"{line}\n" for line in lines))
        return "\n".join(blocks)

    def _widths(self) -> list[int]:
        lines = [self._headers, *self._rows]
        return [max(columns_of(line[at]) for line in lines) for at in range(len(self._headers))]

    def _least(self) -> list[int]:
        return [
            width if whole else max(columns_of(header), min(width, _LEAST_TEXT))
            for header, width, whole in zip(self._headers, self._widths(), self._whole, strict=True)
        ]

    def _cells(self, line: Row, widths: Sequence[int]) -> list[str]:
        return [
            " " * (width - columns_of(cell)) + cell if to_right else cell + " " * (width - columns_of(cell))
            for cell, width, to_right in zip(line, widths, self._right, strict=True)
        ]


def fitted(widths: Sequence[int], least: Sequence[int], room: int, *, gap: int) -> tuple[list[int], int]:
    """Widths for the first columns of a table that fit into `room`, and how many columns at the end are left out.

    `widths` are those that everything needs, `least` those to which it may shrink; the widest shrink first. The first
    column is always there, `… n more` counts where columns are left out.
    """
    count = len(widths)
    while count > 1 and sum(least[:count]) + gap * (count - 1) + _notice(len(widths) - count, gap) > room:
        count -= 1
    left_out = len(widths) - count
    found, floor = list(widths[:count]), list(least[:count])
    excess = sum(found) + gap * (count - 1) + _notice(left_out, gap) - room
    while excess > 0:
        at = max((at for at in range(count) if found[at] > floor[at]), key=found.__getitem__, default=None)
        if at is None:
            break
        found[at] -= 1
        excess -= 1
    return found, left_out


def columns_of(text: str) -> int:
    """How many columns a text takes: characters of East Asia two each, combining ones none."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in text)


def _notice(left_out: int, gap: int) -> int:
    return gap + len(f"{_MORE} {left_out} more") if left_out else 0


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each in _SHOWN else each.encode("unicode_escape").decode() for each in text
    )


_SHOWN = "\N{NO-BREAK SPACE}\N{IDEOGRAPHIC SPACE}\N{ZERO WIDTH JOINER}"
"""Not printable for Python, and harmless; the last one holds signs together."""
