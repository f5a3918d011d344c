"""The made-up epochs of `bench.day`: a few delta rows and ledger lines each, and the totals they must add up to."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from dataflow.messages import Parcel, Range, RollupCount
from dataflow.pipeline.plan import Plan
from dataflow.pipeline.tables import TableSpec
from query.reader import LakeReader

PARTITIONS = 4
RECORDS = 3
"""Records per source partition and epoch."""
TURNS = (("ad_clicks_1m", "campaign_1m"), ("campaign_1m", "revenue_1h"), ("campaign_1m", "clicks_5m"))
"""Which rollups take the records of an epoch, in turn: with the ledger three tables change with every commit."""
ADS = 50
CAMPAIGNS = 10


@dataclass(slots=True)
class Fed:
    """What has been fed so far."""

    records: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    impressions: int = 0
    spend: Decimal = Decimal(0)
    next_offset: list[int] = field(default_factory=lambda: [0] * PARTITIONS)

    def totals(self) -> dict[str, int]:
        """As `totals_of` must find them."""
        return {
            "records": self.records,
            "ranges_end": sum(self.next_offset),
            **{f"{name} rows": rows for name, rows in self.rows.items()},
            "ad_clicks_1m spend_micros": int(self.spend * 1_000_000),
            "campaign_1m impressions": self.impressions,
        }


def totals_of(reader: LakeReader, plan: Plan) -> dict[str, int]:
    """The same totals, as the lake's tables and views tell them."""
    one = reader.query(
        'SELECT sum("read")::BIGINT AS records, (SELECT sum(e)::BIGINT FROM'
        ' (SELECT max(end_offset) AS e FROM ledger GROUP BY "partition") AS ends) AS ranges_end FROM ledger'
    ).to_pylist()[0]
    found: dict[str, int] = dict(one)
    for rollup in plan.rollups:
        total = reader.query(f"SELECT sum(row_count)::BIGINT AS n FROM {rollup.delta_table}").to_pylist()[0]["n"]
        found[f"{rollup.name} rows"] = total
    found["ad_clicks_1m spend_micros"] = int(
        reader.query("SELECT sum(spend) AS s FROM ad_clicks_1m").to_pylist()[0]["s"] * 1_000_000
    )
    found["campaign_1m impressions"] = reader.query(
        "SELECT sum(impressions)::BIGINT AS n FROM campaign_1m"
    ).to_pylist()[0]["n"]
    return found


def epoch_parcels(plan: Plan, specs: Sequence[TableSpec], epoch: int, now: datetime, fed: Fed) -> list[Parcel]:
    """One parcel per source partition; adds to `fed`. Events are of the second before `now`."""
    schemas = {spec.name: spec.schema for spec in specs}
    at = now.replace(tzinfo=None) - timedelta(seconds=1)
    minute = at.replace(second=0, microsecond=0)
    ads = [f"ad-{(epoch * PARTITIONS + number) * 7 % ADS:04d}" for number in range(PARTITIONS)]
    spend = Decimal(epoch % 100) / 100
    taking = TURNS[epoch % len(TURNS)]
    tables: dict[str, pa.RecordBatch] = {}
    for name in taking:
        rows = _rows(name, epoch, minute, ads, spend)
        tables[f"{name}_delta"] = pa.RecordBatch.from_pylist(rows, schema=schemas[f"{name}_delta"])
        fed.rows[name] = fed.rows.get(name, 0) + sum(row["row_count"] for row in rows)
        fed.impressions += sum(row["impressions"] for row in rows if "impressions" in row)
        fed.spend += sum((row["spend"] for row in rows), Decimal(0)) if name == "ad_clicks_1m" else Decimal(0)
    parcels = []
    for number in range(PARTITIONS):
        start = fed.next_offset[number]
        fed.next_offset[number] = start + RECORDS
        entry = Range(
            f"ads/{number}",
            "ads",
            start,
            start + RECORDS,
            RECORDS,
            RECORDS,
            checksum=epoch * 0x9E3779B97F4A7C15 % 2**62,
            max_event_time=int(now.timestamp() * 1000) - 1000,
            rollups={
                rollup.name: RollupCount(0, RECORDS, 0) if rollup.name in taking else RollupCount(RECORDS, 0, 0)
                for rollup in plan.rollups
            },
        )
        parcels.append(Parcel(entry, tables if number == 0 else {}, epoch))
    fed.records += PARTITIONS * RECORDS
    return parcels


def _rows(name: str, epoch: int, minute: datetime, ads: Sequence[str], spend: Decimal) -> list[dict[str, Any]]:
    """The delta rows that one epoch gives rollup `name`."""
    a_minute = {"window_start": minute, "window_end": minute + timedelta(minutes=1), "late_count": 0}
    if name == "ad_clicks_1m":
        return [{"ad_id": ad, **a_minute, "clicks": RECORDS, "spend": spend, "row_count": RECORDS} for ad in ads]
    if name == "campaign_1m":
        kinds = {"impressions": RECORDS, "clicks": 2, "conversions": 1, "spend": spend, "revenue": Decimal(2)}
        return [
            {
                "campaign_id": f"campaign-{(epoch + number) % CAMPAIGNS}",
                **a_minute,
                **kinds,
                "users_kmv": sorted({(epoch * 2 + number) * 2654435761 % 2**63, epoch % 1000 * 2**40}),
                "row_count": 2 * RECORDS,
            }
            for number in range(2)
        ]
    if name == "revenue_1h":
        hour = minute.replace(minute=0)
        ends = {"window_start": hour, "window_end": hour + timedelta(hours=1), "late_count": 0}
        counted = PARTITIONS * RECORDS
        return [{**ends, "revenue": Decimal(PARTITIONS), "events": counted, "row_count": counted}]
    return [
        {
            "ad_id": ad,
            "window_start": minute - timedelta(minutes=back),
            "window_end": minute + timedelta(minutes=5 - back),
            "clicks": RECORDS,
            "row_count": RECORDS,
            "late_count": 0,
        }
        for ad in ads
        for back in range(5)
    ]
