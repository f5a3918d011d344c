"""What doctor says of the memory of alert rules: by the lake, by a run that answers, and near the bound."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from dataflow.alerts.stats import RuleStats
from doctor import alert_state
from doctor.alert_state import held_by_run
from doctor.finding import Severity
from runtime.endpoint import Health, serve
from runtime.observer import CommitObserver
from sinks.lake.commit_stats import CommitStats
from tests.doctor import examined
from tests.doctor.examined import World, at
from tests.runtime.test_endpoint import free_port

RULE = '], alerts=[alerts.threshold("busy", on="per_ad", having="clicks > 1")], out_of_orderness="5s"'


@pytest.fixture
def ruled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world whose pipeline has a rule over per_ad."""
    job = examined.JOB.replace(
        "from dataflow.windows", "from dataflow.pipeline import alert_rules as alerts\nfrom dataflow.windows"
    )
    monkeypatch.setattr(examined, "JOB", job.replace('], out_of_orderness="5s"', RULE))
    return World(tmp_path)


def test_windows_that_can_still_change_are_counted_by_key(ruled: World) -> None:
    ruled.read("p", [at(0), at(1), at(2)])
    ruled.read("p", [at(2, 10)], ad="b")
    found = ruled.findings()["alerts.busy"]
    # the watermark is 12:02:05, and lateness 10 s: of minute 1 nothing more counts from 12:02:10 on
    assert (found.severity, found.details["rows"]) == (Severity.OK, 3)
    assert found.message == "3 of its keys and windows can still change; at most 2,000,000 are held in memory"


def test_a_rule_near_its_bound_is_a_warning_that_says_what_comes(ruled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_state, "MOST_ROWS", 3)
    ruled.read("p", [at(0), at(1)])
    assert ruled.findings()["alerts.busy"].severity is Severity.OK
    ruled.read("p", [at(1)], ad="b")
    ruled.read("p", [at(1)], ad="c")
    found = ruled.findings()["alerts.busy"]
    assert found.severity is Severity.WARNING
    assert "windows are read from the lake again" in str(found.fix)


def test_a_pipeline_without_rules_has_no_such_check(world: World) -> None:
    world.read("p", [at(0)])
    assert not [check for check in world.findings() if check.startswith("alerts.")]


@pytest.fixture
def address() -> Iterator[str]:
    """A run that answers."""
    port = free_port()
    end = serve("127.0.0.1", port, Health())
    yield f"http://127.0.0.1:{port}"
    end()


def test_what_a_run_holds_is_what_it_says(address: str, tmp_path: Path) -> None:
    observer = CommitObserver(tmp_path, monotonic=lambda: 0.0)
    for raised, retracted in ((3, 1), (5, 1)):
        rule = RuleStats("held", 40, 9_000, raised, retracted)
        observer(CommitStats(1, 2, 3, {}, 0, (), 0.0, 0.0, (rule,)))
    assert held_by_run(address)["held"] == (40, 9_000)
    told = [
        REGISTRY.get_sample_value("tidemill_alert_changes_total", {"rule": "held", "state": s})
        for s in ("raised", "retracted")
    ]
    assert told == [5, 1]


def test_where_nothing_answers_nothing_is_known() -> None:
    assert held_by_run(None) == {}
    assert held_by_run(f"http://127.0.0.1:{free_port()}") == {}


def test_a_run_is_asked_while_it_holds_the_folder(ruled: World, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ruled.read("p", [at(0)])
    monkeypatch.setattr("doctor.examination.held_by_run", lambda asked: {"busy": alert_state.Held(7, 2_500_000)})
    ruled.settings = ruled.settings._replace(metrics_port=int(address.rpartition(":")[2]))
    assert "the run holds" not in ruled.findings()["alerts.busy"].message
    ruled.recovery.lock()
    found = ruled.findings()["alerts.busy"]
    assert found.message.endswith("; the run holds 7 rows in 2.5 MB")
    assert (found.details["held_rows"], found.details["held_bytes"]) == (7, 2_500_000)
