"""The small form of the fuzz of JSON: some hundred mutated records of each shape, all judged as the contract says."""

import pytest

from bench.decode_shapes import shapes
from bench.fuzz_json import fuzz


@pytest.mark.parametrize("name", list(shapes(1)))
def test_mutated_records_stop_nothing_and_are_judged_as_the_contract_says(name: str) -> None:
    outcome = fuzz(name, seed=5, count=1_000)
    assert outcome.problems == []
    assert outcome.records == sum(outcome.classes.values()) == 1_000
    assert {"event", "malformed"} <= outcome.classes.keys()
