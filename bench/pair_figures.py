"""What bench/results/pair_rules.json holds, as a table and as the figures that targets ask for."""

from collections.abc import Mapping

MOST_KEYS = 10_000_000

Figures = Mapping[str, Mapping[str, float]]
"""By rule and number of keys, as `name_of` calls them, what was measured."""


def name_of(kind: str, keys: int) -> str:
    """What a line is called."""
    return f"{kind}, {keys:,} keys"


def table_of(figures: Figures) -> str:
    """A line a rule and number of keys."""
    lines = [
        "| rule | held, MB | peak of the process, MB | until judged after a restart, s | its CPU time, s "
        "| judging a commit, CPU ms, p50 | p90 |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, each in figures.items():
        memory = f"{each['held_mb']:,.0f} | {each['peak_mb']:,.0f}"
        times = " | ".join(f"{each[what]:.1f}" for what in ("restart_s", "restart_cpu_s", "p50_ms", "p90_ms"))
        lines.append(f"| {name} | {memory} | {times} |")
    return "\n".join(lines) + "\n"


def worst(figures: Figures, what: str) -> float | None:
    """The largest of a figure over the rules with most keys; None where they were not measured."""
    return max((each[what] for name, each in figures.items() if name.endswith(name_of("", MOST_KEYS))), default=None)
