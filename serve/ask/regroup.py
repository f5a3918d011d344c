"""Aggregates of a rollup put together, over windows and over keys."""

from collections.abc import Sequence
from typing import NamedTuple

from dataflow.aggregates.duckdb import Source
from dataflow.sql import quoted
from dataflow.windows.kinds import has_one_window
from serve.problem import wrong_parameter
from sinks.lake.tables.definition import AggregateDefinition, RollupDefinition


class Regrouped(NamedTuple):
    """Aggregates that go together by name, with the SQL that does it; `left_out`: those that do not."""

    together: Sequence[tuple[str, str]]
    left_out: Sequence[str]


def regrouped(rollup: RollupDefinition) -> Regrouped:
    """What of a rollup's aggregates can be put together from the view's values alone."""
    found = [(each.name, _together(each)) for each in rollup.aggregates]
    return Regrouped(
        [(name, sql) for name, sql in found if sql is not None], [name for name, sql in found if sql is None]
    )


def _together(aggregate: AggregateDefinition) -> str | None:
    """SQL over the view's values, for aggregates whose value is their one delta column."""
    known = aggregate.known
    sql = known.sql["duckdb"]
    # a value that is calculated from its columns, or counted from a side table, cannot be merged with others
    if sql.merged is None or known.columns(aggregate.name) != [aggregate.name] or sql.shown("value") != "value":
        return None
    return sql.merged(Source((), "", "", [quoted(aggregate.name)]))


def require_apart(rollup: RollupDefinition, parameter: str, written: str) -> None:
    """Raise Problem where a row counts in several windows, so that sums over windows would count it again."""
    if not has_one_window(rollup.window.window):
        raise wrong_parameter(
            parameter,
            written,
            f"windows of {rollup.name} overlap, so they do not add up; ask for them one by one, or of another rollup",
        )
