"""From a plan to a lake that holds its tables and views: made anew, or brought up to date."""

import sqlite3
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from dataflow.errors import ForeignLake, LakeError
from dataflow.pipeline.names import EVENTS, LATE_EVENTS
from dataflow.pipeline.plan import Plan
from dataflow.pipeline.tables import TableSpec, tables_of
from dataflow.sql import quoted
from sinks.lake.catalog.arrow import lake_type
from sinks.lake.catalog.catalog import BUSY_MS, Catalog, data_path
from sinks.lake.catalog.format import FORMAT, format_of
from sinks.lake.catalog.layout import TableLayout, views
from sinks.lake.catalog.left import left
from sinks.lake.catalog.ownership import require_names
from sinks.lake.catalog.schema import SCHEMA_ID
from sinks.lake.catalog.sqlite import CATALOG_NAME, connect_readonly
from sinks.lake.catalog.types import time_text
from sinks.lake.dimensions import keep_dimensions
from sinks.lake.fault import Fault, no_fault
from sinks.lake.tables.definition import definition_of, read_definition, require_compatible, write_definition
from sinks.lake.tables.event_times import Takeover, taking_over
from sinks.lake.tables.views import kept_from, views_of


def create_lake(
    folder: Path,
    plan: Plan,
    now: datetime,
    *,
    events: bool = True,
    busy_ms: int = BUSY_MS,
    fault: Fault = no_fault,
) -> Catalog:
    """Make a lake for `plan` in an absent or empty folder, with all tables and views; ForeignLake otherwise."""
    catalog = Catalog.create(folder, now, busy_ms=busy_ms)
    try:
        keep_dimensions(catalog.folder, plan, fault)
        with catalog.transaction() as connection:
            connection.execute(
                "INSERT INTO own_pipeline VALUES (?, ?, ?, 0, NULL, ?)",
                (plan.name, plan.fingerprint, write_definition(plan), time_text(now)),
            )
            _evolve(catalog, tables_of(plan, events=events), views_of(plan), now)
    except BaseException:
        catalog.close()
        raise
    return catalog


def open_lake(
    folder: Path, plan: Plan, now: datetime, *, events: bool = True, busy_ms: int = BUSY_MS, how: Takeover | None = None
) -> Catalog:
    """Open the lake of `plan` for writing, or make it; returns an open Catalog.

    Takes an older version's lake over, follows a moved folder, keeps a copy of each dimension's file,
    adds tables, views and columns that the plan has gained. Raises ForeignLake for another
    pipeline's lake, or where another client has taken a name that the plan needs, and LakeError, naming what changed,
    when the plan cannot go on in it.
    """
    if is_blank(Path(folder)):
        fault = no_fault if how is None else how.fault
        return create_lake(folder, plan, now, events=events, busy_ms=busy_ms, fault=fault)
    catalog = Catalog.open(folder, busy_ms=busy_ms)
    try:
        # before files are written anew, and once more when nobody can change anything
        for refused in refusals(catalog, plan, events=events):
            raise refused
        keep_dimensions(catalog.folder, plan, no_fault if how is None else how.fault)
        with taking_over(catalog, replace(how or Takeover(), event_time=plan.event.event_time.name)) as take_over:
            for refused in refusals(catalog, plan, events=events):
                raise refused
            _bring_up_to_date(catalog, plan, now, take_over, events=events)
    except BaseException:
        catalog.close()
        raise
    return catalog


def _bring_up_to_date(
    catalog: Catalog, plan: Plan, now: datetime, take_over: Callable[[datetime], None], *, events: bool
) -> None:
    """Inside the transaction: the lake as this version and this plan have it."""
    connection, rows = catalog.connection, catalog.definitions()
    if not rows:
        # a crash between making the catalog and its tables
        connection.execute(
            "INSERT INTO own_pipeline VALUES (?, ?, '{}', 0, NULL, ?)",
            (plan.name, plan.fingerprint, time_text(now)),
        )
    old = read_definition(rows.get(plan.name, "{}"))
    # asks the definition that is there, which is as old as the lake
    take_over(now)
    connection.execute(
        "UPDATE own_pipeline SET fingerprint = ?, definition = ? WHERE name = ?",
        (plan.fingerprint, write_definition(plan, old), plan.name),
    )
    connection.execute(
        "UPDATE ducklake_metadata SET value = ? WHERE \"key\" = 'data_path' AND value <> ?",
        (data_path(catalog.folder), data_path(catalog.folder)),
    )
    gone = left(connection)
    wanted = {
        name: kept_from(sql, gone[name].before_ms if name in gone else None)
        for name, sql in views_of(plan, old.first_rules if old is not None else None).items()
    }
    _evolve(catalog, tables_of(plan, events=events), wanted, now)


