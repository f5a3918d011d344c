"""What Flink's SQL cannot say with equal results: each by its name, with the way out."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from dataflow.decode.decoder import NEEDS_REGISTRY
from dataflow.durations import to_text
from dataflow.errors import PipelineError
from dataflow.event.fields import FieldKind
from dataflow.filter.engine_sql import NotInEngine
from dataflow.filter.expression import Expression
from dataflow.pipeline.checks import MAX_DURATION_MS
from dataflow.pipeline.plan import Plan, RollupPlan
from dataflow.windows.flink import MAX_INTERVAL_MS
from dataflow.windows.kinds import has_one_window, kind_of
from flink.contract.records import in_registry, too_long, unread
from flink.contract.table import unsupported
from flink.generate import dimensions
from flink.generate.alerts import rules_of, unsaid
from flink.generate.changes import sketched
from flink.generate.final import lag_ms
from flink.generate.options import Options
from flink.generate.rollups import DIALECT, Words

ELSE = "leave the rollup out with --rollup, or leave it to Tidemill"

SAFE_FROM_MS, SAFE_TO_MS = -(30 * 10**12), 253_402_300_799_999
"""Years 1019 to 9999: what Flink's timestamps hold, with room for bounds and lateness below."""


def refuse(plan: Plan, rollups: Sequence[RollupPlan], given: Options) -> None:
    """Raises PipelineError with all that stands in the way."""
    mistakes = [*_options(plan, given), *_handover(plan, given), *_records(plan, given)]
    read = {name for rollup in rollups for name in rollup.reads}
    for each in plan.dimensions:
        why = dimensions.unfit(each)
        if why is not None and (each.dimension.unknown == "dead_letter" or read & set(each.columns.schema.names)):
            mistakes.append(f"dimensions.{each.dimension.name}: {why}")
    words = Words(plan)
    for rollup in rollups:
        mistakes += _rollup(plan, rollup, given, words)
    mistakes += _alerts(plan, rollups, given)
    if mistakes:
        # what is wrong with the event is found for each rollup, and said once
        raise PipelineError(f"pipeline {plan.name} as Flink SQL, form {given.form}", list(dict.fromkeys(mistakes)))


def _options(plan: Plan, given: Options) -> Iterator[str]:
    if given.form == "upsert" and given.sink_kind != "upsert-kafka" and given.handover is None:
        fix = "the form upsert corrects rows, which only upsert-kafka takes; write --form final"
        yield f"--sink {given.sink_kind}: {fix}"
    if given.form == "final" and given.sink_kind == "upsert-kafka":
        yield "--sink upsert-kafka: the form final writes each row once; write --sink kafka or --sink parquet"
    if given.sink_kind == "parquet" and given.sink_path is None:
        yield "--sink parquet: say with --sink-path below which folder its files come"
    pinned = given.end is not None or not isinstance(given.start, str)
    if pinned and len(given.topics) > 1:
        yield "--start, --end: Flink pins the offsets of one topic only; generate a job for each topic"
    if given.end is not None:
        if isinstance(given.start, str):
            yield "--end: offsets to end at need offsets to start at, too; write --start PARTITION:OFFSET,..."
        elif given.start.keys() != given.end.keys():
            yield "--start, --end: both must name the same partitions, or Flink reads the others from their beginning"
    if given.form == "final" and not given.is_bounded and plan.idle_timeout_ms < MAX_DURATION_MS:
        yield (
            f"idle_timeout = {to_text(plan.idle_timeout_ms)}: final rows cannot be corrected when an idle partition"
            ' comes back; write idle_timeout="36500d", so that windows wait for every partition, or --form upsert'
        )


def _handover(plan: Plan, given: Options) -> Iterator[str]:
    if given.handover is None:
        return
    if given.sink is not None:
        yield f"--sink {given.sink}: a job that fills a lake writes to topics for `tidemill flink ingest`; leave it out"
    if given.rollups is not None:
        yield "--rollup: a job that fills a lake has to fill all of it; leave the flag out"
    if len(given.topics) > 1:
        yield "--topic: Flink pins the offsets of one topic only, and a lake's are pinned; name one"
    for rule in plan.alerts:
        if rule.comparison is not None and (given.form == "final" or not has_one_window(rule.rollup.window)):
            # offsets may be told before the rows of such a window come, which would look like none for a while
            yield (
                f"alerts.{rule.name}: a job tells such windows of {rule.rollup.name} after its offsets, so a comparison"
                " would see none at first; compare tumbling windows with --form upsert, or go on with Tidemill"
            )
    for leaf in plan.event.fields if given.handover.events else ():
        if leaf.kind in (FieldKind.JSON, FieldKind.LIST):
            yield (
                f"event.{leaf.name}: table events keeps it as JSON, which Flink does not have; leave it out of the"
                " event model, or go on with Tidemill"
            )
    for rollup in plan.rollups if given.form == "upsert" else ():
        for aggregate in rollup.aggregates:
            if (
                aggregate.columns
                and any(pa.types.is_floating(column.type) for column in aggregate.columns)
                and any(part.needs_exact for part in aggregate.kind.parts)
            ):
                yield (
                    f"rollups.{rollup.name}.aggregates.{aggregate.name}: changes of a sum of floats do not add up to"
                    " it; use Money, or write --form final"
                )


