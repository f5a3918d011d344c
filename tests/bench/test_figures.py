"""Stored figures come back as they were written, and ratios say which rates they are of."""

from dataclasses import asdict
from pathlib import Path

import pytest

from bench.figures import of, rate_ratio, read_results
from bench.measure import Summary
from bench.results import write


def summary(name: str, rate: float, steady: float | None) -> Summary:
    return Summary(name, 5, 100, rate, rate, rate, steady, 1.0, 300.0)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    first, second = summary("a", 1.0, 2.0), summary("b", 3.0, None)
    write("x", "Title", {"fact": "1"}, "", [asdict(first), {**asdict(second), "keys": 7}], tmp_path)
    write("y", "Other", {}, "", {"one": [asdict(first)], "count": 3}, tmp_path)
    (tmp_path / "z.json").write_text('[{"case": "of another program"}]')
    found = read_results(tmp_path)
    assert list(found) == ["x", "y"]
    assert (found["x"].title, found["x"].facts) == ("Title", {"fact": "1"})
    assert found["x"].group() == [first, second]
    assert found["y"].group("one") == [first]
    assert found["y"].group("two") == found["x"].group("one") == []


def test_the_verdicts_of_make_parity_beside_the_results_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "parity.json").write_text('[{"case": "dedup"}]')
    assert read_results(tmp_path) == {}


def test_a_ratio_is_of_rates_while_running_where_both_have_one() -> None:
    rows = [summary("a", 1.0, 8.0), summary("b", 2.0, 4.0), summary("c", 4.0, None)]
    assert rate_ratio(rows, "a", "b") == 2.0
    assert rate_ratio(rows, "a", "b", steady=False) == 0.5
    assert rate_ratio(rows, "a", "c") == 0.25
    assert rate_ratio(rows, "a", "d") is None
    assert of(rows, "d") is None
    assert rate_ratio(rows, "c", "a") == pytest.approx(4.0)
