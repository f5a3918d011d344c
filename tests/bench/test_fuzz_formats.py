"""The small form of the fuzz of formats: some thousand mutated records of each, all judged as the model says."""

import pytest

from bench.fuzz_formats import CASES, fuzz


@pytest.mark.parametrize("name", list(CASES))
def test_mutated_records_stop_nothing_and_are_judged_as_the_model_says(name: str) -> None:
    outcome = fuzz(name, seed=5, count=4_000)
    assert outcome.problems == []
    assert outcome.records == sum(outcome.classes.values()) == 4_000
    assert {"event", "malformed", "constraint"} <= outcome.classes.keys()
