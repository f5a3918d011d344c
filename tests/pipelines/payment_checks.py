"""Is a lake of payments what a recount says: its books, its rollups, its reports."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from query.definition import lake_definition
from query.reader import LakeReader, LakeSnapshot
from query.reports import Shelf, ask, reports_folder
from tests.chaos.subject import ROOT
from tests.model.spec import Record
from tests.pipelines.payment_answers import ROLLUPS, Answers, Row
from tests.pipelines.payment_recount import DAY_MS, PaymentRecount

PAYMENTS = ROOT / "pipelines" / "payments.py"
NOW = datetime(2026, 3, 3, tzinfo=UTC)


def recount(partitions: Mapping[str, Sequence[Record]]) -> PaymentRecount:
    """Of records as the model has them."""
    return PaymentRecount(
        PAYMENTS, {name: [(each.value, each.timestamp) for each in records] for name, records in partitions.items()}
    )


def rows(table: Any) -> list[Row]:
    """Of an Arrow table."""
    return [tuple(row.values()) for row in table.to_pylist()]


def assert_near(found: list[Row], expected: list[Row], within: Mapping[int, float]) -> None:
    """The same rows in the same order; the columns of these numbers differ by such a share, or by half a cent."""

    def loosened(row: Row) -> Row:
        return tuple(
            pytest.approx(float(value), rel=within[at], abs=0.00501) if at in within and value is not None else value
            for at, value in enumerate(row)
        )

    assert found == [loosened(row) for row in expected]


def assert_rollups(snapshot: LakeSnapshot, answers: Answers) -> None:
    """Every view, every column."""
    for name in ROLLUPS:
        table = snapshot.query(f"SELECT * FROM {name}")
        columns = table.column_names
        row_of = columns.index("window_end") + 1
        within = {columns.index("median_value"): 0.011} if "median_value" in columns else {}
        expected = answers.rollup(name)
        found = {row[:row_of]: row for row in rows(table)}
        assert len(expected) == len(found) == table.num_rows > 5
        assert_near([found[row[:row_of]] for row in expected], expected, within)


def assert_reports(snapshot: LakeSnapshot, shelf: Shelf, answers: Answers) -> None:
    """Every report, with its defaults and with parameters, as of the newest event."""

    def asked(name: str, **given: object) -> list[Row]:
        return rows(ask(snapshot, shelf.find(name), given, NOW, at="latest", limit=10_000).table)

    today = answers.newest // DAY_MS * DAY_MS
    assert asked("revenue_per_category") == answers.revenue_per_category(today)
    assert asked("revenue_per_category", day="yesterday") == answers.revenue_per_category(today - DAY_MS) != []
    for category in ("dining", "fuel"):
        assert asked("category_so_far", category=category) == answers.category_so_far(category, today) != []
    for minutes in (60, 100_000):
        assert asked("refund_rate", minutes=minutes) == answers.refund_rate(minutes) != []
    for days in (1, 30):
        assert asked("merchants_against_limit", days=days) == answers.merchants_against_limit(days) != []
    assert asked("merchants_against_limit", region="south") == answers.merchants_against_limit(30, "south") != []
    within = {6: 0.0, 7: 0.02}  # mean and median, both rounded, which is more of a small median
    for hours in (1, 48):
        expected = answers.chargebacks_per_country(hours)
        assert_near(asked("chargebacks_per_country", hours=hours), expected, within)
    expected = answers.chargebacks_per_country(1, "NL")
    assert_near(asked("chargebacks_per_country", country="NL"), expected, within)
    cards = {keys[0] for _, _, keys, _ in answers.shown("card_visits")}
    assert len(cards) > 5
    for card in cards:
        assert asked("visits_of_card", card=card, hours=48) == answers.visits_of_card(card, 48) != []


def assert_books(snapshot: LakeSnapshot, counted: PaymentRecount) -> None:
    """Ledger, dead letters with their reasons, late events."""
    sums = ", ".join(f"sum({name})::BIGINT" for name in ("read", "accepted", "duplicate", "late", "dead"))
    ledger = rows(snapshot.query(f"SELECT partition, {sums} FROM ledger GROUP BY partition ORDER BY partition"))
    classes = ("read", "accepted", "duplicate", "late", "dead")
    assert ledger == [(name, *(each[of] for of in classes)) for name, each in sorted(counted.counts.items())]
    dead = rows(snapshot.query('SELECT partition, "offset", reason, field FROM dead_letters ORDER BY ALL'))
    assert dead == sorted(counted.dead)
    late = rows(snapshot.query('SELECT rollup, partition, "offset" FROM late_events ORDER BY ALL'))
    assert late == sorted(counted.late)


def assert_lake(lake: Path, counted: PaymentRecount, *, finished: bool = True) -> None:
    """All of it."""
    answers = Answers(counted, finished=finished)
    with LakeReader(lake) as reader:
        snapshot = reader.snapshot()
        shelf = Shelf(reports_folder(str(PAYMENTS)), lake_definition(reader))
        assert_books(snapshot, counted)
        assert_rollups(snapshot, answers)
        assert_reports(snapshot, shelf, answers)
