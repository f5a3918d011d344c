"""A pipeline that is not the shipped one: a shop's orders in every kind of window, and rows of its tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from dataflow import EventTime, Money, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import Window, cumulate, hop, session, tumble
from tests.query.lakes import T0, LakeMaker


class Order(BaseModel):
    """The shop's event."""

    at: EventTime
    city: str
    amount: Money
    buyer: str


def _rollup(name: str, window: Window) -> Rollup:
    aggregates = {"orders": agg.count(), "turnover": agg.sum("amount"), "buyers": agg.count_distinct("buyer")}
    return Rollup(name, ["city"], window, aggregates)


def shop_pipeline(name: str = "shop") -> Pipeline:
    """Orders per city, in every kind of window."""
    windows = {
        "city_1m": tumble("1m"),
        "city_5m": hop("5m", every="1m"),
        "city_day": cumulate("1d", step="1h"),
        "city_visits": session("10m"),
    }
    return Pipeline(name, Order, [_rollup(each, window) for each, window in windows.items()], out_of_orderness="5s")


@contextmanager
def shop_lake(folder: Path) -> Iterator[LakeMaker]:
    """An empty lake of the shop in `folder`."""
    with LakeMaker(folder, shop_pipeline()) as maker:
        yield maker


def row(city: str, start_m: float, length_m: float, orders: int, turnover: str = "1", **more: Any) -> dict[str, Any]:
    """A delta row of a window that starts so many minutes after T0."""
    start = (T0 + timedelta(minutes=start_m)).replace(tzinfo=None)
    return {
        "city": city,
        "window_start": start,
        "window_end": start + timedelta(minutes=length_m),
        "orders": orders,
        "turnover": Decimal(turnover),
        "row_count": orders,
        "late_count": 0,
        **more,
    }


def buyer(city: str, start_m: float, length_m: float, value: str) -> dict[str, Any]:
    """A row of a side table: a buyer seen in that window."""
    start = (T0 + timedelta(minutes=start_m)).replace(tzinfo=None)
    return {"city": city, "window_start": start, "window_end": start + timedelta(minutes=length_m), "value": value}
