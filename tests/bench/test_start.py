"""Commands' start: medians beside those of Python alone, in turns."""

import sys

import pytest

from bench.measure import BenchError
from bench.start import NOTHING, as_markdown, measure

SHORT = [sys.executable, "-c", "pass"]


def test_each_command_is_told_as_a_multiple_of_python_alone() -> None:
    slow = [sys.executable, "-c", "import time; time.sleep(0.5)"]
    nothing, other = measure({NOTHING: (SHORT, None), "slow": (slow, 4)}, 5)
    assert (nothing.wall_ratio, nothing.cpu_ratio) == (1, 1)
    assert other.wall_ms > 500
    assert other.wall_ratio == pytest.approx(other.wall_ms / nothing.wall_ms)
    lines = as_markdown([nothing, other]).splitlines()
    assert lines[2].startswith(f"| `{NOTHING}` | {nothing.wall_ms:.0f} | 1.0 |  |")
    assert f"| {other.wall_ratio:.1f} | 4 |" in lines[3]


def test_a_command_that_fails_gives_no_figure() -> None:
    with pytest.raises(BenchError, match="ended with 3"):
        measure({NOTHING: (SHORT, None), "bad": ([sys.executable, "-c", "raise SystemExit(3)"], 4)}, 5)


def test_fewer_than_five_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 5"):
        measure({NOTHING: (SHORT, None)}, 4)
