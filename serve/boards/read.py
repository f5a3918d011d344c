"""One board file: its text becomes a board, or a list of all its mistakes, each with the key and the fix."""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dataflow.errors import PipelineError
from dataflow.spelling import suggest
from serve.boards.board import Board, Panel
from serve.boards.panel_kinds import KINDS, PanelKind
from serve.boards.values import DURATION, TEXT, Form, plain
from sinks.lake.tables.definition import RollupDefinition

TOP_KEYS: Mapping[str, Form] = {"title": TEXT, "help": TEXT, "pipeline": TEXT, "last": DURATION}
"""The keys of a board beside its panels."""

PANELS = "panel"

Rollups = Mapping[str, RollupDefinition] | None
"""Rollups by name; None while there is no lake to know them from."""

Asked = Callable[[str, Mapping[str, str]], str | None]
"""What is wrong with asking the report of this name with these parameters; None if nothing is."""


def board_of(path: Path, text: str, rollups: Rollups, asked: Asked | None = None) -> Board:
    """The board of a file with this text. Raises PipelineError with every mistake in it.

    With `rollups`, the names of rollups, keys and aggregates are checked, too; with `asked`, what reports are asked.
    """
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PipelineError(str(path), [f"this is no TOML: {error}"]) from None
    mistakes = list(_mistakes(given, rollups, asked))
    if mistakes:
        raise PipelineError(str(path), mistakes)
    panels = tuple(_panel(each) for each in given[PANELS])
    return Board(path.stem, given["title"], panels, given.get("help", ""), given.get("last", "1h"))


def pipeline_of(text: str) -> str | None:
    """The pipeline that a board says it belongs to; None if it says nothing, or cannot be read."""
    try:
        named = tomllib.loads(text).get("pipeline")
    except tomllib.TOMLDecodeError:
        return None
    return named if isinstance(named, str) else None


def _panel(given: Mapping[str, Any]) -> Panel:
    kind = KINDS[given["kind"]]
    title = given.get("title", kind.title)
    more = {key: value for key, value in given.items() if key not in ("kind", "title")}
    return Panel(given["kind"], title, plain({"width": kind.width, **more}))


def _mistakes(given: Mapping[str, Any], rollups: Rollups, asked: Asked | None) -> Iterator[str]:
    if "title" not in given:
        yield 'key title is missing; write title = "..." at the top'
    for key, value in given.items():
        if key == PANELS:
            continue
        if key not in TOP_KEYS:
            yield f"key {key} is unknown{suggest(key, [*TOP_KEYS, PANELS])}"
        elif (wrong := TOP_KEYS[key].check(value)) is not None:
            yield f"key {key} = {value!r}: {wrong}"
    panels = given.get(PANELS)
    if not isinstance(panels, list) or not panels or not all(isinstance(each, dict) for each in panels):
        yield "there is no panel; write at least one table [[panel]]"
        return
    for number, panel in enumerate(panels, 1):
        yield from (f"panel {number}{_called(panel)}, {mistake}" for mistake in _panel_mistakes(panel, rollups, asked))


def _called(panel: Mapping[str, Any]) -> str:
    title = panel.get("title")
    return f" ({title})" if isinstance(title, str) else ""


def _panel_mistakes(panel: Mapping[str, Any], rollups: Rollups, asked: Asked | None) -> Iterator[str]:
    name = panel.get("kind")
    if not isinstance(name, str) or name not in KINDS:
        hint = suggest(name, list(KINDS)) if isinstance(name, str) else f"; write one of {', '.join(KINDS)}"
        yield "key kind is missing" + hint if name is None else f"key kind = {name!r} is unknown{hint}"
        return
    kind = KINDS[name]
    wrong = list(_key_mistakes(panel, kind))
    yield from wrong
    if not wrong and rollups is not None and "rollup" in panel:
        yield from _name_mistakes(panel, rollups)
    if not wrong and asked is not None and "report" in panel:
        told = asked(panel["report"], plain(panel).get("parameters", {}))
        yield from () if told is None else (f"key {told}",)


def _key_mistakes(panel: Mapping[str, Any], kind: PanelKind) -> Iterator[str]:
    keys = kind.keys
    yield from (f"key {key} is missing; write {form.said}" for key, form in kind.needs.items() if key not in panel)
    if not kind.title and "title" not in panel:
        yield 'key title is missing; write title = "..."'
    for key, value in panel.items():
        if key == "kind":
            continue
        if key not in keys:
            yield f"key {key} is unknown{suggest(key, list(keys))}"
        elif (wrong := keys[key].check(value)) is not None:
            yield f"key {key} = {value!r}: {wrong}"


def _name_mistakes(panel: Mapping[str, Any], rollups: Mapping[str, RollupDefinition]) -> Iterator[str]:
    rollup = rollups.get(panel["rollup"])
    if rollup is None:
        hint = suggest(panel["rollup"], list(rollups)) if rollups else "; the lake has no rollup"
        yield f"key rollup = {panel['rollup']!r}: there is no such rollup in this lake{hint}"
        return
    aggregates = [each.name for each in rollup.aggregates]
    shown = aggregates if panel["kind"] == "windows" else rollup.additive
    for name in panel.get("show", ()):
        if name not in aggregates:
            yield f"key show: {rollup.name} has no aggregate {name!r}{suggest(name, aggregates)}"
        elif name not in shown:
            yield (
                f"key show: {name!r} does not add up over keys or time, so no {panel['kind']} can be made of it"
                '; show it in a panel of kind "windows", or write a report'
            )
    if "key" in panel and panel["key"] not in rollup.key_names:
        hint = suggest(panel["key"], rollup.key_names) if rollup.keys else "; it has no keys"
        yield f"key key = {panel['key']!r}: {rollup.name} has no such key{hint}"
    known = {*aggregates, *rollup.key_names}
    for name in panel.get("units", ()):
        if name not in known:
            yield f"key units: {rollup.name} has no column {name!r}{suggest(name, aggregates)}"