def refusals(catalog: Catalog, plan: Plan, *, events: bool = True) -> Iterator[LakeError]:
    """All that stands against going on with `plan` in this lake; the first is what `open_lake` raises. Only looks."""
    rows = catalog.definitions()
    if rows and plan.name not in rows:
        yield ForeignLake(
            f"{catalog.folder} is the lake of pipeline {next(iter(rows))!r}, not of {plan.name!r}; "
            "name another folder, or the pipeline that filled it"
        )
        return
    specs, tables = tables_of(plan, events=events), catalog.tables()
    try:
        old = read_definition(rows.get(plan.name, "{}"))
        if old is not None:
            require_compatible(old, definition_of(plan), str(catalog.folder))
        _additions(specs if format_of(catalog.connection).number >= FORMAT else _of_older(specs, tables), tables)
    except LakeError as error:
        yield error
    present = views(catalog.connection, catalog.head().id)
    names = [name for name in (*(spec.name for spec in specs), *views_of(plan)) if name not in {*tables, *present}]
    try:
        require_names(catalog.connection, names, catalog.folder)
    except ForeignLake as error:
        yield error


def _of_older(specs: Sequence[TableSpec], tables: Mapping[str, TableLayout]) -> list[TableSpec]:
    """The specs with BIGINTs for the times that taking the lake over makes TIMESTAMPs."""
    found = []
    for spec in specs:
        table = tables.get(spec.name) if spec.name in (EVENTS, LATE_EVENTS) else None
        old = set() if table is None else {column.name for column in table.columns if column.type == "int64"}
        fields = [
            field.with_type(pa.int64()) if field.name in old and pa.types.is_timestamp(field.type) else field
            for field in spec.schema
        ]
        found.append(replace(spec, schema=pa.schema(fields)))
    return found


NewViews = Mapping[str, tuple[int | None, str]]
"""Views that get other SQL: by name the id of the present form, if there is one, and the SQL."""


def replace_views(catalog: Catalog, snapshot_id: int, views: NewViews, next_id: int) -> None:
    """Inside a transaction: end the present form of each view, and give it its SQL.

    `next_id` is the first of the catalog ids that the snapshot has taken for them.
    """
    run = catalog.connection.execute
    for view_id, (name, (former, sql)) in enumerate(views.items(), start=next_id):
        if former is not None:
            run(
                "UPDATE ducklake_view SET end_snapshot = ? WHERE view_id = ? AND end_snapshot IS NULL",
                (snapshot_id, former),
            )
        run(
            "INSERT INTO ducklake_view VALUES (?, ?, ?, NULL, ?, ?, 'duckdb', ?, '')",
            (view_id, str(uuid.uuid4()), snapshot_id, SCHEMA_ID, name, sql),
        )
        run("INSERT INTO own_object VALUES (?, ?)", (view_id, name))


def view_changes(views: NewViews) -> list[str]:
    """What a snapshot says of `replace_views`."""
    dropped = [f"dropped_view:{former}" for former, _ in views.values() if former is not None]
    return [*dropped, *(f'created_view:"main".{quoted(name)}' for name in views)]


def is_blank(folder: Path) -> bool:
    """No catalog there, or the empty database that a crash in the very first transaction leaves."""
    path = folder / CATALOG_NAME
    if not path.exists() or path.stat().st_size == 0:
        return True
    connection = connect_readonly(path, busy_ms=BUSY_MS)
    try:
        return bool(connection.execute("SELECT count(*) = 0 FROM sqlite_master").fetchone()[0])
    finally:
        connection.close()


