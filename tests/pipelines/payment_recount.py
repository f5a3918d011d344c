"""What `pipelines/payments.py` says of raw records, counted once more in plain Python without the product."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

Record = tuple[bytes | None, int | None]
"""Its value, and its timestamp if the source has one."""
Event = dict[str, Any]
Span = tuple[int, int]

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
BOUND_MS, LATENESS_MS, FUTURE_MS = MINUTE_MS, 15 * MINUTE_MS, 5 * MINUTE_MS
REMEMBERED_MS, PAUSE_MS = DAY_MS, 20 * MINUTE_MS
_1970 = datetime(1970, 1, 1, tzinfo=UTC)


def ms(at: datetime) -> int:
    """Milliseconds since 1970."""
    return (at - _1970) // timedelta(milliseconds=1)


@dataclass
class Window:
    """One window of one key: the events that count in it, and how many came too late for it."""

    events: list[Event] = field(default_factory=list)
    late: int = 0


class PaymentRecount:
    """All records of all source partitions, each in offset order.

    `counts`: partition -> class -> records. `dead`: (partition, offset, reason, field). `late`: (rollup, partition,
    offset). `windows`: rollup -> (start, end, keys) -> Window.
    """

    def __init__(self, pipeline: Path, partitions: dict[str, Sequence[Record]]) -> None:
        with (pipeline.parent / "dimensions" / "merchants.csv").open(newline="", encoding="utf-8") as file:
            self.merchants = {row["merchant.id"]: row for row in csv.DictReader(file)}
        self.counts: dict[str, Counter[str]] = {}
        self.dead: list[tuple[str, int, str, str | None]] = []
        self.late: list[tuple[str, str, int]] = []
        self.windows: dict[str, dict[tuple[int, int, tuple[Any, ...]], Window]] = {
            name: {} for name in ("merchant_5m", "merchant_1d", "category_day", "country_1h", "card_visits")
        }
        self._late_visits: list[tuple[str, int]] = []
        self.newest: dict[str, int] = {}
        for partition, records in partitions.items():
            self._count(partition, records)
        self.windows["card_visits"] = self._joined(self.windows["card_visits"])

    def _count(self, partition: str, records: Sequence[Record]) -> None:
        counts = self.counts[partition] = Counter()
        remembered: dict[str, int] = {}
        newest: int | None = None
        for offset, (value, timestamp) in enumerate(records):
            counts["read"] += 1
            event = self._event(value, timestamp)
            if isinstance(event, tuple):
                counts["dead"] += 1
                self.dead.append((partition, offset, *event))
                continue
            at = event["at"]
            watermark = None if newest is None else newest - BOUND_MS
            newest = at if newest is None else max(newest, at)
            first = remembered.get(event["payment_id"])
            if first is not None and (watermark is None or first + REMEMBERED_MS > watermark):
                counts["duplicate"] += 1
                continue
            remembered[event["payment_id"]] = at
            taken = [self._place(rollup, keys, spans, event, watermark) for rollup, keys, spans in _windows_of(event)]
            late = [rollup for rollup, is_late in taken if is_late]
            self.late += [(rollup, partition, offset) for rollup in late]
            counts["late" if len(late) == len(taken) else "accepted"] += 1
        if newest is not None:
            self.newest[partition] = newest

    def _place(
        self, rollup: str, keys: tuple[Any, ...], spans: Iterable[Span], event: Event, watermark: int | None
    ) -> tuple[str, bool]:
        """Put the event where it is in time; the rollup, and whether it is late for all windows of it."""
        all_late = True
        for start, end in spans:
            is_late = watermark is not None and end - 1 + LATENESS_MS <= watermark
            if is_late and rollup == "card_visits":
                self._late_visits.append((event["card_id"], event["at"]))
                continue
            window = self.windows[rollup].setdefault((start, end, keys), Window())
            if is_late:
                window.late += 1
            else:
                window.events.append(event)
                all_late = False
        return rollup, all_late

    def _joined(self, rows: dict[tuple[int, int, tuple[Any, ...]], Window]) -> Any:
        """Visits: the payments of a card without a longer pause."""
        visits: dict[tuple[int, int, tuple[Any, ...]], Window] = {}
        events = sorted((event for each in rows.values() for event in each.events), key=lambda event: event["at"])
        for card in {event["card_id"] for event in events}:
            run: list[Event] = []
            for event in [each for each in events if each["card_id"] == card] + [{"at": 10**15}]:
                if run and event["at"] - run[-1]["at"] > PAUSE_MS:
                    span = run[0]["at"], run[-1]["at"] + PAUSE_MS
                    late = sum(of == card and span[0] <= at < span[1] for of, at in self._late_visits)
                    visits[*span, (card,)] = Window(run, late)
                    run = []
                run.append(event)
        return visits

    def _event(self, value: bytes | None, timestamp: int | None) -> Event | tuple[str, str | None]:
        """The event, or why it is none."""
        if value is None:
            return "tombstone", None
        if value == b"":
            return "empty", None
        try:
            event = json.loads(value, parse_float=Decimal)
        except ValueError:
            return "malformed", None
        if not isinstance(event, dict):
            return "not_object", None
        for name, (reason_against, may_lack) in _RULES.items():
            found: Any = event
            for part in name.split("."):
                found = found.get(part)
            if found is None and not may_lack:
                return "missing_field", name
            if found is not None and (reason := reason_against(found)):
                return reason, name
        event["at"] = ms(datetime.fromisoformat(event["time"]))
        if timestamp is not None and event["at"] > timestamp + FUTURE_MS:
            return "future_event", "time"
        known = self.merchants.get(event["merchant"]["id"], {})
        event["region"] = known.get("region") or None
        event["limit"] = Decimal(known["monthly_limit"]) if known.get("monthly_limit") else None
        return event


def _windows_of(event: Event) -> Iterable[tuple[str, tuple[Any, ...], list[Span]]]:
    """(rollup, keys, windows) of each rollup that takes the event."""
    at, merchant = event["at"], event["merchant"]
    five, day, quarter = (at // size * size for size in (5 * MINUTE_MS, DAY_MS, 15 * MINUTE_MS))
    yield "merchant_5m", (merchant["id"],), [(five, five + 5 * MINUTE_MS)]
    passed = (at - day) // HOUR_MS
    yield "category_day", (merchant["category"],), [(day, day + (n + 1) * HOUR_MS) for n in range(passed, 24)]
    starts = [quarter - n * 15 * MINUTE_MS for n in range(4)]
    yield "country_1h", (merchant["country"], event["brand"]), [(start, start + HOUR_MS) for start in starts]
    if event["kind"] == "payment":
        yield "merchant_1d", (merchant["id"], event["region"]), [(day, day + DAY_MS)]
        yield "card_visits", (event["card_id"],), [(at, at + PAUSE_MS)]


def _text(check: Callable[[str], bool]) -> Callable[[Any], str]:
    return lambda found: "wrong_type" if not isinstance(found, str) else "" if check(found) else "constraint"


def _has_zone(text: str) -> bool:
    return datetime.fromisoformat(text).tzinfo is not None


def _money(least: Decimal | None) -> Callable[[Any], str]:
    def check(found: Any) -> str:
        if isinstance(found, bool) or not isinstance(found, int | Decimal):
            return "wrong_type"
        is_small = least is not None and found <= least
        return "constraint" if is_small or not -(10**12) < found < 10**12 or found != round(found, 6) else ""

    return check


def _count(found: Any) -> str:
    if isinstance(found, bool) or not isinstance(found, int):
        return "wrong_type"
    return "" if found >= 0 else "constraint"


def _object(found: Any) -> str:
    return "" if isinstance(found, dict) else "wrong_type"


_RULES: dict[str, tuple[Callable[[Any], str], bool]] = {
    "payment_id": (_text(lambda text: 1 <= len(text) <= 64), False),
    "time": (_text(_has_zone), False),
    "kind": (_text(lambda text: text in ("payment", "refund", "chargeback")), False),
    "value": (_money(Decimal(0)), False),
    "tip": (_money(None), True),
    "brand": (_text(lambda text: text in ("visa", "mastercard", "amex")), False),
    "card_id": (_text(lambda text: True), False),
    "offset": (_count, False),
    "refund_of": (_text(lambda text: True), True),
    "merchant": (_object, False),
    "merchant.id": (_text(lambda text: 1 <= len(text) <= 32), False),
    "merchant.name": (_text(lambda text: True), False),
    "merchant.country": (_text(lambda text: len(text) == 2 and text.isascii() and text.isupper()), False),
    "merchant.category": (_text(lambda text: text in ("grocery", "dining", "travel", "fuel")), False),
}
"""JSON key -> what is wrong with a value and whether it may lack, in the order in which fields are looked at."""
