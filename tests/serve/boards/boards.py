"""Board files as texts, for the tests that read them."""

from pathlib import Path

from dataflow.pipeline.load import load
from sinks.lake.tables.definition import Definition, definition_of

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = ROOT / "pipelines" / "boards"
CHART = """
[[panel]]
kind = "chart"
title = "Clicks"
rollup = "ad_clicks_1m"
show = ["clicks"]
"""


def board(*panels: str, head: str = 'title = "Mine"\n') -> str:
    """The text of a board file."""
    return head + "".join(panels or (CHART,))


def definition(name: str) -> Definition:
    """What the lake of a shipped pipeline remembers of it."""
    return definition_of(load(str(ROOT / "pipelines" / f"{name}.py")))
