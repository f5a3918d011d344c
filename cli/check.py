"""`tidemill check`: are the pipeline file, its reports and its boards right, and what will it make."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from cli.options import GENERATOR, SOURCE, Given, takes
from cli.terminal import end_with, show
from dataflow.durations import to_text
from query.text_table import TextTable

if TYPE_CHECKING:
    import pyarrow as pa

    from dataflow.errors import TidemillError
    from dataflow.pipeline.alert_plan import AlertPlan
    from dataflow.pipeline.pair_plan import PairPlan
    from dataflow.pipeline.plan import Plan, RollupPlan
    from runtime.settings import Settings


@takes(*SOURCE, "add_source", "emit", "lake", "recovery", "events", *GENERATOR)
def check(given: Given) -> None:
    """Check the pipeline file, its reports and boards; print its tables, columns, windows, and what is held.

    Where there is a lake, what `tidemill run` with the same settings would refuse is told as well. Nothing is changed,
    and no broker is asked. The exit code is that of the first mistake.
    """
    from dataflow.errors import PipelineError
    from dataflow.pipeline.load import load
    from runtime.settings import load_settings

    settings = load_settings(given)
    settings.require_end_of_final()
    try:
        plan = load(settings.pipeline)
    except PipelineError as mistakes:
        end_with([mistakes, *_mistakes_in_reports(settings), *_mistakes_in_boards(settings, None)])
        raise
    refused, unguarded = _refused(settings, plan), [*_unguarded(settings, plan), *_unsent(settings, plan)]
    files = _files(settings)
    wrong = _mistakes_in_boards(settings, plan)
    try:
        reports = _reports(settings.pipeline, plan, events=settings.events)
    except PipelineError as mistakes:
        end_with([mistakes, *wrong, *(refused or [])])
        raise
    if wrong:
        end_with([*wrong, *(refused or [])])
    _show(settings, plan, [*reports, *files])
    end_with([*unguarded, *(refused or [])])
    if refused is not None:
        show(f"The lake {settings.lake} goes on with it.", *_changes(settings, plan))


def _show(settings: "Settings", plan: "Plan", reports: list[TextTable | str]) -> None:
    show(
        f"{settings.pipeline}: pipeline {plan.name} is correct",
        "",
        _tables(plan, events=settings.events),
        "",
        _windows(plan),
        "",
        *_rules(plan),
        *_emits(plan),
        *_held(plan, events=settings.events),
        *reports,
    )


def _unguarded(settings: "Settings", plan: "Plan") -> "list[TidemillError]":
    """Where a guard that the pipeline declares would be none, which a run refuses."""
    from dataflow.errors import ConfigError
    from runtime.sources import require_record_times

    try:
        require_record_times(settings.source, plan)
    except ConfigError as problem:
        return [problem]
    return []


def _unsent(settings: "Settings", plan: "Plan") -> "list[TidemillError]":
    """What the environment lacks for what leaves the lake, which a run refuses."""
    from dataflow.errors import ConfigError

    if not plan.emits or not settings.emit:
        return []
    import os

    from emit.outlet import ways_of

    try:
        ways_of(settings, plan, os.environ)
    except ConfigError as problem:
        return [problem]
    return []


def sql_type(type_: "pa.DataType") -> str:
    """The name that DuckDB gives an Arrow type of our tables."""
    import pyarrow as pa

    if pa.types.is_list(type_):
        return f"{sql_type(type_.value_type)}[]"
    if pa.types.is_decimal(type_):
        return f"DECIMAL({type_.precision},{type_.scale})"
    if pa.types.is_timestamp(type_):
        return "TIMESTAMP"
    names = {"string": "VARCHAR", "int64": "BIGINT", "int32": "INTEGER", "bool": "BOOLEAN", "double": "DOUBLE"}
    return {**names, "date32[day]": "DATE", "binary": "BLOB"}.get(str(type_), str(type_).upper())


def _tables(plan: "Plan", *, events: bool) -> TextTable:
    from dataflow.pipeline.names import ALERTS
    from dataflow.pipeline.tables import tables_of

    table = TextTable(["table or view", "column", "type"])
    for rollup in plan.rollups:
        _add(table, f"{rollup.name} (view)", _view_columns(rollup))
    if plan.alerts:
        _add(table, f"{ALERTS} (view)", _alert_columns())
    for spec in tables_of(plan, events=events):
        _add(table, spec.name, ((field.name, field.type) for field in spec.schema))
    return table


def _add(table: TextTable, name: str, columns: "Iterable[tuple[str, pa.DataType]]") -> None:
    for column, type_ in columns:
        table.add_row(name, column, sql_type(type_))
        name = ""


def _view_columns(rollup: "RollupPlan") -> "Iterable[tuple[str, pa.DataType]]":
    import pyarrow as pa

    yield from ((key.name, key.type) for key in rollup.keys)
    yield from (("window_start", pa.timestamp("ms")), ("window_end", pa.timestamp("ms")))
    for agg in rollup.aggregates:
        result = agg.kind.result(agg.column_type)
        assert result is not None, "a plan has the type of every column that it aggregates"
        yield agg.name, result
    yield from (("late_count", pa.int64()), ("is_final", pa.bool_()))


def _alert_columns() -> "Iterable[tuple[str, pa.DataType]]":
    import pyarrow as pa

    from dataflow.pipeline.tables import ALERT_SCHEMA
    from sinks.lake.tables.alert_view import COLUMNS

    yield from ((name, ALERT_SCHEMA.field(name).type) for name in COLUMNS)
    yield "quiet", pa.bool_()


_MANY_WINDOWS = 60
"""Each row becomes that many delta rows until they are merged, which costs time and space."""


def _windows(plan: "Plan") -> TextTable:
    from dataflow.windows.kinds import window_text, windows_a_row

    table = TextTable(["rollup", "window", "keys", "takes rows where", "final after its end", "kept"])
    for rollup in plan.rollups:
        final_ms = plan.out_of_orderness_ms + rollup.allowed_lateness_ms
        keys = ", ".join(key.name for key in rollup.keys) or "(one row per window)"
        where = "(all)" if rollup.where is None else rollup.where.sql
        windows = windows_a_row(rollup.window)
        window = window_text(rollup.window) + (f" ({windows} windows a row)" if windows >= _MANY_WINDOWS else "")
        table.add_row(rollup.name, window, keys, where, to_text(final_ms), _kept(plan, rollup.name))
    return table


def _rules(plan: "Plan") -> list[TextTable | str]:
    """The alert rules, each with the windows that it holds in memory."""
    from dataflow.pipeline.names import ALERTS

    if not plan.alerts:
        return []
    table = TextTable(["alert rule", "severity", "asks", "raised where", "quiet for", "alerts kept", "in memory"])
    for rule in plan.alerts:
        quiet = to_text(rule.cool_down_ms) if rule.cool_down_ms else "never"
        kept, held = _kept(plan, ALERTS), _in_memory(plan, rule)
        table.add_row(rule.name, rule.severity, rule.rollup.name, rule.asks, quiet, kept, held)
    return [table, ""]


def _in_memory(plan: "Plan", rule: "AlertPlan | PairPlan") -> str:
    """What a rule holds."""
    from dataflow.pipeline.pair_plan import PairPlan
    from dataflow.spoken import counted

    rollup = rule.rollup
    behind_ms = plan.out_of_orderness_ms + rollup.allowed_lateness_ms
    if isinstance(rule, PairPlan):
        return f"a row per event, {to_text(rule.within_ms + behind_ms)} of event time"
    comparison = rule.comparison
    if rule.silence_ms is not None:
        return "a line per source partition"
    if comparison is not None:
        back = f"{counted(len(comparison.back_ms), 'window')} before it, {to_text(comparison.reach_ms)} back"
        return f"nothing: a window that is final is read back, and {back}"
    held_ms = rollup.window.size_ms + behind_ms
    held = f"a row per key and window, {to_text(held_ms)} of event time"
    if rule.is_closed:
        held = f"a row per session that is not final, {to_text(held_ms)} after its last event"
    values = any(each.keeps_values for each in rollup.aggregates)
    return f"{held}, and each distinct value" if values else held


def _emits(plan: "Plan") -> list[TextTable | str]:
    """What leaves the lake, and where it goes."""
    if not plan.emits:
        return []
    table = TextTable(["sent", "to", "record key", "known as"])
    for each in plan.emits:
        table.add_row(each.what, each.where, ", ".join(each.key), each.name)
        if each.early is not None:
            table.add_row(each.early.what, f"Kafka topic {each.early.topic}", ", ".join(each.key), "")
    return [table, ""]


def _kept(plan: "Plan", name: str) -> str:
    """How long a rollup or a row table stays."""
    return to_text(plan.keep_ms[name]) if name in plan.keep_ms else "for ever"


def _reports(pipeline: str, plan: "Plan", *, events: bool) -> list[TextTable | str]:
    """What the reports beside the pipeline ask; each was checked."""
    from datetime import UTC, datetime

    from query.reports import reports_folder
    from query.reports.check import check_reports

    found = check_reports(reports_folder(pipeline), plan, datetime.now(UTC), events=events)
    table = TextTable(["report", "view", "title", "parameters"])
    for each in found:
        table.add_row(each.name, each.view, each.title, ", ".join(map(str, each.parameters)))
    return ["", table] if found else []


def _files(settings: "Settings") -> list[str]:
    """Which files of the input are read, and which are not."""
    if settings.input is None:
        return []
    from dataflow.errors import InputMissing
    from dataflow.sources.files.folder import look
    from dataflow.spoken import counted

    try:
        found = look(settings.input)
    except InputMissing as missing:
        return ["", str(missing)]
    told = found.told(settings.input)
    read = f"{counted(len(found.files), 'file')} in {settings.input} {'is' if len(found.files) == 1 else 'are'} read."
    return ["", read, *([] if told is None else [f"{told}."])]


def _mistakes_in_reports(settings: "Settings") -> "list[TidemillError]":
    """What is wrong with the reports of a pipeline that has mistakes itself, as far as those do not hide it."""
    from datetime import UTC, datetime

    from dataflow.errors import PipelineError
    from dataflow.pipeline.load import load_pipeline, load_sound
    from query.reports import reports_folder
    from query.reports.check import check_files, check_reports

    folder = reports_folder(settings.pipeline)
    plan, wrong = load_sound(settings.pipeline)
    try:
        if plan is None:
            check_files(folder, load_pipeline(settings.pipeline)[0].name, wrong)
        else:
            check_reports(folder, plan, datetime.now(UTC), events=settings.events, wrong=wrong)
    except PipelineError as mistakes:
        return [mistakes]
    return []


def _mistakes_in_boards(settings: "Settings", plan: "Plan | None") -> "list[TidemillError]":
    """What is wrong with the boards beside the pipeline; without a plan, as far as they tell it by themselves."""
    from functools import partial

    from dataflow.errors import PipelineError
    from query.reports import Shelf, reports_folder
    from serve.ask.report_question import mistake_in
    from serve.boards import boards_folder, check_boards
    from sinks.lake.tables.definition import definition_of

    folder = boards_folder(settings.pipeline)
    if not folder.is_dir():
        return []
    try:
        if plan is None:
            check_boards(folder, None)
        else:
            definition = definition_of(plan)
            asked = partial(mistake_in, Shelf(reports_folder(settings.pipeline), definition))
            check_boards(folder, definition.rollups, plan.name, asked)
    except PipelineError as mistakes:
        return [mistakes]
    return []


def _refused(settings: "Settings", plan: "Plan") -> "list[TidemillError] | None":
    """What a run would refuse of its lake; None where there is no lake."""
    from datetime import UTC, datetime
    from pathlib import Path

    if not Path(settings.lake).exists():
        return None
    from runtime.refusals import refusals

    return refusals(settings, plan, lambda: datetime.now(UTC))


def _changes(settings: "Settings", plan: "Plan") -> Iterable[str]:
    """Which rules of the lake a run changes, and from which records on."""
    from contextlib import closing
    from pathlib import Path

    from sinks.lake.catalog.catalog import Catalog
    from sinks.lake.tables.changes import rule_changes

    with closing(Catalog.look(Path(settings.lake))) as catalog:
        changes = rule_changes(catalog, plan)
    if changes:
        yield "From the next records on it has other rules; those that it has read stay as they were judged:"
    yield from (f"  {change}" for change in changes)


def _held(plan: "Plan", *, events: bool) -> Iterable[str]:
    """How long what is remembered, in event time."""
    yield "State held, per source partition: the next offset and the highest event time."
    if plan.dedup_column is not None:
        until = to_text(plan.dedup_within_ms + plan.out_of_orderness_ms)
        yield f"Each {plan.dedup_column} is remembered until event time has moved {until} past its first event."
    yield "Rollups hold no state: each commit appends delta rows, and a view adds them up."
    if plan.alerts:
        yield (
            "Alert rules hold open windows in memory alone: after a restart, and for windows that were over, the lake "
            "is read."
        )
    from dataflow.pipeline.dimension_file import KEPT_BYTES
    from dataflow.spoken import size

    for dimension in plan.dimensions:
        declared, keys = dimension.dimension, len(dimension.keys)
        unknown = "nulls" if declared.unknown == "null" else "a dead letter"
        kept = (
            "the lake keeps a copy of its file"
            if dimension.content is not None
            else f"its file is larger than {size(KEPT_BYTES)}, so the lake keeps its SHA-256 alone, and once the file "
            "has changed, audit cannot prove what was joined with it"
        )
        yield f"Dimension {declared.name}: {keys} keys in memory; an unknown key gives {unknown}; {kept}."
    rows = [("events", events), ("late_events", True), ("dead_letters", True)]
    yield f"Kept: {', '.join(f'{name} {_kept(plan, name)}' for name, there in rows if there)}, the ledger for ever."
    yield f"A source partition that is silent for {to_text(plan.idle_timeout_ms)} holds no window open."
