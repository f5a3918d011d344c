"""What doctor says of the memory of rules over pairs: the events that others can still meet, and their bytes."""

import json
from pathlib import Path
from typing import Any

import pytest

from dataflow import Pipeline
from dataflow.alerts.pair_judge import EVENT_BYTES, WAITING_BYTES
from dataflow.pipeline.pair_plan import PairPlan
from dataflow.pipeline.pair_rules import absence, sequence
from dataflow.pipeline.plan import make_plan
from doctor.alert_state import Held
from doctor.finding import Severity
from doctor.pair_state import pair_state_finding
from query.reader import LakeReader
from tests.dataflow.alerts.pairs import Event
from tests.doctor import examined
from tests.doctor.examined import World, at
from tests.harness import Product
from tests.model.spec import Record
from tests.model.streams import Cuts

ASKED: dict[str, Any] = {"key": "user", "first": "kind = 'a'", "then": "kind = 'b'", "within": "1m"}
PIPELINE = Pipeline(
    "p",
    Event,
    [],
    out_of_orderness="5s",
    alerts=[sequence("soon", having="then.x > first.x", **ASKED), absence("alone", allowed_lateness="10s", **ASKED)],
)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """100 events of kind a and 50 others, a second apart."""
    events = [{"at": 1_000 * n, "kind": "aac"[n % 3], "user": f"user{n:04}", "x": n} for n in range(150)]
    records = [Record(n, json.dumps(event).encode(), None) for n, event in enumerate(events)]
    Product(PIPELINE, tmp_path, {"p": records}, tmp_path).run(Cuts())
    return tmp_path / "lake"


@pytest.mark.parametrize(
    ("name", "size"), [("soon", EVENT_BYTES + 8 + 4 + 8), ("alone", EVENT_BYTES + WAITING_BYTES + 8 + 4)]
)
def test_events_that_others_can_still_meet_are_counted_with_their_bytes(lake: Path, name: str, size: int) -> None:
    plans = {rule.name: rule for rule in make_plan(PIPELINE, ".").alerts}
    rule = plans[name]
    assert isinstance(rule, PairPlan)
    with LakeReader(lake) as reader:
        found = pair_state_finding(reader.snapshot(), rule, 60_000, None)
        told = pair_state_finding(reader.snapshot(), rule, 60_000, Held(7, 2_500_000))
        nothing = pair_state_finding(reader.snapshot(), rule, 10**30, None)
    # from second 60 to 149 two of three count
    assert (found.severity, found.details) == (Severity.OK, {"rows": 60, "size_bytes": 60 * size})
    back = {"soon": "1m", "alone": "70s"}[name]
    assert found.message == f"events of the last {back} are held in memory, 60 of them in about 0.0 MB"
    assert told.message.endswith("; the run holds 7 in 2.5 MB")
    assert (told.details["held_rows"], told.details["held_bytes"]) == (7, 2_500_000)
    assert nothing.details == {"rows": 0, "size_bytes": 0}


def test_the_examination_tells_it_of_each_such_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = '], alerts=[alerts.sequence("soon", key="ad", first="true", then="ad > \'b\'", within="1h")], out_of'
    job = examined.JOB.replace(
        "from dataflow.windows", "from dataflow.pipeline import pair_rules as alerts\nfrom dataflow.windows"
    )
    monkeypatch.setattr(examined, "JOB", job.replace("], out_of", rules))
    world = World(tmp_path)
    world.read("p", [at(0)])
    found = world.findings()["alerts.soon"]
    assert found.message == "events of the last 1h are held in memory, 0 of them in about 0.0 MB"
