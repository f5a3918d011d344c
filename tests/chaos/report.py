"""The matrix as a table: for the terminal, for docs/reliability.md, and the whole run as JSON."""

import json
import os
import platform
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.chaos.checkers import ANOMALIES, Anomaly
from tests.chaos.matrix import SCENARIOS, Outcome
from tests.chaos.subject import ROOT

PAGE = ROOT / "docs" / "reliability.md"
RUN_FILE = ROOT / ".run" / "chaos.json"
_MARKED = re.compile(r"(<!-- matrix: written by `make chaos` -->\n).*?(<!-- end of matrix -->)", re.DOTALL)

_ROW = re.compile(r"^\| [^|]*\(`([a-z-]+)`\) \|.*$", re.MULTILINE)


def table(outcomes: Sequence[Outcome]) -> str:
    """Markdown: one line a scenario."""
    lines = ["| fault | what was done, how often | what was checked | anomalies |", "| --- | --- | --- | ---: |"]
    for each in outcomes:
        fault = f"{each.scenario.fault} (`{each.scenario.name}`)"
        if each.left_out:
            lines.append(f"| {fault} | left out: {each.left_out} | | |")
            continue
        did = "; ".join(f"{what}: {count}" for what, count in each.did.items())
        lines.append(f"| {fault} | {did} | {_checked(each.checks)} | {len(each.anomalies)} |")
    return "\n".join(lines) + "\n"


def _checked(checks: dict[str, int]) -> str:
    return ", ".join(
        f"{count:,} {what}" for what, count in sorted(checks.items(), key=lambda item: item[0] != "records")
    )


def summary(outcomes: Sequence[Outcome], seed: int) -> str:
    """A sentence with the totals, and the anomalies by name."""
    checks: Counter[str] = Counter()
    for each in outcomes:
        checks.update(each.checks)
    found = Counter(anomaly.name for each in outcomes for anomaly in each.anomalies)
    named = ", ".join(f"{name} {found[name]}" for name in ANOMALIES)
    seconds = sum(each.seconds for each in outcomes)
    return (
        f"{sum(each.killed for each in outcomes)} kills -9 of Tidemill in {len(outcomes)} scenarios, seed {seed}; "
        f"{checks['records']:,} records recounted, {checks['snapshots read']:,} snapshots seen in "
        f"{checks['reader polls']:,} polls; {seconds / 60:.0f} minutes of scenarios on {os.cpu_count()} cores, "
        f"Python {platform.python_version()}.\n\nAnomalies: {named}.\n"
    )


def as_json(outcomes: Sequence[Outcome], seed: int) -> dict[str, Any]:
    """Everything that was done and found."""
    return {
        "seed": seed,
        "kills": sum(each.killed for each in outcomes),
        "scenarios": [
            {
                "name": each.scenario.name,
                "fault": each.scenario.fault,
                "did": each.did,
                "kills": each.killed,
                "checks": each.checks,
                "anomalies": [asdict(anomaly) for anomaly in each.anomalies],
                "seconds": round(each.seconds, 1),
                "left_out": each.left_out,
            }
            for each in outcomes
        ],
    }


def last_run() -> list[Outcome]:
    """The outcomes that `write_run` kept; none when there is no run, or one of another version of the matrix."""
    by_name = {scenario.name: scenario for scenario in SCENARIOS}
    if not RUN_FILE.exists():
        return []
    kept = json.loads(RUN_FILE.read_text())["scenarios"]
    return [
        Outcome(
            by_name[each["name"]],
            each["did"],
            each["kills"],
            each["checks"],
            [Anomaly(**anomaly) for anomaly in each["anomalies"]],
            each["seconds"],
            each["left_out"],
        )
        for each in kept
        if each["name"] in by_name
    ]


def merged(outcomes: Sequence[Outcome], newer: Outcome) -> list[Outcome]:
    """The outcomes in the matrix's order, with the newer one in the place of that of the same scenario."""
    found = {each.scenario.name: each for each in (*outcomes, newer)}
    return [found[scenario.name] for scenario in SCENARIOS if scenario.name in found]


def write_run(outcomes: Sequence[Outcome], seed: int) -> Path:
    """Keep the run where git does not look."""
    RUN_FILE.parent.mkdir(exist_ok=True)
    RUN_FILE.write_text(json.dumps(as_json(outcomes, seed), indent=1) + "\n")
    return RUN_FILE


def _stood(text: str) -> dict[str, str]:
    """The lines of scenarios that the page has."""
    found = _MARKED.search(text)
    return {} if found is None else {match[1]: match[0] for match in _ROW.finditer(found[0])}


def write_page(outcomes: Sequence[Outcome], seed: int, page: Path = PAGE) -> None:
    """Put the table between the markers of the page; scenarios that were not played stay as they stand there, and it
    says so.
    """
    text = page.read_text(encoding="utf-8")
    played = {each.scenario.name for each in outcomes}
    stood = {name: line for name, line in _stood(text).items() if name not in played}
    head, rule, *rows = table(outcomes).splitlines()
    lines = stood | {each.scenario.name: row for each, row in zip(outcomes, rows, strict=True)}
    ordered = [lines[each.name] for each in SCENARIOS if each.name in lines]
    told = f"\nAs an earlier run left them: {', '.join(f'`{name}`' for name in stood)}.\n" if stood else ""
    body = f"\n{summary(outcomes, seed)}{told}\n" + "\n".join([head, rule, *ordered]) + "\n\n"
    changed, count = _MARKED.subn(lambda found: found[1] + body + found[2], text)
    assert count == 1, f"{page} has no place for the matrix"
    page.write_text(changed, encoding="utf-8")
