"""A checked pipeline, resolved against its event schema: what every later part works from."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa

from dataflow.aggregates import Aggregate
from dataflow.aggregates.kinds import AggregateKind, kind_of
from dataflow.errors import PipelineError
from dataflow.event.schema import EventSchema, read_model
from dataflow.filter.expression import Expression
from dataflow.formats.declared import Format
from dataflow.formats.declared import json as json_format
from dataflow.formats.schemas import Schemas
from dataflow.own_columns import EVENT_PLACE
from dataflow.pipeline import checks as check
from dataflow.pipeline.alert_plan import Rule, asked_by, check_names
from dataflow.pipeline.checks import Mistakes
from dataflow.pipeline.columns import columns_of
from dataflow.pipeline.declaration import Dimension, Pipeline, Rollup
from dataflow.pipeline.definition import definition_of, fingerprint_of
from dataflow.pipeline.dimension_file import COLUMN_TYPES, DimensionTable, content_of, read_dimension
from dataflow.pipeline.emit_plan import EmitPlan, check_emits
from dataflow.pipeline.formats import check_format, check_key_format
from dataflow.pipeline.keeping import Declared, check_keep_of_alerts, check_keeps, check_reach
from dataflow.pipeline.pair_plan import Plans, check_rules, placed, rollup_of, told_early
from dataflow.rules import Joined, Rules
from dataflow.windows import Window
from dataflow.windows.kinds import kind_of as window_kind_of


@dataclass(frozen=True, slots=True)
class AggregatePlan:
    """One aggregate, checked: its input type, its delta columns, its own filter."""

    name: str
    aggregate: Aggregate
    column_type: pa.DataType | None
    where: Expression | None
    columns: tuple[pa.Field, ...]

    @property
    def kind(self) -> AggregateKind:
        """All that is known of its kind."""
        return kind_of(self.aggregate)

    @property
    def keeps_values(self) -> bool:
        """True where a side table holds the distinct values."""
        return isinstance(self.aggregate, Aggregate) and self.kind.keeps_values


@dataclass(frozen=True, slots=True)
class RollupPlan:
    """One rollup, checked. `keys` with their Arrow types; `where` parsed; lateness in ms.

    `within_ms`: of the evidence of a rule over pairs, how far apart two events may be; None of all others.
    """

    name: str
    keys: tuple[pa.Field, ...]
    window: Window
    where: Expression | None
    aggregates: tuple[AggregatePlan, ...]
    allowed_lateness_ms: int
    within_ms: int | None = None

    @property
    def names_events(self) -> bool:
        """Whether the last keys are the place of an event in the log, so that each row is one event."""
        return self.within_ms is not None

    @property
    def merges_windows(self) -> bool:
        """Whether windows of a key that overlap or touch become one (sessions)."""
        return window_kind_of(self.window).merging

    @property
    def reads(self) -> set[str]:
        """The columns of events and dimensions that it reads, but for the event time."""
        keys = self.keys[: -len(EVENT_PLACE)] if self.names_events else self.keys
        found = {key.name for key in keys}
        if self.where is not None:
            found |= self.where.columns
        for aggregate in self.aggregates:
            if aggregate.aggregate.column is not None:
                found.add(aggregate.aggregate.column)
            if aggregate.where is not None:
                found |= aggregate.where.columns
        return found

    @property
    def delta_table(self) -> str:
        """Name of the table that holds the delta rows."""
        return f"{self.name}_delta"

    def distinct_table(self, aggregate: str) -> str:
        """Name of the side table of an exact distinct count: keys, window_start, window_end, value."""
        return f"{self.name}_{aggregate}_distinct"


@dataclass(frozen=True, slots=True)
class DimensionPlan:
    """One dimension, read: `keys` unique strings (or ints), `columns` in the same order.

    `digest`: SHA-256 of the file's bytes; `content`: these, where a lake is to keep them.
    """

    dimension: Dimension
    keys: pa.Array
    columns: pa.RecordBatch
    digest: str = ""
    content: bytes | None = field(default=None, compare=False, repr=False)

    @property
    def joined(self) -> Joined:
        """What the ledger tells of it."""
        declared = self.dimension
        columns = tuple((column.name, str(column.type)) for column in self.columns.schema)
        return Joined(declared.name, self.digest, declared.key, columns, declared.unknown)


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked pipeline. `row_schema`: event columns, then dimension columns, as rollups see them. `rollups` are those
    that are declared, then those of alert rules.

    `definition` is all of it as JSON values (dimension files by their SHA-256), to find out what changed;
    `fingerprint` is a SHA-256 of it. `keep_ms`: for how long in event time a rollup or a row table stays, where not for
    ever; no part of the definition, since it says nothing of what rows mean. `format` has the text of its schema
    file in the place of the path; `schemas` is the registry, where it needs one, which who reads records adds.
    """

    pipeline: Pipeline
    name: str
    event: EventSchema
    dimensions: tuple[DimensionPlan, ...]
    row_schema: pa.Schema
    rollups: tuple[RollupPlan, ...]
    out_of_orderness_ms: int
    idle_timeout_ms: int
    max_future_ms: int | None
    dedup_column: str | None
    dedup_within_ms: int
    max_record_bytes: int | None
    fingerprint: str
    definition: dict[str, object] = field(default_factory=dict, compare=False)
    keep_ms: dict[str, int] = field(default_factory=dict)
    format: Format = field(default_factory=json_format)
    key_format: Format | None = None
    schemas: Schemas | None = field(default=None, compare=False, repr=False)
    max_future_clock_ms: int | None = None
    alerts: Plans = ()
    emits: tuple[EmitPlan, ...] = ()

    @property
    def rules(self) -> Rules:
        """Those of its settings that may change from a record on."""
        lateness = tuple(sorted((rollup.name, rollup.allowed_lateness_ms) for rollup in self.rollups))
        dimensions = tuple(each.joined for each in self.dimensions)
        return Rules(self.out_of_orderness_ms, self.idle_timeout_ms, self.dedup_within_ms, lateness, dimensions)


