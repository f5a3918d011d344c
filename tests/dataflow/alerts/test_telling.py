"""Changes of alerts in words, and the newest of them read back."""

from decimal import Decimal

from dataflow.alerts.telling import CHANGE, Told, newest_changes, told_changes
from dataflow.alerts.texts import alert_id
from dataflow.alerts.windows import END, START, times_ms
from dataflow.pipeline.tables import ALERT_SCHEMA
from tests.dataflow.alerts.rules import clicks


def values(user: str | None, count: int) -> dict[str, object]:
    return {"user": user, "ad": 7, "clicks": count, "spend": Decimal("1.500000"), "mean": 0.5}


def test_a_change_is_told_with_its_key_its_values_and_its_message() -> None:
    (row,) = told_changes(clicks(), [Told(2, 0, 10_000, values("u", 3))]).to_pylist()
    assert (row["state"], row["change"], row["rule"], row["severity"]) == ("retracted", 2, "farm", "medium")
    assert row["key"] == '{"user": "u", "ad": 7}'
    assert row["values"] == '{"clicks": 3, "spend": 1.5, "mean": 0.5}'
    assert row["message"] == "u clicked 7 3 times from 1970-01-01 00:00:00"
    assert row["alert_id"] == alert_id("farm", row["key"], 0, 10_000)


def test_of_an_alert_the_newest_change_is_known() -> None:
    rule = clicks()
    lines = [Told(number, 0, 10_000, values("u", number)) for number in (2, 3, 1)]
    found = newest_changes(rule, told_changes(rule, [*lines, Told(1, 10_000, 20_000, values(None, 1))]))
    assert found.select(["user", "ad", CHANGE]).to_pylist() == [
        {"user": "u", "ad": 7, CHANGE: 3},
        {"user": None, "ad": 7, CHANGE: 1},
    ]
    assert times_ms(found, START).tolist() == [0, 10_000]
    assert times_ms(found, END).tolist() == [10_000, 20_000]
    assert newest_changes(rule, ALERT_SCHEMA.empty_table()).num_rows == 0
