"""What the Spark job cannot say with equal results: each by its name, with the way out."""

from collections.abc import Iterator, Sequence

from dataflow.errors import PipelineError
from dataflow.filter.engine_sql import NotInEngine
from dataflow.filter.expression import Expression
from dataflow.pipeline.plan import Plan, RollupPlan
from dataflow.windows.kinds import kind_of
from flink.contract.table import unsupported
from spark.generate.options import Options
from spark.generate.records import UNKEPT, dimension_view, joined
from spark.generate.words import DIALECT, Words

ELSE = "leave the rollup out with --rollup, or leave it to Tidemill"

MAX_BYTES = 2**20
"""How much text of a dimension the job may hold: Spark reads it anew with each plan."""


def refuse(plan: Plan, rollups: Sequence[RollupPlan], given: Options) -> None:
    """Raises PipelineError with all that stands in the way."""
    mistakes = [*_options(given), *_records(plan)]
    read = {name for rollup in rollups for name in rollup.reads}
    for each in joined(plan, read):
        size = len(dimension_view(plan, each).encode())
        if size > MAX_BYTES:
            mistakes.append(
                f"dimensions.{each.dimension.name}: its {len(each.keys)} rows stand in the job, which may hold"
                f" {MAX_BYTES} bytes of them, not {size}; keep fewer rows, name fewer columns, or leave out the rollups"
                " that need it with --rollup"
            )
    words = Words(plan)
    for rollup in rollups:
        mistakes += _rollup(plan, rollup, words)
    if mistakes:
        raise PipelineError(f"pipeline {plan.name} as a Spark job, form {given.form}", mistakes)


def _options(given: Options) -> Iterator[str]:
    if (given.start is not None or given.end is not None) and len(given.topics) > 1:
        yield "--start, --end: offsets are pinned of one topic only; generate a job for each topic"
    if given.end is not None and given.start is None:
        yield "--end: offsets to end at need offsets to start at, too; write --start PARTITION:OFFSET,..."
    elif given.start is not None and given.end is not None and given.start.keys() != given.end.keys():
        yield "--start, --end: both must name the same partitions, or Spark refuses to read"


def _records(plan: Plan) -> Iterator[str]:
    if plan.format.name != "json":
        fix = "send JSON, or leave the pipeline to Tidemill"
        yield f"format = {plan.format.name}(...): the job judges JSON alone; {fix}"
    yield from (f"event.{mistake}" for mistake in unsupported(plan.event))


def _rollup(plan: Plan, rollup: RollupPlan, words: Words) -> Iterator[str]:
    if rollup.names_events:
        yield f"alerts.{rollup.name}: a rule over pairs of events has no equal form in the job; {ELSE}"
        return
    where = f"rollups.{rollup.name}"
    sql = kind_of(rollup.window).sql.get(DIALECT)
    reason = (
        f"{rollup.window.kind} has no equal form in Spark's SQL; {ELSE}" if sql is None else sql.unfit(rollup.window)
    )
    if reason is not None:
        yield f"{where}.window: {reason}"
    for name in sorted(rollup.reads):
        if next((leaf.kind for leaf in plan.event.fields if leaf.name == name), None) in UNKEPT:
            yield f"{where}: {name} is kept as JSON, which the job does not have; {ELSE}"
    if rollup.where is not None:
        yield from _condition(f"{where}.where", rollup.where, words)
    for aggregate in rollup.aggregates:
        place = f"{where}.aggregates.{aggregate.name}"
        if DIALECT not in aggregate.kind.rows:
            yield f"{place}: {aggregate.kind.name} has no equal form in Spark's SQL; choose an exact one, or {ELSE}"
        if aggregate.where is not None:
            yield from _condition(f"{place}.where", aggregate.where, words)


def _condition(place: str, where: Expression, words: Words) -> Iterator[str]:
    try:
        words.condition(where)
    except NotInEngine as error:
        yield f"{place} = {where.sql!r}: {error}"
