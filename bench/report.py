"""bench/RESULTS.md, the plots and the page that shows them, out of the figures that are stored.

python -m bench.report
"""

import argparse
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.figures import Results, Stored, read_results
from bench.losses import losses
from bench.pair_figures import table_of
from bench.parts import BY_RESULT
from bench.plots import Plot, drawn
from bench.profile_table import stages_table
from bench.targets import TARGETS, Ratio, Target

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
REPORT = ROOT / "bench" / "RESULTS.md"
PAGE = ROOT / "docs" / "benchmarks.md"
RULES_PAGE = ROOT / "docs" / "rules.md"
IMAGES = ROOT / "docs" / "images"
BEGIN, END = "<!-- plots: written by `python -m bench.report` -->", "<!-- end of the plots -->"
PAIRS_BEGIN, PAIRS_END = "<!-- pairs: written by `python -m bench.report` -->", "<!-- end of the pairs -->"


def report(results: Results) -> str:
    """The whole of bench/RESULTS.md."""
    sections = [
        "# What was measured\n\nWritten by `python -m bench.report`, the end of `make bench`, out of `bench/results/`. "
        "Each line says when it was measured; its figures come from one run, in turns on one machine.\n",
        "## Targets\n\nRatios are of events per second, answers exact and commits included; while running where both "
        f"sides say that, else with start and end.\n\n{targets_table(results)}",
        f"## Where Tidemill loses\n\n{as_list(losses(results), 'Nowhere in what was measured.')}",
        f"## Why a target is missed\n\n{profiles(results)}",
        f"## The measurements\n\n{''.join(measurement(stored) for stored in results.values())}",
    ]
    return "\n".join(sections)


def targets_table(results: Results) -> str:
    """One line a target."""
    lines = ["| target | wanted | measured | with start and end | | from |", "| --- | --- | ---: | ---: | --- | --- |"]
    for target in TARGETS:
        value = target.measured(results)
        whole = target.measured.with_start(results) if isinstance(target.measured, Ratio) else None
        started = "" if whole is None else f"{whole:,.2f}"
        if value is None:
            found, verdict, source = "", "not measured", command_of(target.result)
        else:
            found, verdict = f"{value:,.2f}", "met" if target.met(value) else "**missed**"
            source = f"[{target.result}](results/{target.result}.md), {results[target.result].at[:10]}"
        lines.append(f"| {target.name} | {target.asked} | {found} | {started} | {verdict} | {source} |")
    return "\n".join(lines) + "\n"


def command_of(result: str) -> str:
    """What measures it, as code."""
    return f"`{BY_RESULT[result].command}`" if result in BY_RESULT else f"`bench/results/{result}.json`"


def as_list(lines: list[str], nothing: str) -> str:
    """Lines of a list, or what is said where there are none."""
    return "".join(f"- {line}\n" for line in lines) if lines else f"{nothing}\n"


def missed(results: Results) -> Iterator[tuple[Target, float]]:
    """Targets that a measured value does not reach."""
    for target in TARGETS:
        value = target.measured(results)
        if value is not None and not target.met(value):
            yield target, value


def profiles(results: Results) -> str:
    """For each profile that a missed target names: the CPU time of its stages."""
    wanted: dict[str, list[str]] = {}
    for target, value in missed(results):
        told = f"{target.name} ({value:,.2f}, {target.asked})"
        wanted.setdefault(target.profile or "", []).append(told if target.why is None else f"{told}. {target.why}")
    without = wanted.pop("", [])
    if not wanted and not without:
        return "No target that was measured is missed.\n"
    stored = results.get("profile")
    known = {} if stored is None else {run["name"]: run for run in stored.figures}
    parts = []
    for name, targets in wanted.items():
        run = known.get(name)
        body = (
            f"Not profiled yet: `python -m bench.profile --only {name}` does it.\n"
            if run is None
            else stages_table(run)
        )
        parts.append(f"### {name}\n\n{as_list(targets, '')}\n{body}")
    if without:
        parts.append(f"### In words\n\n{as_list(without, '')}")
    return "\n".join(parts)


def measurement(stored: Stored) -> str:
    """When, where, how, with which versions and settings; the figures are in the file that it names."""
    told = "".join(f"- {name}: {value}\n" for name, value in stored.facts.items())
    of = f", commit {stored.commit}" if stored.commit else ""
    return (
        f"### {stored.title}\n\n{command_of(stored.name)}, {stored.at}{of}, {stored.machine}; "
        f"[figures](results/{stored.name}.md).\n\n{told}\n"
    )


def with_plots(page: str, plots: Mapping[str, tuple[Plot, str]], results: Results) -> str:
    """The page with the plots between its two marks. Raises ValueError where it has no such marks."""
    shown = "".join(
        f"### {plot.title}\n\n![{plot.title}](images/{file})\n\n"
        f"Measured {results[plot.result].at[:10]} by {command_of(plot.result)}; "
        f"[all figures](../bench/results/{plot.result}.md).\n\n"
        for file, (plot, _) in plots.items()
    )
    return _between(page, BEGIN, END, shown)


def with_pairs(page: str, results: Results) -> str:
    """The page of the rules with what rules over pairs hold. Raises ValueError where it has no place for that."""
    command, stored = command_of("pair_rules"), results.get("pair_rules")
    if stored is None:
        return _between(page, PAIRS_BEGIN, PAIRS_END, f"Not measured yet: {command} does it.\n\n")
    told = f"Measured {stored.at[:10]} by {command}; [all facts](../bench/results/{stored.name}.md).\n\n"
    return _between(page, PAIRS_BEGIN, PAIRS_END, f"{table_of(stored.figures)}\n{told}")


def _between(page: str, begin: str, end: str, shown: str) -> str:
    marks = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
    if not marks.search(page):
        raise ValueError(f"the page has no place for what is measured: it needs the lines {begin} and {end}")
    return marks.sub(lambda _: f"{begin}\n\n{shown}{end}", page)


def main() -> None:
    """Write all of it, and print the targets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of figures")
    parser.add_argument("--to", type=Path, help="write into this folder instead, and leave docs/ as it is")
    given = parser.parse_args()
    results = read_results(given.results)
    plots = drawn(results)
    images = IMAGES if given.to is None else given.to
    images.mkdir(parents=True, exist_ok=True)
    for old in images.glob("bench-*.svg"):
        old.unlink()
    for file, (_, image) in plots.items():
        (images / file).write_text(image, encoding="utf-8")
    out = REPORT if given.to is None else given.to / REPORT.name
    out.write_text(report(results), encoding="utf-8")
    if given.to is None:
        PAGE.write_text(with_plots(PAGE.read_text(encoding="utf-8"), plots, results), encoding="utf-8")
        RULES_PAGE.write_text(with_pairs(RULES_PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")
    print(targets_table(results))
    print(json.dumps({"report": str(out), "plots": len(plots)}))


if __name__ == "__main__":
    main()
