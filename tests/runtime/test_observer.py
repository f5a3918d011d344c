"""What the metrics say after a commit."""

import sqlite3
import threading
from pathlib import Path

import pytest
import structlog
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from dataflow.errors import LakeError
from dataflow.messages import Range
from runtime.observer import CommitObserver
from sinks.lake.commit_stats import CommitStats


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


def commit_after(observer: CommitObserver, now: list[float], seconds: float) -> None:
    now[0] += seconds
    observer(stats(accepted=1, late=0))


def counted(patience_s: float = 120) -> None:
    """Wait until no count is under way."""
    for thread in threading.enumerate():
        if thread.name == "count-files":
            thread.join(patience_s)
            assert not thread.is_alive()


def test_after_the_last_epochs_no_files_are_counted(tmp_path: Path) -> None:
    counted()
    observer = CommitObserver(tmp_path, monotonic=lambda: 0.0)
    observer(stats(accepted=1, late=0), last=True)
    assert not [thread for thread in threading.enumerate() if thread.name == "count-files"]


def test_files_that_cannot_be_counted_are_told_once_and_leave_no_figure_that_stands_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Exception | dict[str, int]] = [{"t": 3}, LakeError("busy"), sqlite3.OperationalError("odd"), {"t": 4}]

    def live_files(_: Path) -> dict[str, int]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    counted()
    monkeypatch.setattr("runtime.observer.live_files", live_files)
    structlog.reset_defaults()
    now = [0.0]
    shown: list[float | None] = []
    with capture_logs() as log:
        observer = CommitObserver(tmp_path, monotonic=lambda: now[0])
        for _ in range(4):
            commit_after(observer, now, 10)
            counted()
            shown.append(REGISTRY.get_sample_value("tidemill_table_files", {"table": "t"}))
    assert shown == [3, None, None, 4]
    assert [line["reason"] for line in log] == ["busy"]


def test_a_count_that_hangs_is_not_joined_by_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, calls = threading.Event(), []

    def live_files(_: Path) -> dict[str, int]:
        calls.append(1)
        go_on.wait(30)
        return {}

    monkeypatch.setattr("runtime.observer.live_files", live_files)
    now = [0.0]
    observer = CommitObserver(tmp_path, monotonic=lambda: now[0])
    for _ in range(5):
        commit_after(observer, now, 10)
    go_on.set()
    counted()
    assert len(calls) == 1
