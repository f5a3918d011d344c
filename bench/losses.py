"""Where Tidemill loses, in words: each comparison in which another contender is quicker, smaller or spends less CPU."""

from collections.abc import Iterator, Sequence

from bench.figures import Results
from bench.measure import Summary

COMPARISONS: tuple[tuple[str, str | None, str], ...] = (
    ("engines", "one", "one rollup from Kafka"),
    ("engines", "ads", "the ads pipeline from Kafka"),
    ("throughput", None, "the ads pipeline beside the bare loop"),
    ("peers", None, "windows of 10 s over events in the order of time"),
    ("ysb", None, "the Yahoo Streaming Benchmark"),
    ("backfill", None, "files from beginning to end"),
)
"""(result, group, what it is), each with contenders of which some are Tidemill."""
OURS = "tidemill"
_NEAR = 1.02
"""What is nearer than this is no difference."""


def losses(results: Results) -> list[str]:
    """A sentence for each thing that another contender did better, none where there is none."""
    return [line for found in (_of_rates(results), _of_latency(results)) for line in found]


def _of_rates(results: Results) -> Iterator[str]:
    for name, group, what in COMPARISONS:
        stored = results.get(name)
        rows = [] if stored is None else stored.group(group)
        ours = [each for each in rows if each.name.startswith(OURS)]
        others = [each for each in rows if not each.name.startswith(OURS)]
        for other in others if ours else ():
            if told := _told(ours, other):
                yield f"{what[0].upper()}{what[1:]}: {other.name} {told}."


def _told(ours: Sequence[Summary], other: Summary) -> str:
    """What the other one did better than each run of ours, against the best of them."""
    parts = []
    whole = other.events_per_s / max(each.events_per_s for each in ours)
    if whole > _NEAR:
        parts.append(f"read {whole:.2f} times as fast with start and end")
    running = [each.steady_per_s for each in ours if each.steady_per_s is not None]
    if other.steady_per_s is not None and running and (ratio := other.steady_per_s / max(running)) > _NEAR:
        parts.append(f"read {ratio:.2f} times as fast while running")
    cpu = min(each.cpu_s_per_million for each in ours) / other.cpu_s_per_million
    if cpu > _NEAR:
        parts.append(f"took {cpu:.2f} times less CPU time per event")
    memory = min(each.peak_rss_mib for each in ours) / other.peak_rss_mib
    if memory > _NEAR:
        parts.append(f"held {memory:.2f} times less memory ({other.peak_rss_mib:,.0f} MiB)")
    return ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1] if parts else ""


def _of_latency(results: Results) -> Iterator[str]:
    stored = results.get("engines")
    watched = {} if stored is None else stored.figures.get("latency") or {}
    ours = {name: seen for name, seen in watched.items() if name.startswith(OURS)}
    for name, seen in watched.items():
        if not ours or name.startswith(OURS):
            continue
        best = {quantile: min(each[quantile] for each in ours.values()) for quantile in ("p50", "p99")}
        better = [f"{seen[q]:,.0f} ms instead of {best[q]:,.0f} at {q}" for q in best if seen[q] * _NEAR < best[q]]
        if better:
            yield f"Age of what a committed reader sees: {name} shows an event after {' and '.join(better)}."
