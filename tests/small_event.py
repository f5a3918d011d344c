"""The small event of random pipelines as the product sees it, and a model's spec turned into a Pipeline."""

import hashlib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Len
from pydantic import BaseModel

from dataflow import Dimension, EventTime, Money, Pipeline, Rollup
from dataflow.aggregates import Aggregate
from dataflow.event.fields import ms_to_text
from dataflow.pipeline.alert_rules import Threshold, threshold
from dataflow.pipeline.closed_rules import compare, earlier, mean, silence
from dataflow.pipeline.pair_rules import Pair, absence, sequence
from dataflow.windows import Window
from tests.model import small
from tests.model.spec import AlertSpec, CompareSpec, PairSpec, PipelineSpec, RollupSpec


class SmallEvent(BaseModel):
    """The same fields as `tests.model.small.FIELDS`."""

    id: Annotated[str, Len(1, 8)]
    time: EventTime
    kind: Literal["a", "b", "c"]
    ad: str | None = None
    user: int | None = None
    cost: Money = Decimal(0)
    revenue: Money | None = None
    flag: bool | None = None
    score: float | None = None
    day: date | None = None


def to_pipeline(spec: PipelineSpec, folder: Path) -> Pipeline:
    """The Pipeline that `spec` describes; its dimension file is written into `folder`, by a name of its content."""
    texts = [small.dimension_csv(each.rows) for each in spec.dimensions]
    names = [f"ads-{hashlib.sha256(text.encode()).hexdigest()[:8]}.csv" for text in texts]
    for name, text in zip(names, texts, strict=True):
        (folder / name).write_text(text, encoding="utf-8")
    return Pipeline(
        name="small",
        event=SmallEvent,
        out_of_orderness=f"{spec.bound}ms",
        max_future=None if spec.max_future is None else f"{spec.max_future}ms",
        max_future_clock=None if spec.max_future_clock is None else ms_to_text(spec.max_future_clock),
        deduplicate_by=spec.dedup_column,
        deduplicate_within=None if spec.dedup_column is None else f"{spec.dedup_horizon}ms",
        dimensions=[
            Dimension(
                "ads",
                name,
                key=each.key,
                columns={"campaign": str, "tier": int},
                unknown="dead_letter" if each.unknown_is_dead else "null",
            )
            for name, each in zip(names, spec.dimensions, strict=True)
        ],
        rollups=[
            _rollup(rollup)
            for rollup in spec.rollups
            if rollup.name not in {each.name for each in spec.alerts} | {each.name for each in spec.pairs}
        ],
        alerts=[*(_rule(spec, each) for each in spec.alerts), *map(_pair, spec.pairs)],
    )


def _rollup(rollup: RollupSpec) -> Rollup:
    window = rollup.window
    return Rollup(
        rollup.name,
        keys=rollup.keys,
        window=Window(window.kind, window.size, window.slide, window.offset, zone=window.zone),
        where=rollup.where,
        allowed_lateness=f"{rollup.lateness}ms",
        aggregates={
            name: Aggregate(each.kind, each.column, each.where, each.q) for name, each in rollup.aggregates.items()
        },
    )


def _rule(spec: PipelineSpec, rule: AlertSpec) -> Threshold:
    cool_down = f"{rule.cool_down}ms" if rule.cool_down else None
    if rule.silence is not None:
        return silence(rule.name, key="source_partition", after=f"{rule.silence}ms", cool_down=cool_down)
    if rule.compare is not None:
        return _compare(spec, rule, rule.compare, cool_down)
    if rule.name != rule.rollup:
        return threshold(rule.name, on=rule.rollup, having=rule.having, cool_down=cool_down)
    own = _rollup(next(each for each in spec.rollups if each.name == rule.rollup))
    return threshold(
        rule.name,
        keys=own.keys,
        window=own.window,
        where=own.where,
        allowed_lateness=own.allowed_lateness,
        aggregates=own.aggregates,
        having=rule.having,
        cool_down=cool_down,
    )


def _pair(pair: PairSpec) -> Pair:
    told: dict[str, Any] = {
        "key": pair.key,
        "first": pair.first,
        "then": pair.then,
        "within": f"{pair.within}ms",
        "having": pair.having,
        "allowed_lateness": f"{pair.lateness}ms",
    }
    if pair.missing is None:
        return sequence(pair.name, **told)
    return absence(pair.name, missing="first" if pair.missing == "first" else "then", **told)


def _compare(spec: PipelineSpec, rule: AlertSpec, asked: CompareSpec, cool_down: str | None) -> Threshold:
    rollup = next(each for each in spec.rollups if each.name == rule.rollup)
    is_mean = asked.backs == tuple(rollup.window.size * number for number in range(1, len(asked.backs) + 1))
    told: dict[str, Any] = {"on": rule.rollup}
    if rule.name == rule.rollup:
        own = _rollup(rollup)
        names = ("keys", "window", "where", "allowed_lateness", "aggregates")
        told = {name: getattr(own, name) for name in names}
    return compare(
        rule.name,
        value=asked.value,
        against=mean(len(asked.backs)) if is_mean else earlier(f"{asked.backs[0]}ms"),
        drops_below=asked.factors[0],  # type: ignore[arg-type]  # a Decimal does as well
        rises_above=asked.factors[1],  # type: ignore[arg-type]  # a Decimal does as well
        at_least=asked.least,
        cool_down=cool_down,
        **told,
    )
