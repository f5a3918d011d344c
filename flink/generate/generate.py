"""From a checked pipeline to a Flink job: its statements, its files, and the tables that it writes."""

from collections.abc import Iterator, Mapping, Sequence

from dataflow.errors import ConfigError
from dataflow.pipeline.plan import Plan, RollupPlan
from dataflow.spelling import suggest
from flink.contract.dimension import FUNCTION_CLASS as DIMENSION_CLASS
from flink.contract.table import CHECKSUM_CLASS, FIRST_SEEN_CLASS
from flink.contract.table import FUNCTION_CLASS as JUDGE_CLASS
from flink.generate import deployment, manifest
from flink.generate.alerts import alert_insert, alert_name, alert_table, alert_views, rules_of
from flink.generate.changes import CHECKSUM, change_inserts, change_tables, change_views
from flink.generate.dimensions import FUNCTION, Inline
from flink.generate.final import TS, final_insert, final_view, time_columns
from flink.generate.generated import Generated, SinkTable
from flink.generate.options import Options
from flink.generate.refusals import refuse
from flink.generate.rollups import ROWS, Words, late_rows
from flink.generate.sinks import dead_table, late_table, rollup_table, sink_statement
from flink.generate.source import (
    FIRST_SEEN,
    HEADER_COLUMN,
    JUDGE,
    READ,
    call_of,
    counting,
    events_view,
    has_header,
    judged_view,
    looked_up_view,
    marked_view,
    once,
    read_view,
    records_table,
    time_of_events,
)
from flink.generate.upsert import upsert_insert, upsert_view
from flink.generate.words import named, text

JOINED = "`_joined`"


def generate(plan: Plan, given: Options) -> Generated:
    """The job of a pipeline.

    Raises PipelineError with all that Flink's SQL cannot say with equal results, ConfigError for a rollup or a rule
    that is not there.
    """
    rollups = _chosen(plan, given)
    rules = [rule.name for rule in plan.alerts]
    for name in given.alerts:
        if name not in rules:
            raise ConfigError("alert", name, f"the pipeline has no rule of this name{suggest(name, rules)}")
    refuse(plan, rollups, given)
    if given.handover is None:
        of_rollups = [rollup_table(plan, rollup, given) for rollup in rollups]
    else:
        of_rollups = list(change_tables(plan, given))
    tables = (
        *of_rollups,
        *(alert_table(plan, rule, given) for rule in rules_of(plan, given)),
        late_table(plan, given),
        dead_table(plan, given),
    )
    settings = settings_of(plan, given)
    statements = (
        *(f"SET {text(key)} = {text(value)}" for key, value in settings.items()),
        *_statements(plan, rollups, tables, given),
    )
    files = {"job.sql": _script(plan, statements), **deployment.files(plan, tables, given)}
    if given.handover is not None:
        files[manifest.NAME] = manifest.manifest_of(plan, given, tables).text
    return Generated(files, statements, settings, tables)


def _chosen(plan: Plan, given: Options) -> Sequence[RollupPlan]:
    if given.rollups is None:
        return plan.rollups
    known = [rollup.name for rollup in plan.rollups]
    for name in given.rollups:
        if name not in known:
            raise ConfigError("rollup", name, f"the pipeline has no rollup of this name{suggest(name, known)}")
    return [rollup for rollup in plan.rollups if rollup.name in given.rollups]


def settings_of(plan: Plan, given: Options) -> dict[str, str]:
    """The session's settings."""
    found = {
        "pipeline.name": f"tidemill-{plan.name}",
        "execution.runtime-mode": "streaming",
        "table.local-time-zone": "UTC",
        "pipeline.object-reuse": "true",
        "parallelism.default": str(given.parallelism),
        # it would also forget the running maxima; a hint limits the windows' state alone
        "table.exec.state.ttl": "0 ms",
        "execution.checkpointing.mode": "EXACTLY_ONCE",
        "execution.checkpointing.interval": f"{given.checkpoint_interval_ms} ms",
    }
    if given.checkpoints is not None:
        # the JobManager's own memory is too small for a window's state
        found["execution.checkpointing.storage"] = "filesystem"
        found["execution.checkpointing.dir"] = given.checkpoints
    if given.form == "upsert":
        found["table.exec.mini-batch.enabled"] = "true"
        found["table.exec.mini-batch.allow-latency"] = "1 s"
        found["table.exec.mini-batch.size"] = "50000"
    else:
        # a partition that comes back would find its windows closed
        found["table.exec.source.idle-timeout"] = "0 ms"
    return found


def _statements(
    plan: Plan, rollups: Sequence[RollupPlan], tables: Sequence[SinkTable], given: Options
) -> Iterator[str]:
    if given.jar is not None:
        yield f"ADD JAR {text(given.jar)}"
    yield f"CREATE TEMPORARY FUNCTION `{JUDGE}` AS {text(JUDGE_CLASS)}"
    if plan.dimensions:
        yield f"CREATE TEMPORARY FUNCTION `{FUNCTION}` AS {text(DIMENSION_CLASS)}"
    if plan.dedup_column is not None:
        yield f"CREATE TEMPORARY FUNCTION `{FIRST_SEEN}` AS {text(FIRST_SEEN_CLASS)}"
    if given.handover is not None:
        yield f"CREATE TEMPORARY FUNCTION `{CHECKSUM}` AS {text(CHECKSUM_CLASS)}"
    yield from _events(plan, rollups, given)
    yield from (sink_statement(table, given) for table in tables)
    words = Words(plan)
    if given.handover is not None:
        yield from change_views(plan, given, words)
    else:
        taking = upsert_view if given.form == "upsert" else final_view
        yield from (taking(plan, rollup, words) for rollup in rollups)
        yield from alert_views(rules_of(plan, given), words, given)
    yield _statement_set(plan, rollups, tables, words, given)


