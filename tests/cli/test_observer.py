"""What the metrics say after a commit."""

from pathlib import Path

from prometheus_client import REGISTRY

from cli.observer import CommitObserver
from dataflow.batch import Range
from sinks.commit import CommitStats


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def stats(accepted: int, late: int) -> CommitStats:
    entry = Range("observed/0", "observed", 0, 10, read=10, accepted=accepted, late=late)
    return CommitStats(1, 2, 3, {"observed_table": 7}, 1000, (entry,), 0.01, 0.001)


def test_a_commit_adds_its_rows_and_its_records_to_the_counters(tmp_path: Path) -> None:
    observer = CommitObserver(tmp_path, monotonic=lambda: 0.0)
    before = value("tidemill_commits_total")
    observer(stats(accepted=8, late=2))
    assert value("tidemill_commits_total") == before + 1
    assert value("tidemill_committed_rows_total", table="observed_table") == 7
    assert value("tidemill_records_accepted_total", partition="observed/0") == 8
    assert value("tidemill_records_late_total", partition="observed/0") == 2


def test_the_epoch_age_grows_from_one_commit_to_the_next(tmp_path: Path) -> None:
    now = [0.0]
    observer = CommitObserver(tmp_path, monotonic=lambda: now[0])
    now[0] = 3.0
    assert value("tidemill_epoch_age_seconds") == 3.0
    observer(stats(accepted=10, late=0))
    now[0] = 4.0
    assert value("tidemill_epoch_age_seconds") == 1.0
