"""The fault matrix once, with few kills each; `make chaos` plays it with hundreds."""

from pathlib import Path

import pytest

from tests.chaos.__main__ import play_all
from tests.chaos.matrix import SCENARIOS, Outcome
from tests.kafka_fixture import require_kafka_tools

# one fixture plays all of them side by side: whichever test comes first waits for it
pytestmark = [pytest.mark.kafka, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    require_kafka_tools()
    folder: Path = tmp_path_factory.mktemp("chaos")
    found = play_all(list(SCENARIOS), folder, seed=7, kills=None, jobs=3, loud=False)
    return {outcome.scenario.name: outcome for outcome in found}


@pytest.mark.parametrize("name", [scenario.name for scenario in SCENARIOS])
def test_no_fault_leaves_an_anomaly(name: str, outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes[name]
    if outcome.left_out:
        pytest.skip(outcome.left_out)
    assert not outcome.anomalies, "\n".join(f"{each.name}: {each.detail}" for each in outcome.anomalies)
    assert outcome.did, "nothing was done"
    assert outcome.checks["comparisons"]
