"""Figures on disk: one JSON and one Markdown file per benchmark under bench/results."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from bench.measure import Summary, as_markdown, machine

RESULTS = Path(os.environ.get("BENCH_RESULTS") or Path(__file__).resolve().parent / "results")
"""Where figures are kept. Those of a trial with small inputs go elsewhere, which the variable names."""


def commit() -> str | None:
    """The commit of this checkout, with a + where files differ from it; None where it is no checkout of git."""
    folder = Path(__file__).resolve().parent
    try:
        told = [
            subprocess.run(["git", *asked], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
            for asked in (("rev-parse", "--short=12", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        ]
    except (OSError, subprocess.CalledProcessError):
        return None
    # what a benchmark writes is no difference in what it measures
    changed = [line for line in told[1].splitlines() if "bench/results/" not in line]
    return f"{told[0]}+" if changed else told[0]


def write(name: str, title: str, facts: Mapping[str, object], body: str, data: object, folder: Path = RESULTS) -> None:
    """Write `name`.json and `name`.md: the machine, the commit, the facts of the run, the figures; print the Markdown.

    `body` is Markdown; `data` anything that JSON can hold.
    """
    folder.mkdir(parents=True, exist_ok=True)
    here = machine()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    whole: dict[str, object] = {"title": title, "at": now, "commit": commit(), "machine": here.as_dict()}
    whole |= {"facts": dict(facts), "figures": data}
    (folder / f"{name}.json").write_text(json.dumps(whole, indent=2) + "\n")
    lines = [f"# {title}", "", f"{here}, {now}.", "", *(f"- {key}: {value}" for key, value in facts.items()), "", body]
    text = "\n".join(lines)
    (folder / f"{name}.md").write_text(text)
    print(text)


def write_summaries(name: str, title: str, facts: Mapping[str, object], summaries: Sequence[Summary]) -> None:
    """Write rates, CPU and memory of several contenders."""
    write(name, title, facts, as_markdown(summaries), [asdict(summary) for summary in summaries])
