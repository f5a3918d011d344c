"""Definitions of version 1, which kept durations, windows and aggregates as texts: read, never written."""

import re
from collections.abc import Mapping
from typing import Any

from dataflow.durations import to_ms


def upgraded(stored: Mapping[str, Any]) -> dict[str, object]:
    """The same in the form of version 2."""
    return {
        "version": 2,
        "out_of_orderness_ms": to_ms(stored["out_of_orderness"]),
        "idle_timeout_ms": to_ms(stored["idle_timeout"]),
        "deduplicate_by": stored["deduplicate_by"],
        "deduplicate_within_ms": to_ms(stored["deduplicate_within"]),
        "columns": list(stored["columns"].items()),
        "rollups": [_rollup(name, rollup) for name, rollup in stored["rollups"].items()],
    }


def _rollup(name: str, rollup: Mapping[str, Any]) -> dict[str, object]:
    return {
        "name": name,
        "keys": list(rollup["keys"].items()),
        "window": _window(rollup["window"]),
        "where": rollup["where"],
        "allowed_lateness_ms": to_ms(rollup["allowed_lateness"]),
        "aggregates": [_aggregate(each, form) for each, form in rollup["aggregates"].items()],
    }


def _window(form: str) -> dict[str, object]:
    """`hop(5m, 1m, 0ms)`: kind, size, slide, offset."""
    kind, _, times = form.removesuffix(")").partition("(")
    size_ms, slide_ms, offset_ms = map(to_ms, times.split(", "))
    return {"kind": kind, "size_ms": size_ms, "slide_ms": slide_ms, "offset_ms": offset_ms}


def _aggregate(name: str, form: str) -> dict[str, object]:
    """`sum(cost, q=0.5, where "kind" = 'a') over string`: all but kind and column may be left out."""
    kind, _, rest = form.partition("(")
    column, type_ = re.split("[,)]", rest, maxsplit=1)[0], None
    if column == "*":
        rest = rest.removesuffix(")")
    else:
        # from the right: the condition may hold anything, a type's name no closing bracket and "over"
        rest, _, type_ = rest.rpartition(") over ")
    rest = rest.removeprefix(column)
    quantile = re.match(", q=([^,]+)", rest)
    return {
        "name": name,
        "kind": kind,
        "column": None if column == "*" else column,
        "type": type_,
        "where": rest.partition(", where ")[2] or None,
        "q": None if quantile is None else float(quantile[1]),
    }
