"""One rule, commit by commit: raised, retracted, raised again; and what is read back where it is not in memory."""

import json
from typing import Any

import pyarrow as pa
import pytest

from dataflow.alerts.judge import RuleJudge
from dataflow.messages import NEVER_MS
from dataflow.pipeline.alert_plan import AlertPlan
from tests.dataflow.alerts.rules import Memory, ads, clicks, delta, visits


class Played:
    """A judge with a store that keeps all that it judged."""

    def __init__(self, rule: AlertPlan) -> None:
        self.memory = Memory(rule)
        self.judge = RuleJudge(rule, self.memory)

    def commit(self, rows: pa.Table, sides: dict[str, pa.Table] | None = None, over_ms: int = NEVER_MS) -> list[Any]:
        changes = self.judge.changes(rows, sides or {}, over_ms=over_ms)
        self.memory.keep(rows, sides or {}, changes)
        return [(row["change"], row["state"], json.loads(row["key"]), row["message"]) for row in changes.to_pylist()]

    def forget(self) -> None:
        self.judge.forget_all()


def test_an_alert_is_raised_once_by_the_rows_of_all_commits() -> None:
    played = Played(clicks())
    assert played.commit(delta(("u", 1, 0, 2), ("v", 1, 0, 1))) == []
    key = {"user": "u", "ad": 1}
    assert played.commit(delta(("u", 1, 0, 1), ("v", 1, 0, 1))) == [
        (1, "raised", key, "u clicked 1 3 times from 1970-01-01 00:00:00")
    ]
    assert played.commit(delta(("u", 1, 0, 5), ("u", 1, 1, 2))) == []


def test_a_correction_retracts_and_may_raise_again() -> None:
    played = Played(clicks("clicks BETWEEN 2 AND 3 OR clicks = 5"))
    found = [played.commit(delta((None, 7, 3, 1))) for _ in range(6)]
    assert [[(change, state) for change, state, _, _ in each] for each in found] == [
        [],
        [(1, "raised")],
        [],
        [(2, "retracted")],
        [(3, "raised")],
        [(4, "retracted")],
    ]
    assert found[1][0][2] == {"user": None, "ad": 7}


def test_what_was_forgotten_is_read_back_with_the_number_of_the_last_change() -> None:
    played = Played(clicks("clicks IN (1, 3)"))
    for _ in range(3):
        played.commit(delta(("u", 1, 0, 1), ("u", 1, 5, 1)))
        played.forget()
    assert played.memory.asked == [{(0, 10_000), (50_000, 60_000)}] * 3
    assert played.commit(delta(("u", 1, 0, 1))) == [
        (4, "retracted", {"user": "u", "ad": 1}, "u clicked 1 4 times from 1970-01-01 00:00:00")
    ]
    assert played.memory.asked[-1] == {(0, 10_000)}
    played.commit(delta(("u", 1, 0, 1), ("x", 1, 0, 1)))
    assert len(played.memory.asked) == 4


def test_distinct_values_count_once_over_commits_and_over_forgetting() -> None:
    played = Played(ads(2))
    assert played.commit(*visits(("u", 0, 1), ("v", 0, 1))) == []
    assert played.commit(*visits(("u", 0, 1))) == []
    played.forget()
    assert played.commit(*visits(("u", 0, 2))) == []
    played.forget()
    assert played.commit(*visits(("u", 0, 2))) == []
    ((change, state, key, message),) = played.commit(*visits(("u", 0, 3)))
    assert (change, state, key) == (1, "raised", {"user": "u"})
    assert message == "ads: distinct_count > 2; user u"
    played.forget()
    assert played.commit(*visits(("u", 0, 4))) == []


def test_values_are_those_of_the_commit() -> None:
    rule = clicks()
    changes = RuleJudge(rule, Memory(rule)).changes(delta(("u", 1, 0, 3)), {}, over_ms=NEVER_MS)
    (row,) = changes.to_pylist()
    assert json.loads(row["values"]) == {"clicks": 3, "spend": 0.75, "mean": 0.25}
    assert (row["rule"], row["severity"]) == ("farm", "medium")


def test_windows_that_have_left_are_not_judged() -> None:
    played = Played(clicks())
    assert played.commit(delta(("u", 1, 0, 9), ("u", 1, 1, 9)), over_ms=10_000)[0][3].endswith("00:00:10")
    assert played.commit(delta(("u", 1, 0, 9)), over_ms=20_000) == []
    assert played.memory.asked == [{(10_000, 20_000)}]


def test_a_window_with_nothing_but_late_rows_raises_nothing() -> None:
    played = Played(clicks("clicks < 2"))
    assert played.commit(delta(("u", 1, 0, 0))) == []
    assert [state for _, state, _, _ in played.commit(delta(("u", 1, 0, 1)))] == ["raised"]


def test_an_unknown_answer_raises_nothing() -> None:
    played = Played(clicks("mean > 0.1 OR clicks > 5"))
    rows = delta(("u", 1, 0, 1))
    unknown = rows.set_column(rows.schema.get_field_index("mean_count"), "mean_count", pa.array([0]))
    assert played.commit(unknown) == []


def test_of_too_many_rows_those_leave_whose_windows_had_none_for_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dataflow.alerts.totals.SPARE_ROWS", 0)
    monkeypatch.setattr("dataflow.alerts.judge.MOST_ROWS", 3)
    played = Played(clicks("clicks > 1"))
    for number in (0, 1, 2, 3, 0):
        played.commit(delta(("u", 1, number, 1)))
        played.judge.forget(NEVER_MS)
    asked = len(played.memory.asked)
    assert played.judge.rows <= 3
    # what left is read back, what stayed is not
    assert [state for _, state, _, _ in played.commit(delta(("u", 1, 0, 1), ("u", 1, 1, 1)))] == ["raised"]
    assert played.memory.asked[asked:] == [{(10_000, 20_000)}]


def test_distinct_values_may_come_in_a_commit_of_their_own() -> None:
    played = Played(ads(1))
    rows, first = visits(("u", 0, 1))
    _, second = visits(("u", 0, 2))
    nothing = rows.slice(0, 0)
    assert played.commit(nothing, first) == []
    # a window without a counted row raises nothing yet
    assert played.commit(nothing, second) == []
    assert [state for _, state, _, _ in played.commit(rows)] == ["raised"]
    assert played.commit(nothing, {}) == []


def test_what_it_holds_is_told() -> None:
    played = Played(clicks())
    empty_bytes = played.judge.size_bytes
    assert played.judge.rows == 0
    played.commit(delta(("u", 1, 0, 9), ("v", 1, 0, 1)))
    assert played.judge.rows == 2
    assert played.judge.size_bytes > empty_bytes
