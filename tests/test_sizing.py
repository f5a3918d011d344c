"""The arithmetic of docs/sizing.md is right, over figures that are those of the benchmarks and of the code."""

import json
import re
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from dataflow.durations import to_ms
from dataflow.intake import remembered
from pipelines.ads import pipeline
from runtime.settings import SETTINGS
from sinks.lake.upkeep.expire import Retention
from tests.deploy.operated import container
from tests.test_docs import table

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "sizing.md").read_text()


def number(shown: str) -> float:
    return float(shown.replace(",", ""))


def figures(name: str) -> Any:
    return json.loads((ROOT / "bench" / "results" / f"{name}.json").read_text())["figures"]


KNOWN = {name.strip("`"): number(value) for name, _, value in table(PAGE, "name", "what it is", "example")}
MEASURED = {name.strip("`"): value for name, _, value, _ in table(PAGE, "name", "what it is", "value", "from")}
ROLLUPS = {name.strip("`"): rest for name, *rest in table(PAGE, "rollup", "keys", "windows", "bytes per row")}
FORMULAS = table(PAGE, "what", "formula", "example")


def disk_row(name: str) -> float:
    (found,) = [each for each in figures("disk")["tables"] if each["name"] == name]
    return float(found["bytes"] / found["rows"])


def day_growth() -> dict[str, float]:
    """Bytes per ledger row and per snapshot of a day of few events; the first two hours grow for other reasons."""
    hours = figures("day")
    rows = sum(hour["commits"] for hour in hours[2:]) * 4
    last = hours[-1]
    return {
        "ledger_row": (last["lake_mib"] - hours[1]["lake_mib"]) * 2**20 / rows,
        "snapshot_row": last["catalog_mib"] * 2**20 / last["snapshots"],
    }


def benchmarks() -> dict[str, float]:
    (run,) = [each for each in figures("throughput") if each["name"].startswith("tidemill run")]
    disk = figures("disk")
    (stated,) = re.findall(r"About (\d+) bytes per id", remembered.DedupMemory.__doc__ or "")
    return {
        "worker_rate": run["events_per_s"],
        "cpu_s": run["cpu_s_per_million"],
        "paced_cores": disk["cores"],
        "paced_mib": disk["peak_rss_mib"],
        "id_memory": float(stated),
        "id_disk": disk["recovery_bytes_per_accepted"],
        "event_row": disk_row("events"),
        **day_growth(),
    }


def decimals(shown: str) -> int:
    return len(shown.partition(".")[2])


def test_what_is_called_measured_is_what_the_benchmarks_wrote() -> None:
    found = benchmarks()
    assert MEASURED.keys() == found.keys()
    wrong = [name for name, shown in MEASURED.items() if round(found[name], decimals(shown)) != number(shown)]
    assert wrong == []


def test_the_rollups_are_those_of_the_pipeline() -> None:
    assert ROLLUPS.keys() == {rollup.name for rollup in pipeline.rollups}
    for rollup in pipeline.rollups:
        _, windows, shown = ROLLUPS[rollup.name]
        assert int(windows) == rollup.window.size_ms // rollup.window.slide_ms + 1
        assert round(disk_row(f"{rollup.name}_delta"), decimals(shown)) == number(shown)


def test_kept_snapshots_and_defaults_are_those_of_the_code() -> None:
    retention = Retention()
    assert retention.thin_after.total_seconds() == 3600
    assert retention.thin_every.total_seconds() == 10
    assert retention.keep.days == KNOWN["retain_days"]
    assert SETTINGS["epoch_ms"].default == KNOWN["epoch_s"] * 1000
    assert to_ms(str(pipeline.deduplicate_within)) == KNOWN["dedup_s"] * 1000
    assert SETTINGS["max_epoch_bytes"].default == 64 * 2**20


def worked() -> dict[str, tuple[float, str]]:
    """Each formula's value over the example, and what the page shows for it."""
    values: dict[str, Any] = {**KNOWN, **{name: number(shown) for name, shown in MEASURED.items()}}
    found: dict[str, tuple[float, str]] = {}
    for what, formula, shown in FORMULAS:
        value = eval(formula.strip("`"), {"ceil": ceil, "min": min}, values)
        found[what] = value, shown
        if name := re.match(r"`(\w+)`", what):
            values[name[1]] = value
    return found


def test_every_formula_gives_what_its_example_shows() -> None:
    found = worked()
    assert len(found) > 10
    wrong = {what: value for what, (value, shown) in found.items() if round(value, decimals(shown)) != number(shown)}
    assert wrong == {}


def test_the_formula_of_a_stretch_is_the_table_of_the_rollups() -> None:
    (formula,) = [formula for what, formula, _ in FORMULAS if what.startswith("`stretch`")]
    assert formula.strip("`") == " + ".join(" * ".join(cells) for cells in ROLLUPS.values())


def test_what_the_text_concludes_follows() -> None:
    found = {what.partition(",")[0].partition(":")[0]: value for what, (value, _) in worked().items()}
    assert found["disk to provide"] < 400
    assert "400 GiB" in PAGE.replace("\n", " ")
    without = 1.25 * sum(found[f"`{name}_gib`"] for name in ("ledger", "deltas", "catalog", "recovery")) + 1
    assert without == pytest.approx(5, abs=0.5)
    assert found["limit of memory to set"] < 2048
    assert container()["resources"]["limits"]["memory"] == "2Gi"
    assert round(500 * 1440 * 7.2 / 1e6) == 5
    (more_ms,) = re.findall(r"half of `epoch_ms` and about (\d+) ms", " ".join(PAGE.split()))
    epoch_ms = SETTINGS["epoch_ms"].default
    assert figures("latency")[str(epoch_ms)]["p50"] - epoch_ms / 2 == pytest.approx(int(more_ms), abs=5)


def test_what_the_readme_says_it_costs_is_what_the_benchmarks_wrote() -> None:
    readme = " ".join((ROOT / "README.md").read_text().split())
    (bare,) = [each for each in figures("throughput") if each["name"].startswith("bare")]
    (run,) = [each for each in figures("throughput") if each["name"].startswith("tidemill run")]
    for each in (bare, run):
        shown = f"{each['events_per_s']:,.0f} | {each['cpu_s_per_million']:.2f} | {each['peak_rss_mib']:,.0f} MiB |"
        assert shown in readme
    whole, steady = (run[name] / bare[name] for name in ("events_per_s", "steady_per_s"))
    assert f"{whole:.2f} of the bare loop's rate ({steady:.2f} while running)" in readme
    seen = figures("latency")[str(SETTINGS["epoch_ms"].default)]
    assert f"{seen['p50']:.0f} ms after it arrived at the median and {seen['p99']:.0f} ms at the 99th" in readme
