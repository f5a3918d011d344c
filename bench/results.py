"""Figures on disk: one JSON and one Markdown file per benchmark under bench/results."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from bench.measure import Summary, as_markdown, machine

RESULTS = Path(os.environ.get("BENCH_RESULTS") or Path(__file__).resolve().parent / "results")
"""Where figures are kept. Those of a trial with small inputs go elsewhere, which the variable names."""


def write(name: str, title: str, facts: Mapping[str, object], body: str, data: object, folder: Path = RESULTS) -> None:
    """Write `name`.json and `name`.md: the machine, the facts of the run, then the figures; print the Markdown.

    `body` is Markdown; `data` anything that JSON can hold.
    """
    folder.mkdir(parents=True, exist_ok=True)
    here = machine()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    whole = {"title": title, "at": now, "machine": here.as_dict(), "facts": dict(facts), "figures": data}
    (folder / f"{name}.json").write_text(json.dumps(whole, indent=2) + "\n")
    lines = [f"# {title}", "", f"{here}, {now}.", "", *(f"- {key}: {value}" for key, value in facts.items()), "", body]
    text = "\n".join(lines)
    (folder / f"{name}.md").write_text(text)
    print(text)


def write_summaries(name: str, title: str, facts: Mapping[str, object], summaries: Sequence[Summary]) -> None:
    """Write rates, CPU and memory of several contenders."""
    write(name, title, facts, as_markdown(summaries), [asdict(summary) for summary in summaries])
