"""The board of any pipeline: a time chart per aggregate that adds up, and a top table per key."""

from collections.abc import Iterator, Sequence
from typing import Any

from dataflow.windows.kinds import has_one_window, window_text
from serve.boards.board import Board, Panel
from serve.boards.panel_kinds import KINDS
from sinks.lake.tables.definition import RollupDefinition

NAME = "overview"

_SHOWN = 4
"""Aggregates in a top table; more would not fit beside another table."""


def overview(rollups: Sequence[RollupDefinition]) -> Board:
    """The overview of these rollups; it has figures alone where there are none."""
    panels = [_panel("alerts", KINDS["alerts"].title), _panel("figures", KINDS["figures"].title)]
    for rollup in rollups:
        panels += _charts(rollup)
    panels += _tops(rollups)
    panels += [_panel("late", KINDS["late"].title), _panel("dead_letters", KINDS["dead_letters"].title)]
    help_ = "Made from the rollups of this lake. A board of your own is a file boards/NAME.toml beside the pipeline."
    return Board(NAME, "Overview", tuple(panels), help_, is_made=True)


def _charts(rollup: RollupDefinition) -> Iterator[Panel]:
    keys = ", ".join(rollup.key_names)
    section = f"{rollup.name}: {window_text(rollup.window.window)}" + (f" per {keys}" if keys else "")
    shown = rollup.additive
    for name in shown:
        width = 6 if len(shown) in (1, 2, 4) else 4
        yield _panel("chart", name, rollup=rollup.name, show=[name], width=width, section=section)


def _tops(rollups: Sequence[RollupDefinition]) -> Iterator[Panel]:
    """One table a key: of the first rollup that counts each event once, else of the newest windows of any."""
    keys = dict.fromkeys(key for rollup in rollups for key in rollup.key_names)
    for key in keys:
        having = [rollup for rollup in rollups if key in rollup.key_names]
        adding = [each for each in having if each.additive and has_one_window(each.window.window)]
        if adding:
            shown = adding[0].additive[:_SHOWN]
            name = adding[0].name
            yield _panel("top", f"Top {key}", rollup=name, key=key, show=shown, top=10, section="Top")
        else:
            name = having[0].name
            yield _panel("windows", f"Newest windows per {key}", rollup=name, top=10, section="Top")


def _panel(kind: str, title: str, **values: Any) -> Panel:
    return Panel(kind, title, {"width": KINDS[kind].width, **values})
