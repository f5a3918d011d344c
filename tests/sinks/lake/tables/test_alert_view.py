"""The view of alerts: the newest change of each, and which are quiet."""

import duckdb
import pytest

from sinks.lake.tables.alert_view import alerts_sql
from sinks.lake.tables.views import kept_from, shown_after_ms

Change = tuple[str, int, str, str, str, int, int]
"""id, change, state, rule, key, start and end in seconds."""


def asked(
    changes: list[Change], cool_downs_ms: dict[str, int], before_ms: int | None = None
) -> list[tuple[object, ...]]:
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE alert_changes(alert_id VARCHAR, change BIGINT, state VARCHAR, rule VARCHAR, severity VARCHAR,"
        " key VARCHAR, window_start TIMESTAMP, window_end TIMESTAMP, values VARCHAR, message VARCHAR)"
    )
    for name, number, state, rule, key, start, end in changes:
        connection.execute(
            "INSERT INTO alert_changes VALUES (?, ?, ?, ?, 'high', ?, epoch_ms(?), epoch_ms(?), ?, 'm')",
            [name, number, state, rule, key, start * 1000, end * 1000, f"v{number}"],
        )
    sql = kept_from(alerts_sql(cool_downs_ms), before_ms)
    return connection.execute(
        f"SELECT alert_id, state, values, change, quiet FROM ({sql}) ORDER BY alert_id"
    ).fetchall()


def test_the_newest_change_says_how_an_alert_stands() -> None:
    changes: list[Change] = [
        ("a", 1, "raised", "r", "k", 0, 10),
        ("a", 3, "raised", "r", "k", 0, 10),
        ("a", 2, "retracted", "r", "k", 0, 10),
        ("b", 1, "raised", "r", "k", 10, 20),
        ("b", 2, "retracted", "r", "k", 10, 20),
    ]
    assert asked(changes, {}) == [("a", "raised", "v3", 3, False), ("b", "retracted", "v2", 2, False)]


@pytest.mark.parametrize(
    ("cool_down", "quiet"), [(0, "000000"), (10_000, "010000"), (10_001, "011000"), (60_000, "011000")]
)
def test_an_alert_is_quiet_soon_after_one_of_its_rule_and_key(cool_down: int, quiet: str) -> None:
    changes: list[Change] = [
        ("a", 1, "raised", "r", "k", 0, 10),
        # overlaps the one before
        ("b", 1, "raised", "r", "k", 5, 15),
        ("c", 1, "raised", "r", "k", 25, 35),
        ("d", 1, "raised", "r", "another", 25, 35),
        ("e", 1, "raised", "another", "k", 25, 35),
        ("f", 1, "raised", "r", "k", 95, 105),
    ]
    assert "".join(str(int(bool(row[-1]))) for row in asked(changes, {"r": cool_down})) == quiet


def test_one_that_was_retracted_makes_none_quiet() -> None:
    changes: list[Change] = [
        ("a", 1, "raised", "r", "k", 0, 10),
        ("a", 2, "retracted", "r", "k", 0, 10),
        ("b", 1, "raised", "r", "k", 10, 20),
    ]
    assert [row[-1] for row in asked(changes, {"r": 60_000})] == [False, False]


def test_what_has_left_is_not_shown() -> None:
    changes: list[Change] = [("a", 1, "raised", "r", "k", 0, 10), ("b", 1, "raised", "r", "k", 10, 20)]
    assert [row[0] for row in asked(changes, {"r": 60_000}, 10_000)] == ["b"]
    assert shown_after_ms(kept_from(alerts_sql({}), 10_000)) == 10_000
