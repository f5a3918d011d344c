"""What the payments' reports and rollups must show, from a recount: each answer as rows of Python values."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.pipelines.payment_recount import BOUND_MS, DAY_MS, HOUR_MS, LATENESS_MS, Event, PaymentRecount, Window

Row = tuple[Any, ...]

EPOCH = datetime(1970, 1, 1)


def time_of(at_ms: int) -> datetime:
    """As the lake shows it: UTC without a zone."""
    return EPOCH + timedelta(milliseconds=at_ms)


def values(events: Iterable[Event], *kinds: str) -> list[Decimal]:
    """What was moved by events of these kinds."""
    return [Decimal(event["value"]) for event in events if event["kind"] in kinds]


def total(found: Sequence[Decimal]) -> Decimal | None:
    """Their sum, None of nothing."""
    return sum(found[1:], start=found[0]) if found else None


def count(events: Iterable[Event], kind: str) -> int:
    """How many are of that kind."""
    return sum(event["kind"] == kind for event in events)


def distinct(events: Iterable[Event], of: Callable[[Event], Any]) -> int:
    """How many different values there are."""
    return len({of(event) for event in events})


def mean(found: Sequence[Decimal]) -> float | None:
    """The exact sum, as a double, divided at the end."""
    return float(sum(found)) / len(found) if found else None


def median(found: Sequence[Decimal]) -> Decimal | None:
    """The smallest value that half of them do not exceed."""
    return sorted(found)[(len(found) + 1) // 2 - 1] if found else None


def percent(part: float | Decimal, whole: float | Decimal, digits: int) -> float | None:
    """None of nothing."""
    return round(float(100 * Fraction(part) / Fraction(whole)), digits) if whole else None


def _merchant_5m(events: list[Event]) -> Row:
    paid = values(events, "payment")
    refunded = values(events, "refund")
    return (
        len(paid), len(refunded), total(paid), total(refunded), min(paid, default=None), max(paid, default=None)
    )  # fmt: skip


def _merchant_1d(events: list[Event]) -> Row:
    tips = [Decimal(event.get("tip", 0)) for event in events]
    limit = max((event["limit"] for event in events if event["limit"] is not None), default=None)
    name = max((event["merchant"]["name"] for event in events), key=str.encode)
    return name, limit, total(values(events, "payment")), total(tips), distinct(events, lambda event: event["card_id"])


def _category_day(events: list[Event]) -> Row:
    return (
        count(events, "payment"),
        total(values(events, "payment")),
        total(values(events, "refund", "chargeback")),
        sum(event["kind"] == "refund" and event.get("refund_of") is None for event in events),
        max(event["offset"] for event in events),
    )


def _country_1h(events: list[Event]) -> Row:
    paid = values(events, "payment")
    cards = distinct(events, lambda event: event["card_id"])
    return len(paid), count(events, "chargeback"), mean(paid), median(paid), cards


def _card_visits(events: list[Event]) -> Row:
    spent = total(values(events, "payment"))
    shops = distinct(events, lambda event: event["merchant"]["id"])
    return len(events), spent, shops, distinct(events, lambda event: event["merchant"]["country"])


ROLLUPS: dict[str, Callable[[list[Event]], Row]] = {
    "merchant_5m": _merchant_5m,
    "merchant_1d": _merchant_1d,
    "category_day": _category_day,
    "country_1h": _country_1h,
    "card_visits": _card_visits,
}
"""A rollup's aggregates over the events of a window."""