def _alerts(plan: Plan, rollups: Sequence[RollupPlan], given: Options) -> Iterator[str]:
    for rule in rules_of(plan, given):
        why = unsaid(plan, rule, given)
        if why is not None:
            yield f"alerts.{rule.name}: {why}; or leave its --alert out, and its alerts to Tidemill"
        elif rule.rollup not in rollups:
            yield f"alerts.{rule.name}: it asks rollup {rule.rollup.name}, which --rollup leaves out; name that, too"


def _records(plan: Plan, given: Options) -> Iterator[str]:
    if in_registry(plan.format) and given.registry is None:
        yield f"format = {plan.format.name}(...): {NEEDS_REGISTRY}"
    yield from unread(plan.format)
    yield from too_long(plan.format)
    yield from (f"event.{mistake}" for mistake in unsupported(plan.event))


def _rollup(plan: Plan, rollup: RollupPlan, given: Options, words: Words) -> Iterator[str]:
    if rollup.names_events and given.handover is not None:
        yield (
            f"alerts.{rollup.name}: a job tells a lake its rows a checkpoint apart, so an absence would be told of an"
            " event whose other one is on its way; go on with Tidemill"
        )
        return
    where = f"rollups.{rollup.name}"
    if plan.out_of_orderness_ms + rollup.allowed_lateness_ms < 1:
        yield (
            f"{where}: out_of_orderness and allowed_lateness are both 0; write at least 1 ms for one of them,"
            " because Flink's running maximum holds the row itself"
        )
    yield from _window(plan, rollup, given, where)
    for name in sorted(rollup.reads):
        kind = next((leaf.kind for leaf in plan.event.fields if leaf.name == name), None)
        if kind in (FieldKind.JSON, FieldKind.LIST):
            yield f"{where}: {name} is kept as JSON, which Flink does not have; {ELSE}"
    if rollup.where is not None:
        yield from _condition(f"{where}.where", rollup.where, words)
    for aggregate in rollup.aggregates:
        place = f"{where}.aggregates.{aggregate.name}"
        if DIALECT not in aggregate.kind.rows and given.handover is None:
            yield f"{place}: {aggregate.kind.name} has no equal form in Flink's SQL; choose an exact one, or {ELSE}"
        elif given.handover is not None and aggregate in sketched(rollup) and rollup.merges_windows:
            yield (
                f"{place}: {aggregate.kind.name} of sessions cannot be made of what a job writes; choose an exact one,"
                " or go on with Tidemill"
            )
        if aggregate.where is not None:
            yield from _condition(f"{place}.where", aggregate.where, words)


def _window(plan: Plan, rollup: RollupPlan, given: Options, where: str) -> Iterator[str]:
    sql = kind_of(rollup.window).sql.get(DIALECT)
    if sql is None:
        yield f"{where}.window: {rollup.window.kind} has no equal form in Flink's SQL; {ELSE}"
        return
    reasons = [sql.unfit(rollup.window)]
    if given.form == "final":
        reasons.append(sql.unfit_function(rollup.window))
    elif sql.assigned is None:
        reasons.append(f"Flink has {rollup.window.kind} windows in its functions only; write --form final")
    yield from (f"{where}.window: {reason}" for reason in reasons if reason is not None)
    longest_ms = max(rollup.window.size_ms, rollup.window.offset_ms, plan.out_of_orderness_ms + lag_ms(rollup))
    if given.form == "final" and longest_ms > MAX_INTERVAL_MS:
        yield f"{where}: Flink's intervals have at most 999 days; shorten windows and tolerances, or --form upsert"
    if given.form == "final" and not _is_safe(plan):
        yield (
            f"event.{plan.event.event_time.name}: Flink's windows end the job at a time before 1019 or after 9999;"
            " bound it in the event model, like Annotated[EventTime, Ge(0), Lt(4102444800000)], or write --form upsert"
        )


def _is_safe(plan: Plan) -> bool:
    """Whether the event model takes no time that Flink's timestamps do not hold."""
    leaf = plan.event.event_time
    if leaf.unit is None or not leaf.constraints:
        return False
    lows = [bound for op, bound in leaf.constraints.bounds if op in ("ge", "gt")]
    highs = [bound for op, bound in leaf.constraints.bounds if op in ("le", "lt")]
    if not lows or not highs:
        return False
    return bool(leaf.unit.to_ms(max(lows)) >= SAFE_FROM_MS and leaf.unit.to_ms(min(highs)) <= SAFE_TO_MS)


def _condition(place: str, where: Expression, words: Words) -> Iterator[str]:
    try:
        words.condition(where)
    except NotInEngine as error:
        yield f"{place} = {where.sql!r}: {error}"
