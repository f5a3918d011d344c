"""Figures of rules over pairs as a table, and the worst of them."""

import json
from pathlib import Path

import pytest

from bench.pair_figures import MOST_KEYS, name_of, table_of, worst

STORED = json.loads((Path(__file__).parent / "stored" / "pair_rules.json").read_text())["figures"]


def test_a_line_has_each_figure_under_its_name() -> None:
    head, _, *lines = table_of(STORED).splitlines()
    assert len(lines) == len(STORED) == 3
    assert {line.count("|") for line in (head, *lines)} == {8}
    assert lines[1] == "| sequence, 10,000,000 keys | 600 | 900 | 3.0 | 4.0 | 20.0 | 25.0 |"


@pytest.mark.parametrize(("what", "value"), [("peak_mb", 1000.0), ("restart_s", 3.0)])
def test_the_worst_is_that_of_the_rules_with_most_keys(what: str, value: float) -> None:
    assert name_of("sequence", MOST_KEYS) in STORED
    assert worst(STORED, what) == value
    assert worst({"sequence, 1,000 keys": {what: 1.0}}, what) is None
