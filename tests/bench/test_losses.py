"""What another contender did better is said in words, and nothing else."""

from bench.figures import Stored
from bench.losses import losses
from bench.measure import Machine

MACHINE = Machine("a processor", 2, 24.0, "Linux 6", "3.11")


def stored(figures: object, name: str = "engines") -> dict[str, Stored]:
    return {name: Stored(name, name, "2026-01-01T00:00:00+00:00", MACHINE, {}, figures)}


def row(name: str, rate: float, steady: float | None, cpu_s: float, mib: float) -> dict[str, object]:
    return {
        "name": name,
        "runs": 5,
        "events": 100,
        "events_per_s": rate,
        "events_per_s_min": rate,
        "events_per_s_max": rate,
        "steady_per_s": steady,
        "cpu_s_per_million": cpu_s,
        "peak_rss_mib": mib,
    }


def test_who_is_better_in_some_things_is_told_with_these_alone() -> None:
    figures = {"one": [row("tidemill run", 100, 200, 1.0, 300), row("other", 90, 300, 2.0, 100)]}
    assert losses(stored(figures)) == [
        "One rollup from Kafka: other read 1.50 times as fast while running and held 3.00 times less memory (100 MiB)."
    ]


def test_who_is_better_in_nothing_is_not_told() -> None:
    figures = {"one": [row("tidemill run", 100, 200, 1.0, 300), row("other", 100.5, 200, 1.0, 299)]}
    assert losses(stored(figures)) == []


def test_the_best_run_of_ours_counts() -> None:
    figures = [
        row("tidemill run", 1, None, 9, 900),
        row("tidemill run -w 2", 9, None, 1, 90),
        row("other", 5, 1, 5, 500),
    ]
    assert losses(stored(figures, "backfill")) == []


def test_fresher_answers_are_told() -> None:
    latency = {"tidemill run": {"p50": 200.0, "p99": 400.0}, "other": {"p50": 100.0, "p99": 400.0}}
    assert losses(stored({"latency": latency})) == [
        "Age of what a committed reader sees: other shows an event after 100 ms instead of 200 at p50."
    ]


def test_without_figures_nothing_is_lost() -> None:
    assert losses({}) == []
