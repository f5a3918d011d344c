"""Answers in each format: CPU as a multiple of Parquet's, over a lake that the pipeline made."""

from pathlib import Path

import pytest

from bench.answers import BESIDE, FORMATS, as_markdown, fill, measure


def test_each_format_is_told_as_a_multiple_of_parquet(tmp_path: Path) -> None:
    costs = measure(fill(tmp_path, 100), tmp_path, 5)
    assert [cost.format for cost in costs] == list(FORMATS)
    assert costs[0].format == BESIDE
    assert costs[0].ratio == 1
    assert all(cost.size_mib > 0 and cost.peak_mib > 0 for cost in costs)
    lines = as_markdown(costs).splitlines()
    assert lines[4].startswith(f"| csv | {costs[2].cpu_s:.2f} | {costs[2].ratio:.2f} | 3 |")


def test_fewer_than_five_rounds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 5"):
        measure(tmp_path, tmp_path, 4)
