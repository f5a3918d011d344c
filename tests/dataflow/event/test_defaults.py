"""Which defaults a field can have."""

from decimal import Decimal
from typing import Annotated, Literal

import pytest
from annotated_types import Ge, Len
from pydantic import BaseModel

from dataflow import EventTime, Money
from dataflow.event.defaults import fits
from dataflow.event.schema import schema_of


class Order(BaseModel):
    at: EventTime
    name: Annotated[str, Len(1, 3)]
    count: Annotated[int, Ge(1)]
    status: Literal["placed", "paid"]
    amount: Money
    weight: float


LEAVES = {leaf.name: leaf for leaf in schema_of(Order).fields}


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("name", "abc", True),
        ("name", "", False),
        ("name", "\ud800", False),
        ("name", 1, False),
        ("count", 1, True),
        ("count", 0, False),
        ("count", True, False),
        ("count", 2**63, False),
        ("status", "paid", True),
        ("status", "sent", False),
        ("amount", Decimal(1), True),
        ("weight", 1.5, True),
        ("weight", float("nan"), False),
    ],
)
def test_a_default_is_a_value_that_a_record_could_hold(name: str, value: object, wanted: bool) -> None:
    assert fits(value, LEAVES[name]) is wanted
