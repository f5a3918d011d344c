"""Definitions of version 1: what their texts say."""

import json
from typing import Any

import pytest

from sinks.lake.tables.definition import AggregateDefinition, WindowDefinition, read_definition

FORM: dict[str, Any] = {
    "version": 1,
    "out_of_orderness": "5s",
    "idle_timeout": "30s",
    "deduplicate_by": None,
    "deduplicate_within": "0s",
    "columns": {"at": "int64", "cost": "decimal128(18, 6)"},
    "rollups": {},
}


def rollup(**changes: Any) -> dict[str, Any]:
    form: dict[str, Any] = {
        "keys": {},
        "window": "tumble(1m, 1m, 0s)",
        "where": None,
        "aggregates": {},
        "allowed_lateness": "0s",
    }
    return {**FORM, "rollups": {"r": {**form, **changes}}}


def read(form: dict[str, Any]) -> Any:
    definition = read_definition(json.dumps(form))
    assert definition is not None
    return definition


def test_durations_columns_and_keys() -> None:
    found = read(rollup(keys={"ad": "string"}, allowed_lateness="1500ms", where="\"ad\" = 'x'"))
    assert (found.out_of_orderness_ms, found.idle_timeout_ms, found.deduplicate_within_ms) == (5_000, 30_000, 0)
    assert found.columns == [("at", "int64"), ("cost", "decimal128(18, 6)")]
    (only,) = found.rollups
    assert (only.name, only.keys, only.allowed_lateness_ms) == ("r", [("ad", "string")], 1_500)
    assert only.where == "\"ad\" = 'x'"


@pytest.mark.parametrize(
    ("form", "window"),
    [
        ("hop(5m, 90s, 250ms)", WindowDefinition("hop", 300_000, 90_000, 250)),
        ("session(3s, 3s, 0s)", WindowDefinition("session", 3_000, 3_000, 0)),
    ],
)
def test_windows(form: str, window: WindowDefinition) -> None:
    (only,) = read(rollup(window=form)).rollups
    assert only.window == window


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("count(*)", AggregateDefinition("a", "count")),
        ("count(*, where \"b\" = 'x) over y')", AggregateDefinition("a", "count", where="\"b\" = 'x) over y'")),
        ("sum(cost) over decimal128(18, 6)", AggregateDefinition("a", "sum", "cost", "decimal128(18, 6)")),
        ("max(geo.city) over string", AggregateDefinition("a", "max", "geo.city", "string")),
        (
            'avg(cost, where ("u" <> \'u) over x\') AND ("n" > 1)) over int64',
            AggregateDefinition("a", "avg", "cost", "int64", '("u" <> \'u) over x\') AND ("n" > 1)'),
        ),
        (
            "approx_quantile(day, q=0.9, where \"k\" IN ('a', 'b')) over date32[day]",
            AggregateDefinition("a", "approx_quantile", "day", "date32[day]", "\"k\" IN ('a', 'b')", 0.9),
        ),
        ("approx_quantile(n, q=1) over int64", AggregateDefinition("a", "approx_quantile", "n", "int64", None, 1.0)),
    ],
)
def test_aggregates(form: str, expected: AggregateDefinition) -> None:
    (only,) = read(rollup(aggregates={"a": form})).rollups
    assert only.aggregates == [expected]
