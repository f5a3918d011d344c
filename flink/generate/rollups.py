"""What every form says of a rollup: which rows it takes, which are late for it, and its aggregates."""

from collections.abc import Iterable, Mapping

from dataflow.aggregates.rows import Taken
from dataflow.filter.engine_sql import Decimals
from dataflow.filter.expression import Expression
from dataflow.filter.flink import FlinkSql
from dataflow.own_columns import EVENT_PLACE
from dataflow.pipeline.plan import AggregatePlan, Plan, RollupPlan
from dataflow.windows.assigned import Assigned
from dataflow.windows.kinds import kind_of
from flink.generate.words import digits_of, named, text

DIALECT = "flink"
SOURCE_PARTITION = "CONCAT(`topic`, '/', CAST(`partition` AS STRING))"
"""A partition as a lake calls it, of a row of ROWS."""

ROWS = "`_rows`"
"""The view of all events that are no duplicates, with their watermarks and their dimensions' columns."""


class Words:
    """How columns and conditions of a pipeline are written."""

    def __init__(self, plan: Plan) -> None:
        self.columns: Mapping[str, str] = {name: named(name) for name in plan.row_schema.names}
        self.digits: Mapping[str, Decimals] = digits_of(plan.row_schema)
        self.time = named(plan.event.event_time.name)

    def condition(self, where: Expression) -> str:
        """Raises NotInEngine."""
        return FlinkSql(self.columns, self.digits).boolean(where.root)

    def aggregate(self, plan: AggregatePlan) -> str:
        """The value of an aggregate over a group of rows. Raises NotInEngine; KeyError where there is no equal form."""
        column = None if plan.aggregate.column is None else self.columns[plan.aggregate.column]
        where = None if plan.where is None else self.condition(plan.where)
        return plan.kind.rows[DIALECT](Taken(column, plan.column_type, where))


def assigned(rollup: RollupPlan, words: Words) -> Assigned | None:
    """The windows of a row by arithmetic; None where only Flink's function gives them."""
    kind = kind_of(rollup.window).sql[DIALECT]
    return None if kind.assigned is None else kind.assigned(rollup.window, words.time)


def late_after(rollup: RollupPlan, end: str) -> str:
    """The last watermark with which a row is not late for a window that ends so, and one more."""
    more_ms = rollup.allowed_lateness_ms - 1
    return end if more_ms == 0 else f"{end} {'+' if more_ms > 0 else '-'} {abs(more_ms)}"


def last_end(rollup: RollupPlan, words: Words) -> str:
    """The end of a row's last window; a session's row has a window of its own."""
    found = assigned(rollup, words)
    return f"{words.time} + {rollup.window.size_ms}" if found is None else found.last_end


def own_fields(plan: Plan, rollup: RollupPlan, words: Words) -> list[str]:
    """What a view of the rows that a rollup takes has beside their windows: the columns that it reads.

    Of a rollup with a row per event also where that stands, and when it took place.
    """
    read = rollup.reads | ({plan.event.event_time.name} if rollup.names_events else set())
    fields = [words.columns[name] for name in plan.row_schema.names if name in read]
    if rollup.names_events:
        partition, offset = (named(field.name) for field in EVENT_PLACE)
        fields += [f"{SOURCE_PARTITION} AS {partition}", offset]
    return fields


def taken(rollup: RollupPlan, words: Words, more: Iterable[str] = ()) -> str:
    """The WHERE of the rows that a rollup takes; nothing where it takes all."""
    conditions = [*([] if rollup.where is None else [words.condition(rollup.where)]), *more]
    if not conditions:
        return ""
    return " WHERE " + " AND ".join(f"({each})" for each in conditions)


def taken_view(rollup: RollupPlan) -> str:
    """What the view of the rows that a rollup takes is called."""
    return named(f"_taken_{rollup.name}")


def late_rows(rollup: RollupPlan, words: Words) -> str:
    """One SELECT of the rows that are late for all windows of the rollup (semantics rule 6)."""
    limit = late_after(rollup, last_end(rollup, words))
    late = f"{limit} <= `_watermark`"
    return (
        f"SELECT CAST({text(rollup.name)} AS STRING) AS `rollup`, `topic`, `partition`, `offset`,\n"
        f"  {words.time} AS `event_time`, `_watermark` AS `watermark`, `_watermark` - ({limit}) AS `late_by_ms`\n"
        f"FROM {ROWS}{taken(rollup, words, [late])}"
    )
