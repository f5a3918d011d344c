"""The three reports counted again, record by record, without any code of the product."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from tests.model import adapter
from tests.model.contract import MAX_DEPTH, Dead, read

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
FORGET_EVERY = 50_000

Row = tuple[Any, ...]


class AdsRecount:
    """What `pipelines/ads.py` says of a topic. Records of each source partition must come in offset order.

    Holds a few numbers per window and the ids of the last ten minutes, so that a topic of any size can be counted.
    """

    def __init__(self, pipeline: Path) -> None:
        self.spec = adapter.load(pipeline)
        self.campaign_of = {key: row["campaign_id"] for key, row in self.spec.dimensions[0].rows.items()}
        self.lateness = {rollup.name: rollup.lateness for rollup in self.spec.rollups}
        self.counts: dict[str, Counter[str]] = {}
        self.clicks: dict[tuple[int, str], list[Any]] = {}
        self.campaigns: dict[tuple[int, str | None], list[Any]] = {}
        self.hours: dict[int, list[Any]] = {}
        self.newest: dict[str, int] = {}
        self._ids: dict[str, dict[str, int]] = {}

    def add(self, partition: str, value: bytes | None, timestamp: int | None) -> None:
        """Count one record."""
        counts = self.counts.setdefault(partition, Counter())
        counts["read"] += 1
        event = read(value, self.spec, MAX_DEPTH)
        guard = self.spec.max_future or 0
        if isinstance(event, Dead) or (timestamp is not None and event["event_time"] > timestamp + guard):
            counts["dead"] += 1
            return
        time = event["event_time"]
        newest = self.newest.get(partition)
        watermark = None if newest is None else newest - self.spec.bound
        self.newest[partition] = time if newest is None else max(newest, time)
        if self._repeats(partition, event["event_id"], time, watermark, counts["read"]):
            counts["duplicate"] += 1
            return
        counts["late" if self._count(event, time, watermark) else "accepted"] += 1

    def _repeats(self, partition: str, name: str, time: int, watermark: int | None, number: int) -> bool:
        ids = self._ids.setdefault(partition, {})
        horizon = self.spec.dedup_horizon
        first = ids.get(name)
        if first is not None and (watermark is None or first + horizon > watermark):
            return True
        ids[name] = time
        if number % FORGET_EVERY == 0 and watermark is not None:
            self._ids[partition] = {key: at for key, at in ids.items() if at + horizon > watermark}
        return False

    def _count(self, event: dict[str, Any], time: int, watermark: int | None) -> bool:
        """Put the event into its windows; True when it is late for everything that takes it."""
        minute, hour = time // MINUTE_MS * MINUTE_MS, time // HOUR_MS * HOUR_MS
        kind, cost, revenue = event["event_type"], event["cost"], event["revenue"]
        taken = [
            self._late("campaign_1m", minute + MINUTE_MS, watermark),
            self._late("revenue_1h", hour + HOUR_MS, watermark),
        ]
        if not taken[0]:
            key = (minute, self.campaign_of.get(event["ad_id"]))
            row = self.campaigns.setdefault(key, [0, 0, 0, Decimal(0), None])
            row[("impression", "click", "conversion").index(kind)] += 1
            row[3] += cost
            row[4] = _sum(row[4], revenue)
        if not taken[1]:
            totals = self.hours.setdefault(hour, [None, 0])
            totals[0] = _sum(totals[0], revenue)
            totals[1] += 1
        if kind == "click":
            taken.append(self._late("ad_clicks_1m", minute + MINUTE_MS, watermark))
            # of a hop's windows the one that ends last stays open longest
            taken.append(self._late("clicks_5m", minute + 5 * MINUTE_MS, watermark))
            if not taken[2]:
                clicked = self.clicks.setdefault((minute, event["ad_id"]), [0, Decimal(0)])
                clicked[0] += 1
                clicked[1] += cost
        return all(taken)

    def _late(self, rollup: str, end: int, watermark: int | None) -> bool:
        return watermark is not None and end - 1 + self.lateness[rollup] <= watermark

    def clicks_per_ad(self, minutes: int) -> list[Row]:
        """(ad, clicks, spend) of the last minutes before the newest event, most clicked first."""
        end = max(self.newest.values()) // MINUTE_MS * MINUTE_MS + MINUTE_MS
        found: dict[str, list[Any]] = {}
        for (minute, ad), (clicks, spend) in self.clicks.items():
            if end - minutes * MINUTE_MS <= minute < end:
                row = found.setdefault(ad, [0, Decimal(0)])
                row[0] += clicks
                row[1] += spend
        rows = [(ad, *row) for ad, row in found.items()]
        return sorted(rows, key=lambda row: (-row[1], row[0]))

    def top_campaigns(self) -> list[Row]:
        """(campaign, impressions, clicks, conversions, spend, revenue) of the newest day, in no order."""
        day = max(self.newest.values()) // DAY_MS
        found: dict[str | None, list[Any]] = {}
        for (minute, campaign), (*numbers, spend, revenue) in self.campaigns.items():
            if minute // DAY_MS == day:
                row = found.setdefault(campaign, [0, 0, 0, Decimal(0), None])
                for at, number in enumerate(numbers):
                    row[at] += number
                row[3] += spend
                row[4] = _sum(row[4], revenue)
        return [(campaign, *row) for campaign, row in found.items()]

    def revenue_per_hour(self) -> list[Row]:
        """(hour in ms, revenue, events), newest first."""
        return [(hour, *self.hours[hour]) for hour in sorted(self.hours, reverse=True)]


def _sum(total: Decimal | None, value: Decimal | None) -> Decimal | None:
    return total if value is None else value if total is None else total + value


def committed(bootstrap: str, topic: str) -> Iterator[tuple[str, bytes | None, int | None]]:
    """(source partition, value, timestamp) of every committed record."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "recount",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
    )
    try:
        waiting = set(consumer.list_topics(topic, timeout=30).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, number, 0) for number in waiting])
        while waiting:
            for message in consumer.consume(5_000, 0.2):
                error = message.error()
                if error is None:
                    yield f"{topic}/{message.partition()}", message.value(), message.timestamp()[1]
                elif error.code() == KafkaError._PARTITION_EOF:
                    waiting.discard(message.partition())
    finally:
        consumer.close()


def recount(bootstrap: str, topic: str, pipeline: Path) -> AdsRecount:
    """The whole topic, counted."""
    counted = AdsRecount(pipeline)
    for partition, value, timestamp in committed(bootstrap, topic):
        counted.add(partition, value, timestamp)
    return counted