def _evolve(catalog: Catalog, specs: Sequence[TableSpec], wanted: Mapping[str, str], now: datetime) -> None:
    tables = catalog.tables()
    changes: list[str] = []
    missing = [spec for spec in specs if spec.name not in tables]
    additions = _additions(specs, tables)
    present = views(catalog.connection, catalog.head().id)
    replaced = {name: sql for name, sql in wanted.items() if name not in present or present[name].sql != sql}
    new_names = [*(spec.name for spec in missing), *(name for name in replaced if name not in present)]
    require_names(catalog.connection, new_names, catalog.folder)
    if not (missing or additions or replaced):
        return
    new_views = {name: (present[name].id if name in present else None, sql) for name, sql in replaced.items()}
    changes += [f'created_table:"main".{quoted(spec.name)}' for spec in missing]
    changes += [f"altered_table:{table.id}" for _, table, _ in additions]
    changes += view_changes(new_views)
    next_id = catalog.head().next_catalog_id
    ids = len(missing) + len(replaced)
    snapshot_id = catalog.snapshot(now, ",".join(changes), schema=True, catalog_ids=ids, message="schema")
    version = catalog.head().schema_version
    run = catalog.connection.execute
    for table_id, spec in enumerate(missing, start=next_id):
        run(
            "INSERT INTO ducklake_table VALUES (?, ?, ?, NULL, ?, ?, ?, 1)",
            (table_id, str(uuid.uuid4()), snapshot_id, SCHEMA_ID, spec.name, f"{spec.name}/"),
        )
        run("INSERT INTO own_object VALUES (?, ?)", (table_id, spec.name))
        _add_columns(catalog.connection, table_id, list(spec.schema), snapshot_id)
        run("INSERT INTO ducklake_schema_versions VALUES (?, ?, ?)", (snapshot_id, version, table_id))
    for _, table, fields in additions:
        _add_columns(catalog.connection, table.id, fields, snapshot_id)
        run("INSERT INTO ducklake_schema_versions VALUES (?, ?, ?)", (snapshot_id, version, table.id))
    replace_views(catalog, snapshot_id, new_views, next_id + len(missing))


def _additions(
    specs: Sequence[TableSpec], tables: Mapping[str, TableLayout]
) -> list[tuple[TableSpec, TableLayout, list[pa.Field]]]:
    """The tables that are there and gain columns, with these. Raises LakeError for a column of another type."""
    grown = [(spec, tables[spec.name]) for spec in specs if spec.name in tables]
    found = [(spec, table, _new_columns(spec, table)) for spec, table in grown]
    return [entry for entry in found if entry[2]]


def _new_columns(spec: TableSpec, table: TableLayout) -> list[pa.Field]:
    added: list[pa.Field] = []
    for field in spec.schema:
        column = table.column(field.name)
        if column is None:
            added.append(field)
            continue
        element = _element(field.type) if column.element_id is not None else None
        if (column.type, column.element) != (lake_type(field.type), element):
            raise LakeError(
                f"column {field.name} of lake table {spec.name} is {column.duckdb} and the pipeline now makes it "
                f"{field.type}; give it another name, or start a new lake in another folder"
            )
    return added


def _element(type_: pa.DataType) -> str:
    assert pa.types.is_list(type_), "only a list has elements"
    return lake_type(type_.value_type)


def _add_columns(connection: sqlite3.Connection, table_id: int, fields: Sequence[pa.Field], snapshot_id: int) -> None:
    (last,) = connection.execute(
        "SELECT coalesce(max(column_id), 0) FROM ducklake_column WHERE table_id = ?", (table_id,)
    ).fetchone()
    for field in fields:
        last += 1
        kind = lake_type(field.type)
        parent = last
        row = (last, snapshot_id, table_id, last, field.name, kind, None, "" if kind == "list" else "literal")
        _add_column(connection, row)
        if kind == "list":
            last += 1
            element = _element(field.type)
            _add_column(connection, (last, snapshot_id, table_id, last, "element", element, parent, "literal"))


def _add_column(connection: sqlite3.Connection, row: tuple[object, ...]) -> None:
    connection.execute(
        "INSERT INTO ducklake_column VALUES (?, ?, NULL, ?, ?, ?, ?, NULL, 'NULL', 1, ?, ?, 'duckdb')", row
    )
