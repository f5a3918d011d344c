"""The changes of alerts behind a place: in order, some at a time, read once for all who ask."""

import threading
from typing import Any

import pytest

from query.alerts import Place, changes_after
from serve.feed import alert_log as module
from serve.feed.alert_log import AlertLog
from serve.lake import ServedLake
from serve.problem import Problem
from tests.query.lakes import LakeMaker
from tests.serve.served_lake import ADS, NOW, alert


def log_of(lake: LakeMaker) -> AlertLog:
    return AlertLog(ServedLake(lake.folder, ADS, lambda: NOW), 60.0)


def test_changes_come_in_the_order_of_commits_and_then_of_alerts(ruled: LakeMaker) -> None:
    found = log_of(ruled).after(Place(0))
    rows = [alert("a", 1), alert("a", 2), alert("top", 1, rule="dear"), alert("b", 5), alert("top", 1, 2, rule="dear")]
    first, second = sorted(rows[:3], key=lambda row: row["alert_id"]), sorted(rows[3:], key=lambda row: row["alert_id"])
    assert [told["alert_id"] for _, told in found.changes] == [row["alert_id"] for row in first + second]
    assert [told["snapshot"] for _, told in found.changes] == [3, 3, 3, 4, 4]
    assert (found.is_whole, found.end) == (True, Place(4))


def test_many_changes_come_some_at_a_time(ruled: LakeMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    log = log_of(ruled)
    whole = [place for place, _ in log.after(Place(0)).changes]
    monkeypatch.setattr(module, "MOST", 2)
    place, found = Place(0), []
    for _ in range(4):
        read = log_of(ruled).after(place)
        assert len(read.changes) <= 2
        found += [each for each, _ in read.changes]
        place = read.end
        if read.is_whole:
            break
    assert found == whole


def test_without_a_new_change_no_file_is_read(ruled: LakeMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    log = log_of(ruled)
    monkeypatch.setattr(module, "changes_after", None)
    ruled.commit({"late_events": []})
    assert log.after(Place(4)).changes == []
    assert log.after(Place(4)).end == Place(5)


def test_all_who_are_at_one_place_share_one_read(ruled: LakeMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    log, made = log_of(ruled), []

    def counted(*asked: Any) -> Any:
        made.append(asked)
        return changes_after(*asked)

    monkeypatch.setattr(module, "changes_after", counted)
    threads = [threading.Thread(target=lambda: log.after(Place(2))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_a_place_is_in_the_lake_with_its_change_alone(ruled: LakeMaker) -> None:
    log, here = log_of(ruled), alert("b", 5)["alert_id"]
    assert log.has(Place(4, here, 1))
    assert log.has(Place(3))
    assert not any(map(log.has, [Place(4, here, 2), Place(3, here, 1), Place(4, "0" * 32, 1), Place(9)]))


def test_a_lake_without_rules_is_told(lake: LakeMaker, ruled: LakeMaker) -> None:
    for ask in (log_of(lake).newest, lambda: log_of(lake).after(Place(0)), lambda: log_of(lake).has(Place(0))):
        with pytest.raises(Problem, match="no alerts"):
            ask()
    with pytest.raises(Problem, match="did you mean busy"):
        log_of(ruled).newest("bussy")
