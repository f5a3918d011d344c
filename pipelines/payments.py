"""Card payments: revenue per category, refunds per merchant, chargebacks per country, visits of a card."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Len
from pydantic import BaseModel, Field

from tidemill import Dimension, EventTimeText, Money, Pipeline, Rollup
from tidemill import aggregates as agg
from tidemill.windows import cumulate, hop, session, tumble


class Kind(StrEnum):
    """What happened to the money."""

    PAYMENT = "payment"
    REFUND = "refund"
    CHARGEBACK = "chargeback"


class Merchant(BaseModel):
    """Who was paid, as the terminal knows it."""

    id: Annotated[str, Len(1, 32)]
    name: str
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    category: Literal["grocery", "dining", "travel", "fuel"]


class Payment(BaseModel):
    """One record. `value` is positive for every kind; `offset` is its place in the terminal's journal."""

    payment_id: Annotated[str, Len(1, 64)]
    time: EventTimeText  # RFC 3339 with the terminal's zone, like 2026-03-02T09:30:00+01:00
    kind: Kind
    value: Annotated[Money, Gt(0)]
    tip: Money = Decimal(0)
    brand: Literal["visa", "mastercard", "amex"]
    card_id: str
    event_offset: Annotated[int, Ge(0)] = Field(alias="offset")  # table events has a column offset of its own
    refund_of: str | None = None
    merchant: Merchant


pipeline = Pipeline(
    name="payments",
    event=Payment,
    out_of_orderness="1m",
    allowed_lateness="15m",
    max_future="5m",
    max_future_clock="2100-01-01T00:00:00Z",  # for files, whose records have no timestamps
    deduplicate_by="payment_id",
    deduplicate_within="1d",
    dimensions=[
        Dimension(
            "merchants", "dimensions/merchants.csv", key="merchant.id", columns={"monthly_limit": Money, "region": str}
        ),
    ],
    rollups=[
        Rollup(
            "merchant_5m",
            keys=["merchant.id"],
            window=tumble("5m"),
            aggregates={
                "payments": agg.count(where="kind = 'payment'"),
                "refunds": agg.count(where="kind = 'refund'"),
                "revenue": agg.sum("value", where="kind = 'payment'"),
                "refunded": agg.sum("value", where="kind = 'refund'"),
                "smallest": agg.min("value", where="kind = 'payment'"),
                "largest": agg.max("value", where="kind = 'payment'"),
            },
        ),
        Rollup(
            "merchant_1d",
            keys=["merchant.id", "region"],
            window=tumble("1d"),
            where="kind = 'payment'",
            aggregates={
                "name": agg.max("merchant.name"),
                "monthly_limit": agg.max("monthly_limit"),
                "revenue": agg.sum("value"),
                "tips": agg.sum("tip"),
                "cards": agg.count_distinct("card_id"),
            },
        ),
        Rollup(
            "category_day",
            keys=["merchant.category"],
            window=cumulate("1d", step="1h"),
            aggregates={
                "payments": agg.count(where="kind = 'payment'"),
                "revenue": agg.sum("value", where="kind = 'payment'"),
                "given_back": agg.sum("value", where="kind IN ('refund', 'chargeback')"),
                "unmatched": agg.count(where="kind = 'refund' AND refund_of IS NULL"),
                "newest_journal": agg.max("event_offset"),
            },
        ),
        Rollup(
            "country_1h",
            keys=["merchant.country", "brand"],
            window=hop("1h", every="15m"),
            aggregates={
                "payments": agg.count(where="kind = 'payment'"),
                "chargebacks": agg.count(where="kind = 'chargeback'"),
                "mean_value": agg.avg("value", where="kind = 'payment'"),
                "median_value": agg.approx_quantile("value", 0.5, where="kind = 'payment'"),
                "cards": agg.approx_count_distinct("card_id"),
            },
        ),
        Rollup(
            "card_visits",
            keys=["card_id"],
            window=session("20m"),
            where="kind = 'payment'",
            aggregates={
                "payments": agg.count(),
                "spent": agg.sum("value"),
                "merchants": agg.count_distinct("merchant.id"),
                "countries": agg.count_distinct("merchant.country"),
            },
        ),
    ],
)