def _events(plan: Plan, rollups: Sequence[RollupPlan], given: Options) -> Iterator[str]:
    """From the records of the topics to all events with their watermarks and their dimensions' columns."""
    lookups = [Inline(each, plan.row_schema.field(each.dimension.key).type) for each in plan.dimensions]
    refusing = [each for each in lookups if each.plan.dimension.unknown == "dead_letter"]
    read = {name for rollup in rollups for name in rollup.reads}
    keeps_events = given.handover is not None and given.handover.events
    if keeps_events:
        read |= set(plan.row_schema.names)
    call = call_of(plan, given)
    columns = None
    more: tuple[str, ...] = ()
    if given.form == "final":
        more = (TS,)
        columns = time_columns(time_of_events(plan, given, refusing), rollups, plan.out_of_orderness_ms)
    yield records_table(plan, given, columns)
    yield judged_view(plan, call, *more)
    if refusing:
        yield looked_up_view(refusing)
    yield read_view(plan, refusing, *more)
    yield events_view(_event_columns(plan, read, lookups), *more, *(("`record_timestamp`",) if keeps_events else ()))
    yield marked_view(plan, given.handover)
    yield from _rows_views(once(plan, given), read, lookups)


def _event_columns(plan: Plan, read: set[str], lookups: Sequence[Inline]) -> list[str]:
    """The event's columns that anything reads, in its order."""
    wanted = read | {plan.event.event_time.name}
    wanted |= {each.key for each in lookups if read & set(each.plan.columns.schema.names)}
    if plan.dedup_column is not None:
        wanted.add(plan.dedup_column)
    return [name for name in plan.event.arrow.names if name in wanted]


def _rows_views(source: str, read: set[str], lookups: Sequence[Inline]) -> Iterator[str]:
    """Events out of `source` with the columns that dimensions add to them."""
    adding = [(each, each.wanted(read)) for each in lookups]
    rows = "".join(f",\n  {each.row(named(each.key), names)} AS {each.name}" for each, names in adding if names)
    columns = "".join(f",\n  {each.name}.{named(name)} AS {named(name)}" for each, names in adding for name in names)
    if not rows:
        yield f"CREATE TEMPORARY VIEW {ROWS} AS SELECT *\nFROM {source}"
        return
    yield f"CREATE TEMPORARY VIEW {JOINED} AS SELECT *{rows}\nFROM {source}"
    yield f"CREATE TEMPORARY VIEW {ROWS} AS SELECT *{columns}\nFROM {JOINED}"


def _statement_set(
    plan: Plan, rollups: Sequence[RollupPlan], tables: Sequence[SinkTable], words: Words, given: Options
) -> str:
    by_name: Mapping[str, SinkTable] = {table.name: table for table in tables}
    if given.handover is not None:
        inserts = list(change_inserts(plan, given, words, [_ttl_ms(plan, each, given) for each in rollups]))
    else:
        inserts = [
            upsert_insert(plan, rollup, by_name[rollup.name], words, _ttl_ms(plan, rollup, given))
            if given.form == "upsert"
            else final_insert(rollup, by_name[rollup.name], words)
            for rollup in rollups
        ]
    for rule in rules_of(plan, given):
        ttl_ms = _ttl_ms(plan, rule.rollup, given)
        inserts.append(alert_insert(plan, rule, by_name[alert_name(rule)], words, given, ttl_ms))
    late = "\nUNION ALL\n".join(late_rows(rollup, words) for rollup in rollups)
    # one insert: two into one topic would share the names of their transactions
    inserts.append(f"INSERT INTO {named(tables[-2].name)}\n{late}")
    dead = " AND ".join(["`reason` IS NOT NULL", *counting(given)])
    header = f", {HEADER_COLUMN} AS `header`" if has_header(plan) else ""
    inserts.append(
        f"INSERT INTO {named(tables[-1].name)} SELECT\n  `topic`, `partition`, `offset`, `record_timestamp`,"
        f" `_value` AS `value`, `reason`, `field`{header}\nFROM {READ} WHERE {dead}"
    )
    body = "".join(f"{insert};\n" for insert in inserts)
    return f"EXECUTE STATEMENT SET BEGIN\n{body}END"


def _ttl_ms(plan: Plan, rollup: RollupPlan, given: Options) -> int | None:
    if given.is_bounded:
        return None
    size_ms = rollup.window.size_ms if rollup.within_ms is None else rollup.within_ms
    return size_ms + plan.out_of_orderness_ms + rollup.allowed_lateness_ms + given.state_ttl_ms


def _script(plan: Plan, statements: Sequence[str]) -> str:
    return (
        f"-- Pipeline {plan.name}: made by `tidemill flink generate`; change the pipeline file, not this one.\n"
        + "".join(f"\n{statement};\n" for statement in statements)
    )
