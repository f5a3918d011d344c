"""Which plots there are, each made of stored figures; one whose figures are not there is left out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.figures import Results, Stored
from bench.measure import Summary
from bench.svg import bars, lines

RATE, CPU, MEMORY = "events/s", "CPU s per million events", "peak MiB"
GROWTH = {
    "keys": ("keys", True),
    "partitions": ("partitions", True),
    "rollups": ("rollups", False),
    "late": ("late events, %", False),
}
"""By the group in growth.json: what the axis says, and whether it is logarithmic."""


@dataclass(frozen=True, slots=True)
class Plot:
    """A file of docs/images: `result` is what it is made of, `draw` gives the SVG, None where a group is lacking."""

    file: str
    title: str
    result: str
    draw: Callable[[Stored, str], str | None]


def steady(each: Summary) -> float:
    """While running, where that is known."""
    return each.steady_per_s if each.steady_per_s is not None else each.events_per_s


def _bars(group: str | None, unit: str, value: Callable[[Summary], float]) -> Callable[[Stored, str], str | None]:
    def draw(stored: Stored, title: str) -> str | None:
        rows = stored.group(group)
        ours = sorted(rows, key=lambda each: not each.name.startswith("tidemill"))
        return bars(title, unit, [(each.name, value(each)) for each in ours]) if rows else None

    return draw


def _growth(group: str) -> Callable[[Stored, str], str | None]:
    def draw(stored: Stored, title: str) -> str | None:
        rows: Sequence[Mapping[str, float | str]] = stored.figures.get(group) or ()
        if not rows:
            return None
        axis, logarithmic = GROWTH[group]
        series: dict[str, list[tuple[float, float]]] = {}
        for row in rows:
            rate = row["steady_per_s"] or row["events_per_s"]
            series.setdefault(str(row["name"]), []).append((float(row["at"]), float(rate)))
        return lines(title, axis, RATE, series, logarithmic=logarithmic)

    return draw


def _stages(stored: Stored, title: str) -> str | None:
    rows = [(f"{run['name']}: {stage}", ns) for run in stored.figures for stage, ns in run["stages"].items()]
    return bars(title, "ns of CPU a record", rows) if rows else None


def _cpu(each: Summary) -> float:
    return each.cpu_s_per_million


def _mib(each: Summary) -> float:
    return each.peak_rss_mib


PLOTS = (
    Plot("bench-engines.svg", "One rollup from Kafka, while running", "engines", _bars("one", RATE, steady)),
    Plot("bench-engines-cpu.svg", "One rollup from Kafka: CPU time", "engines", _bars("one", CPU, _cpu)),
    Plot("bench-engines-memory.svg", "One rollup from Kafka: memory", "engines", _bars("one", MEMORY, _mib)),
    Plot("bench-ads.svg", "The ads pipeline from Kafka, while running", "engines", _bars("ads", RATE, steady)),
    Plot("bench-bare.svg", "The ads pipeline and a loop that only reads", "throughput", _bars(None, RATE, steady)),
    Plot("bench-peers.svg", "Windows of 10 s: other engines, while running", "peers", _bars(None, RATE, steady)),
    Plot("bench-peers-cpu.svg", "Windows of 10 s: CPU time", "peers", _bars(None, CPU, _cpu)),
    Plot("bench-ysb.svg", "Yahoo Streaming Benchmark, while running", "ysb", _bars(None, RATE, steady)),
    Plot("bench-shapes.svg", "Shapes of a record, while running", "record_shapes", _bars(None, RATE, steady)),
    Plot("bench-backfill.svg", "Files from beginning to end", "backfill", _bars(None, RATE, lambda e: e.events_per_s)),
    *(
        Plot(f"bench-growth-{group}.svg", f"Rate over {axis.partition(',')[0]}", "growth", _growth(group))
        for group, (axis, _) in GROWTH.items()
    ),
    Plot("bench-profile.svg", "Where the time goes", "profile", _stages),
)


def drawn(results: Results) -> dict[str, tuple[Plot, str]]:
    """By the file's name: the plot and its SVG, for all whose figures are there."""
    found = {}
    for plot in PLOTS:
        stored = results.get(plot.result)
        image = None if stored is None else plot.draw(stored, plot.title)
        if image is not None:
            found[plot.file] = (plot, image)
    return found
