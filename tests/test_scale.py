"""The figures of docs/scale.md are those of the benchmark, and its arithmetic is right."""

import json
import re
from math import ceil, exp
from pathlib import Path
from typing import Any

from bench.engines import HERE
from bench.engines_flink import Asked
from tests.test_docs import table

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "scale.md").read_text()
FIGURES: dict[str, Any] = json.loads((ROOT / "bench" / "results" / "engines.json").read_text())["figures"]
TWO_SLOTS = Asked("upsert", 2).name


def number(shown: str) -> float:
    return float(shown.replace(",", ""))


def decimals(shown: str) -> int:
    return len(shown.partition(".")[2])


KNOWN = {name.strip("`"): number(value) for name, _, value in table(PAGE, "name", "what it is", "example")}
MEASURED = {name.strip("`"): value for name, _, value in table(PAGE, "name", "what was measured", "value")}


def of(part: str, name: str) -> dict[str, Any]:
    (found,) = [each for each in FIGURES[part] if each["name"] == name]
    return dict(found)


def state_row() -> float:
    """The largest checkpoint over how many keys and windows so many records, spread by chance, have opened."""
    (found,) = [each for each in FIGURES["keys"] if each["keys"] == 1_000_000 and each["name"] == TWO_SLOTS]
    places = found["keys"] * 10
    return float(found["checkpoint_bytes"] / (places * (1 - exp(-found["events"] / places))))


def test_what_is_called_measured_is_what_the_benchmark_wrote() -> None:
    own, flink = of("one", HERE), of("one", TWO_SLOTS)
    found = {
        "own_rate": own["steady_per_s"],
        "own_cpu_s": own["cpu_s_per_million"],
        "flink_rate": flink["steady_per_s"],
        "flink_cpu_s": flink["cpu_s_per_million"],
        "flink_mib": flink["peak_rss_mib"],
        "state_row": state_row(),
    }
    assert MEASURED.keys() == found.keys()
    wrong = [name for name, shown in MEASURED.items() if round(found[name], decimals(shown)) != number(shown)]
    assert wrong == []


def test_the_tables_are_those_of_the_benchmark() -> None:
    lines = set(PAGE.splitlines())
    for part in ("one", "ads"):
        for each in FIGURES[part]:
            steady = f"{each['steady_per_s']:,.0f}" if each["steady_per_s"] else ""
            shown = f"{each['events_per_s']:,.0f} | {steady} | {each['cpu_s_per_million']:.2f}"
            assert f"| {each['name']} | {shown} | {each['peak_rss_mib']:,.0f} |" in lines
    for each in FIGURES["keys"]:
        kept = f"{each['checkpoint_bytes'] / 2**20:,.1f}" if each["checkpoint_bytes"] else ""
        shown = f"{each['events_per_s']:,.0f} | {each['cpu_s_per_million']:.2f} | {each['peak_rss_mib']:,.0f}"
        assert f"| {each['keys']:,} | {each['name']} | {shown} | {kept} |" in lines
    for name, found in FIGURES["latency"].items():
        shown = " | ".join(f"{found[key]:,.0f}" for key in ("p50", "p90", "p99", "max"))
        assert f"| {name} | {shown} |" in lines


def test_every_formula_gives_what_its_example_shows() -> None:
    values: dict[str, Any] = {**KNOWN, **{name: number(shown) for name, shown in MEASURED.items()}}
    formulas = table(PAGE, "what", "formula", "example")
    assert len(formulas) >= 10
    for what, formula, shown in formulas:
        value = eval(formula.strip("`"), {"ceil": ceil, "min": min}, values)
        assert round(value, decimals(shown)) == number(shown), what
        if name := re.match(r"`(\w+)`", what):
            values[name[1]] = value


def test_the_ratios_in_words_follow() -> None:
    own, one, two = of("one", HERE), of("one", Asked("upsert", 1).name), of("one", TWO_SLOTS)
    said = " ".join(PAGE.split())
    assert (
        f"read {own['steady_per_s'] / one['steady_per_s']:.1f} times as fast as Flink's form upsert with one slot"
        in said
    )
    assert f"and {own['steady_per_s'] / two['steady_per_s']:.1f} times as fast as with two" in said
    assert f"took {two['cpu_s_per_million'] / own['cpu_s_per_million']:.1f} times its CPU time per event" in said
    assert f"up to about {own['steady_per_s'] / 2 // 1000 * 1000:,.0f} events/s" in said
