"""Stored figures read again: summaries of contenders by the name of a result and of the group in it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure import Machine, Summary


@dataclass(frozen=True, slots=True)
class Stored:
    """One file of bench/results: when, where and of which commit it was measured, the facts of the run, its figures."""

    name: str
    title: str
    at: str
    machine: Machine
    facts: Mapping[str, str]
    figures: Any
    commit: str | None = None

    def group(self, name: str | None = None) -> list[Summary]:
        """Its summaries, or those that stand under a name; none where there is no such group."""
        rows = self.figures if name is None else self.figures.get(name) if isinstance(self.figures, dict) else None
        return [summary_of(row) for row in rows or ()]


Results = Mapping[str, Stored]
"""By name: throughput, engines, ..."""


def summary_of(row: Mapping[str, Any]) -> Summary:
    """From JSON; what stands beside a summary's own fields is left out."""
    return Summary(**{name: row[name] for name in Summary.__dataclass_fields__})


def read_results(folder: Path) -> dict[str, Stored]:
    """Every JSON file of a folder that `bench.results` has written, by its name."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        whole = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(whole, dict) or "figures" not in whole:
            continue
        place = Machine(**whole["machine"])
        told = whole["title"], whole["at"], place, whole["facts"], whole["figures"], whole.get("commit")
        found[path.stem] = Stored(path.stem, *told)
    return found


def of(summaries: Sequence[Summary], name: str) -> Summary | None:
    """The contender of this name, if it was measured."""
    return next((each for each in summaries if each.name == name), None)


def rate_ratio(summaries: Sequence[Summary], here: str, other: str, *, steady: bool = True) -> float | None:
    """How many times the other's rate the first one's is; None where one of them was not measured.

    `steady`: while running, where both say that; else, and where one does not, start and end included.
    """
    mine, theirs = of(summaries, here), of(summaries, other)
    if mine is None or theirs is None:
        return None
    if steady and mine.steady_per_s is not None and theirs.steady_per_s is not None:
        return mine.steady_per_s / theirs.steady_per_s
    return mine.events_per_s / theirs.events_per_s
