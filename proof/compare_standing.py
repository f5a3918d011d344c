"""Which alerts of a rule that compares windows must stand: SQL puts beside each other what is compared."""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from dataflow.pipeline.alert_plan import AlertPlan
from dataflow.pipeline.comparison import Comparison
from dataflow.sql import quoted

_NOW, _BEFORE, _BACK = "_now", "_before", "_back"


def compared_sql(rule: AlertPlan, rows: str, counted: str) -> str:
    """Per key and window (BIGINT ms) its value `_now`, and those before it that are known, `_before`, from the latest.

    Windows without a row are among them, and none with too few events before it. `rows`: SQL of the rollup's rows,
    windows in ms; `counted`: how many events each of them has (`row_count`), by the same columns.
    """
    comparison = _comparison(rule)
    keys = [quoted(key.name) for key in rule.rollup.keys]
    names = [*keys, "window_start", "window_end"]
    same = " AND ".join(f"told.{name} IS NOT DISTINCT FROM counted.{name}" for name in names)
    value = f"told.{quoted(comparison.value.name)} AS _value"
    joined = (
        f"SELECT {', '.join(f'told.{name}' for name in names)}, {value}, counted.row_count"
        f" FROM ({rows}) AS told JOIN ({counted}) AS counted ON {same}"
    )
    backs = ", ".join(map(str, (0, *comparison.back_ms)))
    moved = f"SELECT *, unnest([{backs}])::BIGINT AS {_BACK} FROM ({joined})"
    later = [f"{name} + {_BACK} AS {name}" for name in ("window_start", "window_end")]
    fields = [
        *keys,
        *later,
        f"any_value(_value) FILTER ({_BACK} = 0) AS {_NOW}",
        f"list(_value ORDER BY {_BACK}) FILTER ({_BACK} > 0 AND _value IS NOT NULL) AS {_BEFORE}",
    ]
    least = comparison.at_least * len(comparison.back_ms)
    groups = ", ".join(str(at) for at in range(1, len(names) + 1))
    return (
        f"SELECT {', '.join(fields)} FROM ({moved}) GROUP BY {groups}"
        f" HAVING sum(row_count) FILTER ({_BACK} > 0) >= {least}"
    )


def differing(rule: AlertPlan, rows: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Those of the rows of `compared_sql` of which an alert stands; of exact numbers exactly."""
    comparison = _comparison(rule)
    for row in rows:
        now, before = row[_NOW], row[_BEFORE] or []
        if comparison.is_counting:
            now, over = now or 0, len(comparison.back_ms)
        else:
            over = len(before)
        if now is not None and over and _differs(comparison, now, before, over):
            yield row


def _differs(comparison: Comparison, now: Any, before: list[Any], over: int) -> bool:
    """Multiplied out, so that nothing is divided; of doubles in the order of the windows."""
    is_double = isinstance(now, float) or any(isinstance(each, float) for each in before)
    number = float if is_double else Fraction
    total = number(0)
    for each in before:
        total += number(each)
    many = number(now) * number(over)
    below, above = comparison.drops_below, comparison.rises_above
    return (below is not None and many < total * number(below)) or (above is not None and many > total * number(above))


def _comparison(rule: AlertPlan) -> Comparison:
    assert rule.comparison is not None, "a rule that compares says what"
    return rule.comparison
