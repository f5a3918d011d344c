"""The fixed small event that random pipelines work on, as the model describes it."""

from datetime import date
from decimal import Decimal
from typing import Any

from tests.model.spec import DimensionSpec, FieldSpec

KINDS = ("a", "b", "c")

FIELDS = (
    FieldSpec("id", "str", limits={"min_length": 1, "max_length": 8}),
    FieldSpec("time", "event_time_ms"),
    FieldSpec("kind", "str", limits={"choices": KINDS}),
    FieldSpec("ad", "str", optional=True, has_default=True),
    FieldSpec("user", "int", optional=True, has_default=True),
    FieldSpec("cost", "money", has_default=True, default=Decimal(0)),
    FieldSpec("revenue", "money", optional=True, has_default=True),
    FieldSpec("flag", "bool", optional=True, has_default=True),
    FieldSpec("score", "float", optional=True, has_default=True),
    FieldSpec("day", "date", optional=True, has_default=True),
)

DIMENSION_ROWS: dict[Any, dict[str, Any]] = {
    "x": {"campaign": "c1", "tier": 1},
    "y": {"campaign": "c1", "tier": 2},
    "z": {"campaign": "c2", "tier": 2},
}
"""Key `ad` -> columns. Ads "w" and "ü" are unknown."""

OTHER_DIMENSION_ROWS: tuple[dict[Any, dict[str, Any]], ...] = (
    DIMENSION_ROWS,
    {"x": {"campaign": "c2", "tier": 1}, "z": {"campaign": "c2", "tier": 3}, "w": {"campaign": "c1", "tier": None}},
    {"ü": {"campaign": "c3", "tier": 2}},
    {},
)
"""What the dimension's file may hold at another time."""

ADS = ("x", "y", "z", "w", "ü")
DAYS = (date(1969, 12, 31), date(1970, 1, 1), date(2024, 2, 29))


def dimension(*, unknown_is_dead: bool, rows: dict[Any, dict[str, Any]] = DIMENSION_ROWS) -> DimensionSpec:
    """The campaigns of the ads."""
    return DimensionSpec("ad", ("campaign", "tier"), rows, unknown_is_dead)


def dimension_csv(rows: dict[Any, dict[str, Any]]) -> str:
    """The dimension's file."""
    lines = [f"{ad},{each['campaign']},{'' if each['tier'] is None else each['tier']}" for ad, each in rows.items()]
    return "\n".join(["ad,campaign,tier", *lines, ""])
