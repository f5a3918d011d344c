"""Plots as SVG text, without a library: bars side by side, and lines over an axis that may be logarithmic."""

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10
from xml.sax.saxutils import escape

WIDTH = 720
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 24, 46, 46
_ROW, _BAR = 26, 16
_COLOURS = ("#1f6f8b", "#d1495b", "#6a994e", "#8a5a9e", "#c98a1b", "#5b6670")
_INK, _QUIET, _GRID = "#1c2126", "#5b6670", "#d9dee3"

Points = Sequence[tuple[float, float]]
"""(x, y), in the order of x."""


def bars(title: str, unit: str, rows: Sequence[tuple[str, float]], *, ours: str = "tidemill") -> str:
    """One bar a row, the longest as long as there is room; rows whose name begins with `ours` in a colour of their own.

    Values are at least 0; the number stands behind each bar.
    """
    label_px = max((_text_px(name) for name, _ in rows), default=0) + 24
    most = max((value for _, value in rows), default=0.0) or 1.0
    room_px = WIDTH - label_px - 110
    height = _TOP + _ROW * len(rows) + 18
    body = []
    for at, (name, value) in enumerate(rows):
        y = _TOP + _ROW * at
        colour = _COLOURS[0] if name.startswith(ours) else _QUIET
        length = max(value / most * room_px, 1.0)
        middle = y + _BAR - 4
        body.append(_text(label_px - 8, middle, name, "end"))
        body.append(f'<rect x="{label_px}" y="{y}" width="{length:.1f}" height="{_BAR}" fill="{colour}"/>')
        body.append(_text(label_px + length + 6, middle, number(value), "start", _QUIET))
    return _page(title, unit, height, body)


def lines(title: str, x_name: str, unit: str, series: Mapping[str, Points], *, logarithmic: bool = False) -> str:
    """One line a name, its points marked, y from 0. `logarithmic` is about x, which then must be above 0."""
    points = [point for each in series.values() for point in each]
    if not points:
        raise ValueError(f"{title}: there is no point to draw")
    scale = log10 if logarithmic else float
    low, high = min(scale(x) for x, _ in points), max(scale(x) for x, _ in points)
    top = nice_ceiling(max(y for _, y in points))
    height = 340
    right, bottom = WIDTH - _RIGHT, height - _BOTTOM

    def at_x(x: float) -> float:
        return _LEFT + (scale(x) - low) / ((high - low) or 1.0) * (right - _LEFT)

    def at_y(y: float) -> float:
        return bottom - y / top * (bottom - _TOP - 16)

    body = []
    for part in range(5):
        y = top * part / 4
        body.append(f'<line x1="{_LEFT}" x2="{right}" y1="{at_y(y):.1f}" y2="{at_y(y):.1f}" stroke="{_GRID}"/>')
        body.append(_text(_LEFT - 8, at_y(y) + 4, number(y), "end", _QUIET))
    for x in sorted({x for x, _ in points}):
        body.append(_text(at_x(x), bottom + 18, number(x), "middle", _QUIET))
    body.append(_text((_LEFT + right) / 2, height - 8, x_name, "middle", _QUIET))
    for at, (name, each) in enumerate(series.items()):
        colour = _COLOURS[at % len(_COLOURS)]
        path = " ".join(f"{at_x(x):.1f},{at_y(y):.1f}" for x, y in each)
        body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        body += [f'<circle cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="3.5" fill="{colour}"/>' for x, y in each]
        if len(series) > 1:
            left = _LEFT + at * (right - _LEFT) / len(series)
            body.append(f'<rect x="{left:.1f}" y="{_TOP - 8}" width="10" height="10" fill="{colour}"/>')
            body.append(_text(left + 15, _TOP + 1, name, "start"))
    return _page(title, unit, height, body)


def number(value: float) -> str:
    """Short: 1.24 M, 512 k, 0.87."""
    for size, letter in ((1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def nice_ceiling(value: float) -> float:
    """The next 1, 2, 4, 6, 8 or 10 times a power of ten."""
    if value <= 0:
        return 1.0
    power: float = 10.0 ** floor(log10(value))
    return next(step * power for step in (1, 2, 4, 6, 8, 10) if value <= step * power * (1 + 1e-9))


def _text_px(text: str) -> int:
    return ceil(len(text) * 6.6)


def _text(x: float, y: float, text: str, anchor: str, colour: str = _INK) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'


def _page(title: str, unit: str, height: int, body: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="12" role="img">'
    )
    named = (
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="20" fill="{_INK}" font-size="14" font-weight="600">{escape(title)}</text>',
        f'<text x="{WIDTH - 12}" y="20" text-anchor="end" fill="{_QUIET}">{escape(unit)}</text>',
    )
    return "\n".join([head, *named, *body, "</svg>"]) + "\n"