class Answers:
    """The rows that a lake of these records shows to whoever asks long after its last commit.

    `finished`: all input was read to its end. Otherwise every source partition is idle, and the furthest decides.
    """

    def __init__(self, counted: PaymentRecount, *, finished: bool) -> None:
        self.counted = counted
        self.finished = finished
        self.newest = max(counted.newest.values())

    def is_final(self, end: int) -> bool:
        """Whether the window that ends there takes nothing more."""
        return self.finished or end - 1 + LATENESS_MS <= self.newest - BOUND_MS

    def shown(self, rollup: str) -> list[tuple[int, int, Row, Window]]:
        """(start, end, keys, window) of each window that counts an event."""
        windows = self.counted.windows[rollup].items()
        return [(start, end, keys, window) for (start, end, keys), window in windows if window.events]

    def rollup(self, name: str) -> list[Row]:
        """Keys, times, aggregates, late_count, is_final: the view's rows, in no order."""
        return [
            (*keys, time_of(start), time_of(end), *ROLLUPS[name](window.events), window.late, self.is_final(end))
            for start, end, keys, window in self.shown(name)
        ]

    def revenue_per_category(self, day: int) -> list[Row]:
        """Of the UTC day that begins at `day`."""
        found = []
        for start, end, (category,), window in self.shown("category_day"):
            if (start, end) == (day, day + DAY_MS):
                payments, revenue, back, unmatched, _ = _category_day(window.events)
                net = (revenue or Decimal(0)) - (back or Decimal(0))
                found.append((category, payments, revenue, back, net, unmatched))
        return sorted(found, key=lambda row: (-(row[2] or Decimal(0)), row[0]))

    def category_so_far(self, category: str, day: int) -> list[Row]:
        """Of the UTC day that begins at `day`."""
        return sorted(
            (time_of(end), *_category_day(window.events)[:3], self.is_final(end))
            for start, end, keys, window in self.shown("category_day")
            if keys == (category,) and start == day
        )

    def refund_rate(self, minutes: int) -> list[Row]:
        """At the newest event."""
        found = []
        for (merchant,), events in self._since("merchant_5m", minutes * 60_000, 60_000).items():
            paid, refunded = values(events, "payment"), values(events, "refund")
            if paid:
                rate = percent(len(refunded), len(paid), 3)
                found.append((merchant, len(paid), len(refunded), rate, total(paid), total(refunded)))
        return sorted(found, key=lambda row: (-row[3], -row[2], row[0]))

    def merchants_against_limit(self, days: int, region: str | None = None) -> list[Row]:
        """At the newest event."""
        found = []
        for (merchant, of), events in self._since("merchant_1d", days * DAY_MS, DAY_MS).items():
            if region in (None, of):
                name, limit, revenue, tips, _ = _merchant_1d(events)
                days_of = [[each for each in events if each["at"] // DAY_MS == day] for day in _days(events)]
                cards = max(distinct(each, lambda event: event["card_id"]) for each in days_of)
                used = None if limit is None else percent(revenue, limit, 1)
                is_over = limit is not None and revenue > limit
                found.append((merchant, name, revenue, tips, cards, limit, used, is_over))
        return sorted(found, key=lambda row: (-row[2], row[0]))

    def chargebacks_per_country(self, hours: int, country: str | None = None) -> list[Row]:
        """At the newest event."""
        found = []
        end = self.newest // HOUR_MS * HOUR_MS + HOUR_MS
        for start, _, (of, brand), window in self.shown("country_1h"):
            if end - hours * HOUR_MS <= start < end and country in (None, of):
                payments, back, *others = _country_1h(window.events)
                found.append((of, brand, time_of(start), payments, back, percent(back, payments, 2), *others))
        return sorted(found, key=lambda row: (EPOCH - row[2], row[0], row[1]))

    def visits_of_card(self, card: str, hours: int) -> list[Row]:
        """At the newest event."""
        end = self.newest // HOUR_MS * HOUR_MS + HOUR_MS
        found = [
            (not self.is_final(last), time_of(start), *_card_visits(window.events))
            for start, last, keys, window in self.shown("card_visits")
            if keys == (card,) and end - hours * HOUR_MS <= start < end
        ]
        return sorted(found, key=lambda row: (not row[0], EPOCH - row[1]))

    def _since(self, rollup: str, length_ms: int, unit_ms: int) -> dict[Row, list[Event]]:
        """Keys -> events of the windows that start in the last `length_ms`, the running unit included."""
        end = self.newest // unit_ms * unit_ms + unit_ms
        found: dict[Row, list[Event]] = {}
        for start, _, keys, window in self.shown(rollup):
            if end - length_ms <= start < end:
                found.setdefault(keys, []).extend(window.events)
        return found


def _days(events: Iterable[Event]) -> set[int]:
    return {event["at"] // DAY_MS for event in events}
