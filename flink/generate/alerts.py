"""The alerts of rules as tables of the job: a row for each that stands, by what the rule asks of its rollup's rows."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from dataflow.filter.engine_sql import NotInEngine
from dataflow.filter.flink import FlinkSql
from dataflow.pipeline.alert_plan import AlertPlan
from dataflow.pipeline.pair_plan import PairPlan
from dataflow.pipeline.plan import Plan
from flink.generate.final import final_rows
from flink.generate.generated import SinkTable
from flink.generate.options import Options
from flink.generate.pairs import pair_insert, pair_table, pair_views, unsaid_pairs
from flink.generate.rollups import Words
from flink.generate.sinks import placed, rollup_table
from flink.generate.upsert import upsert_rows
from flink.generate.words import digits_of, named
from proof.parity.layout import nearness

Rule = AlertPlan | PairPlan


def alert_name(rule: Rule) -> str:
    """What the table of a rule's alerts is called."""
    return f"{rule.name}_alerts"


def rules_of(plan: Plan, given: Options) -> list[Rule]:
    """The rules whose alerts the job tells."""
    return [rule for rule in plan.alerts if rule.name in given.alerts]


def alert_table(plan: Plan, rule: Rule, given: Options) -> SinkTable:
    """A row per alert: its window and its key; of pairs, in place of a key of its own, where its events stand."""
    if isinstance(rule, PairPlan):
        return pair_table(plan, rule, given, alert_name(rule))
    of_rollup = rollup_table(plan, rule.rollup, given)
    told = {each.name for each in rule.rollup.aggregates}
    columns = pa.schema([column for column in of_rollup.columns if column.name not in told])
    made = SinkTable(alert_name(rule), columns, of_rollup.key, hidden=of_rollup.hidden, rule=rule.name)
    return placed(made, plan, given)


def alert_views(rules: Sequence[Rule], words: Words, given: Options) -> Iterator[str]:
    """The views that the inserts read, beside those of the rollups."""
    for rule in rules:
        if isinstance(rule, PairPlan):
            yield from pair_views(rule, words, given)


def alert_insert(plan: Plan, rule: Rule, table: SinkTable, words: Words, given: Options, ttl_ms: int | None) -> str:
    """What fills the table. In the form upsert an alert that is true no more is taken back."""
    if isinstance(rule, PairPlan):
        return pair_insert(rule, table, words, given, ttl_ms)
    assert rule.having is not None, "rules without a condition are refused"
    asked = [
        pa.field(each.name, each.kind.result(each.column_type))
        for each in rule.rollup.aggregates
        if each.name in rule.having.columns
    ]
    told = SinkTable(table.name, pa.schema([*table.columns, *asked]), table.key, hidden=table.hidden)
    if given.form == "upsert":
        rows = upsert_rows(plan, rule.rollup, told, words, ttl_ms)
    else:
        rows = final_rows(rule.rollup, told, words)
    columns = ", ".join(map(named, table.columns.names))
    return f"INSERT INTO {named(table.name)} SELECT {columns} FROM (\n{rows}\n) WHERE {_condition(rule)}"


def unsaid(plan: Plan, rule: Rule, given: Options) -> str | None:
    """Why the job cannot tell a rule's alerts as they stand; None where it can."""
    if given.handover is not None:
        return "of a job that fills a lake `tidemill flink ingest` judges the rules"
    if any(rollup.name == alert_name(rule) for rollup in plan.rollups):
        return f"its table would be {alert_name(rule)}, and a rollup has this name; give one of them another"
    if isinstance(rule, PairPlan):
        return unsaid_pairs(rule, given)
    if rule.silence_ms is not None:
        return "it asks when source partitions have fallen silent, which Flink's SQL does not see"
    if rule.comparison is not None:
        return (
            "a comparison is told once its window is over everywhere, also where no row has come, and a job would look"
            " at all windows anew with each row that brings event time on"
        )
    if rule.rollup.merges_windows:
        return "sessions are told once they are over, and at its end a job closes those that may still go on"
    assert rule.having is not None, "a rule that is judged with each row has a condition"
    for each in rule.rollup.aggregates:
        if each.name in rule.having.columns and nearness(each) != "same":
            return f"it asks for {each.name} ({each.kind.name}), on which engines agree but nearly"
    try:
        _condition(rule)
    except NotInEngine as error:
        return f"having = {rule.having.sql!r}: {error}"
    return None


def _condition(rule: AlertPlan) -> str:
    """Over keys and aggregates by their names. Raises NotInEngine."""
    assert rule.having is not None, "rules without a condition are refused"
    known = [*rule.rollup.keys]
    known += [pa.field(each.name, each.kind.result(each.column_type)) for each in rule.rollup.aggregates]
    columns = {column.name: named(column.name) for column in known}
    return FlinkSql(columns, digits_of(pa.schema(known))).boolean(rule.having.root)
