"""Amounts that come as text: charges, refunds and zero"""

from decimal import Decimal

from pydantic import BaseModel

from dataflow import EventTime, MoneyText, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble


class Event(BaseModel):
    """One line of the input."""

    t: EventTime
    amount: MoneyText
    fee: MoneyText | None = None
    tax: MoneyText = Decimal("0.07")


pipeline = Pipeline(
    name="money_text",
    event=Event,
    rollups=[
        Rollup("each", keys=["amount"], window=tumble("10ms"), aggregates={"n": agg.count()}),
        Rollup(
            "all_of_it",
            keys=[],
            window=tumble("10ms"),
            aggregates={
                "net": agg.sum("amount"),
                "refunds": agg.count(where="amount < 0"),
                "fees": agg.sum("fee"),
                "tax": agg.sum("tax"),
            },
        ),
    ],
)
