"""Each target finds its figure, says what is lacking, and is met on its own side of what is wanted."""

from pathlib import Path

import pytest

from bench.figures import read_results
from bench.parts import BY_RESULT
from bench.targets import TARGETS, Ratio

STORED = Path(__file__).parent / "stored"
BY_NAME = {target.name: target for target in TARGETS}


def test_without_figures_no_target_is_measured() -> None:
    assert [target.name for target in TARGETS if target.measured({}) is not None] == []


def test_with_all_figures_every_target_is_measured() -> None:
    results = read_results(STORED)
    assert [target.name for target in TARGETS if target.measured(results) is None] == []


def test_every_result_that_a_target_names_is_measured_by_a_part() -> None:
    assert {target.result for target in TARGETS} <= BY_RESULT.keys()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("default path, one rollup, against the bare loop", 2.0),  # while running
        ("default path against Flink SQL, the same rule, p = 1", 4.0),  # against the quicker of its two forms
        ("direct path against Flink SQL", 8.0),  # against the quickest of all
        ("direct path, CPU of the process", 0.5),
        ("files, -w 2, against one DuckDB query by the exact rule, start included", 0.75),
        ("files, -w 2 against one worker", 1.5),
        ("peak memory at full speed, one worker", 400.0),  # the most that any comparison saw
        (
            "against Spark, the quicker of a batch and Structured Streaming",
            5.0,
        ),  # start included: it does not say how fast it runs
        ("against Quix Streams", 60.0),
        ("rules over pairs, ten million keys: memory, peak", 1.0),  # of the worse kind of rule
        ("rules over pairs, ten million keys: until judged after a restart", 3.0),
        ("alerts told early against the better one of Flink SQL and Quix Streams, p99", 0.4),
        ("a commit with an alert behind its record, beyond an epoch of 250 ms, p99", 40.0),
        ("rate that is kept with ten alert rules", 0.75),
    ],
)
def test_a_target_is_measured_by(name: str, value: float) -> None:
    assert BY_NAME[name].measured(read_results(STORED)) == pytest.approx(value)


def test_a_ratio_is_said_with_start_and_end_too() -> None:
    ratio = BY_NAME["direct path against Flink SQL"].measured
    assert isinstance(ratio, Ratio)
    assert (ratio(read_results(STORED)), ratio.with_start(read_results(STORED))) == (8.0, 1.0)


def test_a_target_is_met_on_its_own_side() -> None:
    ratio = BY_NAME["against Pathway"]
    memory = BY_NAME["peak memory at full speed, one worker"]
    assert [ratio.met(9.9), ratio.met(10.0), memory.met(300.0), memory.met(300.1)] == [False, True, True, False]
    assert (ratio.asked, memory.asked) == ("at least 10 times", "at most 300 MiB")