def make_plan(pipeline: Pipeline, base_dir: str | Path) -> Plan:
    """Check all of `pipeline` and resolve it; dimension files are looked up in `base_dir`.

    Raises PipelineError with every mistake: the field, the value, the fix.
    """
    return _Planner(pipeline, Path(base_dir)).plan()


class _Planner:
    """Resolves a pipeline part by part, noting mistakes on the way; a part that is wrong resolves to nothing."""

    def __init__(self, pipeline: Pipeline, base_dir: Path) -> None:
        self.pipeline = pipeline
        self.base_dir = base_dir
        self.mistakes = Mistakes()
        model = read_model(pipeline.event)
        self.event = model.schema
        self.event_mistakes = model.mistakes
        self.event_columns = columns_of(model)
        self.columns = self.event_columns
        self.kept: list[Declared] = []
        self.asked: list[tuple[Rule, RollupPlan]] = []

    def plan(self) -> Plan:
        pipeline, mistakes = self.pipeline, self.mistakes
        check.check_name(mistakes, "name", pipeline.name)
        mistakes.extend(f"event.{mistake}" for mistake in self.event_mistakes)
        bound_ms = check.check_duration(mistakes, "out_of_orderness", pipeline.out_of_orderness)
        lateness_ms = check.check_duration(mistakes, "allowed_lateness", pipeline.allowed_lateness)
        idle_ms = check.check_duration(mistakes, "idle_timeout", pipeline.idle_timeout, least_ms=1)
        future_ms = check.check_duration(mistakes, "max_future", pipeline.max_future, optional=True)
        clock_ms = check.check_clock(mistakes, "max_future_clock", pipeline.max_future_clock)
        if clock_ms is not None and pipeline.max_future is None:
            mistakes.add("max_future_clock", pipeline.max_future_clock, "needs max_future, which counts from it")
        dedup_within_ms = self._deduplication()
        check.check_bytes(mistakes, "max_record_bytes", pipeline.max_record_bytes)
        dimensions, digests = self._dimensions()
        rollups = self._rollups(lateness_ms or 0)
        alerts = check_rules(mistakes, self.asked, self.columns)
        emits = check_emits(mistakes, pipeline, rollups, () if mistakes.lines else told_early(alerts))
        keep_ms = self._keep(bound_ms or 0, dedup_within_ms)
        check_reach(mistakes, alerts, self.kept, bound_ms or 0)
        format_ = check_format(mistakes, pipeline.format, self.event, self.base_dir)
        key_format = check_key_format(mistakes, pipeline.key_format, self.event, self.base_dir)
        if mistakes.lines:
            raise PipelineError(f"pipeline {pipeline.name}", mistakes.lines)
        assert self.event is not None
        assert bound_ms is not None
        assert idle_ms is not None
        plan = Plan(
            pipeline=pipeline,
            name=pipeline.name,
            event=self.event,
            dimensions=dimensions,
            row_schema=self.columns.schema,
            rollups=rollups,
            out_of_orderness_ms=bound_ms,
            idle_timeout_ms=idle_ms,
            max_future_ms=future_ms,
            max_future_clock_ms=clock_ms,
            dedup_column=pipeline.deduplicate_by,
            dedup_within_ms=dedup_within_ms,
            max_record_bytes=pipeline.max_record_bytes,
            fingerprint="",
            keep_ms=keep_ms,
            format=format_,
            key_format=key_format,
            alerts=alerts,
            emits=emits,
        )
        definition = definition_of(plan, digests)
        return replace(plan, fingerprint=fingerprint_of(definition), definition=definition)

    def _deduplication(self) -> int:
        by, within, mistakes = self.pipeline.deduplicate_by, self.pipeline.deduplicate_within, self.mistakes
        if by is None:
            if within is not None:
                mistakes.add("deduplicate_within", within, "needs deduplicate_by, the column that identifies an event")
            return 0
        if within is None:
            mistakes.add("deduplicate_by", by, 'needs deduplicate_within, how long an event is remembered, like "10m"')
        columns = self.event_columns
        if check.check_column(mistakes, "deduplicate_by", by, columns):
            type_ = columns.schema.field(by).type
            if not (pa.types.is_string(type_) or pa.types.is_integer(type_)) or by in columns.times:
                mistakes.add("deduplicate_by", by, "must identify an event; choose a str or int column")
        return check.check_duration(mistakes, "deduplicate_within", within, least_ms=1, optional=True) or 0

    def _dimensions(self) -> tuple[tuple[DimensionPlan, ...], dict[str, str]]:
        plans: list[DimensionPlan] = []
        digests: dict[str, str] = {}
        columns = [(name, f"event.{name}") for name in self.event_columns.schema.names]
        names: list[tuple[str, str]] = []
        declared = self.pipeline.dimensions
        dimensions = check.listed(self.mistakes, "dimensions", declared, Dimension)
        if not isinstance(declared, list | tuple) or len(dimensions) < len(declared):
            self.columns = self.columns.with_more({}, frozenset(), is_open=True)
        for at, dimension in enumerate(dimensions):
            where = f"dimensions[{at}]"
            if check.check_name(self.mistakes, f"{where}.name", dimension.name):
                where = f"dimensions.{dimension.name}"
            names.append((dimension.name, f"{where}.name"))
            added = self._dimension_columns(where, dimension)
            columns += [(column, f"{where}.columns") for column in added]
            is_named = isinstance(dimension.columns, Mapping)
            unread = frozenset(map(str, dimension.columns if is_named else ())) - added.keys()
            self.columns = self.columns.with_more(added, unread, is_open=not is_named)
            table = self._dimension_table(where, dimension, added)
            if table is not None:
                digests[dimension.name] = table.digest
                plans.append(DimensionPlan(dimension, table.keys, table.columns, table.digest, table.content))
        check.check_distinct_columns(self.mistakes, names)
        check.check_distinct_columns(self.mistakes, columns)
        return tuple(plans), digests

    def _dimension_columns(self, where: str, dimension: Dimension) -> dict[str, pa.DataType]:
        """The columns it adds, by their Arrow types, but for those that are wrong."""
        allowed = "str, int, Money, bool, float or date"
        declared = check.check_mapping(
            self.mistakes, f"{where}.columns", dimension.columns, f"write columns={{name: type}} with {allowed}"
        )
        if not declared and isinstance(dimension.columns, Mapping):
            self.mistakes.add(f"{where}.columns", declared, "name at least one column to add")
        added: dict[str, pa.DataType] = {}
        for column, python_type in declared.items():
            check.check_dimension_column(self.mistakes, f"{where}.columns", column)
            type_ = next((type_ for known, type_ in COLUMN_TYPES.items() if known == python_type), None)
            if type_ is not None:
                added[column] = type_
            else:
                self.mistakes.add(f"{where}.columns.{column}", python_type, f"not a type for a column; use {allowed}")
        return added

    def _dimension_table(
        self, where: str, dimension: Dimension, added: Mapping[str, pa.DataType]
    ) -> DimensionTable | None:
        if dimension.unknown not in ("null", "dead_letter"):
            self.mistakes.add(f"{where}.unknown", dimension.unknown, 'write "null" or "dead_letter"')
        key_type = self._dimension_key(f"{where}.key", dimension.key)
        path: object = dimension.path
        if not isinstance(path, str | Path):
            self.mistakes.add(f"{where}.path", dimension.path, "write the path of a CSV file, relative to this file")
            return None
        wanted = {column: type_ for column, type_ in added.items() if column != dimension.key}
        try:
            if key_type is None:
                content_of(self.base_dir / path)
                return None
            return read_dimension(self.base_dir / path, dimension.key, key_type, wanted)
        except ValueError as error:
            self.mistakes.add(f"{where}.path", str(dimension.path), str(error))
            return None

    def _dimension_key(self, where: str, key: str) -> pa.DataType | None:
        if not check.check_column(self.mistakes, where, key, self.event_columns):
            return None
        key_type = self.event_columns.schema.field(key).type
        if pa.types.is_string(key_type) or pa.types.is_integer(key_type):
            return key_type
        self.mistakes.add(where, key, "must be a str or int column of the event")
        return None

    def _rollups(self, lateness_ms: int) -> tuple[RollupPlan, ...]:
        """Those that are declared, then those of the rules that have their own."""
        mistakes, declared = self.mistakes, self.pipeline.rollups
        rollups = check.listed(mistakes, "rollups", declared, Rollup)
        rules = check.listed(mistakes, "alerts", self.pipeline.alerts, Rule, "alerts.threshold")
        if not rollups and isinstance(declared, list | tuple) and not (declared or rules):
            mistakes.add("rollups", declared, "declare at least one Rollup")
        for at, rollup in enumerate(rollups):
            check.check_rollup_name(mistakes, f"rollups[{at}].name", rollup.name)
        check_names(mistakes, rules, [str(rollup.name) for rollup in rollups])
        own = [(f"alerts.{rule.name}", rollup_of(rule, self.columns)) for rule in rules if rule.on is None]
        wanted = [*((f"rollups.{rollup.name}", rollup) for rollup in rollups), *own]
        plans = [self._rollup(where, rollup, lateness_ms) for where, rollup in wanted]
        self.kept = [(plan, f"{where}.keep", rollup.keep) for plan, (where, rollup) in zip(plans, wanted, strict=True)]
        tables = []
        for plan, (owner, _) in zip(plans, wanted, strict=True):
            tables += [(plan.name, owner), (plan.delta_table, owner)]
            tables += [
                (plan.distinct_table(agg.name), f"{owner}.aggregates.{agg.name}")
                for agg in plan.aggregates
                if agg.keeps_values
            ]
        check.check_table_names(mistakes, tables)
        self.asked = asked_by(mistakes, rules, plans[: len(rollups)], plans[len(rollups) :])
        return tuple(plans)

    def _keep(self, bound_ms: int, dedup_within_ms: int) -> dict[str, int]:
        """What leaves some day: rollup, row table or alerts -> for how long it stays."""
        of_rules: list[Declared] = [(rollup, f"alerts.{rule.name}.keep", rule.keep) for rule, rollup in self.asked]
        kept = check_keeps(self.mistakes, self.pipeline, self.kept, bound_ms, dedup_within_ms)
        return {**kept, **check_keep_of_alerts(self.mistakes, of_rules, bound_ms)}

    def _rollup(self, where: str, rollup: Rollup, lateness_ms: int) -> RollupPlan:
        mistakes, columns = self.mistakes, self.columns
        check.check_window(mistakes, f"{where}.window", rollup.window)
        keys = check.check_keys(mistakes, f"{where}.keys", rollup.keys, columns)
        own_ms = check.check_duration(mistakes, f"{where}.allowed_lateness", rollup.allowed_lateness, optional=True)
        fix = "write aggregates={name: agg.count(), ...}"
        aggregates = check.check_mapping(mistakes, f"{where}.aggregates", rollup.aggregates, fix)
        if not aggregates and isinstance(rollup.aggregates, Mapping):
            mistakes.add(f"{where}.aggregates", aggregates, f"name at least one; {fix}")
        plans = tuple(
            self._aggregate(f"{where}.aggregates.{name}", name, aggregate) for name, aggregate in aggregates.items()
        )
        check.check_rollup_columns(
            mistakes,
            [(key.name, f"{where}.keys") for key in keys],
            [
                (name, f"{where}.aggregates.{plan.name}")
                for plan in plans
                for name in dict.fromkeys([plan.name, *(column.name for column in plan.columns)])
            ],
            [plan.name for plan in plans if plan.keeps_values],
        )
        plan = RollupPlan(
            name=str(rollup.name),
            keys=keys,
            window=rollup.window,
            where=check.check_where(mistakes, f"{where}.where", rollup.where, columns),
            aggregates=plans,
            allowed_lateness_ms=lateness_ms if own_ms is None else own_ms,
        )
        return placed(rollup, plan, columns)

    def _aggregate(self, where: str, name: str, aggregate: Aggregate) -> AggregatePlan:
        check.check_name(self.mistakes, where, name)
        type_, condition = check.check_aggregate(self.mistakes, where, aggregate, self.columns)
        columns: tuple[pa.Field, ...] = ()
        if isinstance(aggregate, Aggregate) and (type_ is not None or not kind_of(aggregate).needs_column):
            kind = kind_of(aggregate)
            columns = tuple(map(pa.field, kind.columns(name), kind.types(type_)))
        return AggregatePlan(name, aggregate, type_, condition, columns)
