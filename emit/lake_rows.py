"""SQL over a snapshot's files for what goes out: rows that came after another snapshot, and texts of JSON."""

from collections.abc import Iterator, Mapping, Sequence

from dataflow.sql import quoted
from query.cells import Column, Style, json_object
from query.duck import duckdb
from query.reader import Bound, LakeSnapshot
from query.scan import history_sql, scan_sql
from query.texts import BATCH_ROWS, Row, columns_by_description, shaped_select
from sinks.lake.catalog.layout import DataFile

Place = Sequence[int]


def newer_files(snapshot: LakeSnapshot, table: str, after: int | None) -> list[DataFile]:
    """The files of a table that hold rows of commits after `after` (None: all)."""
    snapshot.require_readable(table)
    files = snapshot.files(table)
    if after is None:
        return files
    return [file for file in files if max(file.begin_snapshot, file.partial_max or 0) > after]


def new_rows_sql(snapshot: LakeSnapshot, table: str, after: int | None) -> str:
    """SELECT of the rows of commits after `after`, with one more column `_snapshot`."""
    told = history_sql(snapshot.tables[table], newer_files(snapshot, table, after), snapshot.id)
    return told if after is None else f"SELECT * FROM ({told}) AS told WHERE _snapshot > {after}"


def bounded_sql(snapshot: LakeSnapshot, bound: Bound | None, table: str) -> str:
    """SELECT of a table's rows from those files that can hold some inside `bound`; None is all."""
    snapshot.require_readable(table)
    files = snapshot.files(table) if bound is None else snapshot.bounded_files(bound)
    return scan_sql(snapshot.tables[table], files, snapshot.id)


def nothing_sql(snapshot: LakeSnapshot, table: str) -> str:
    """SELECT of a table's columns without a row."""
    return scan_sql(snapshot.tables[table], [], snapshot.id)


def with_tables(tables: Mapping[str, str], select: str) -> str:
    """`select` where these names stand for these SELECTs, whatever the snapshot calls so."""
    named = ", ".join(f"{quoted(name)} AS ({sql})" for name, sql in tables.items())
    return f"WITH {named}\n{select}" if named else select


def json_rows(
    cursor: duckdb.DuckDBPyConnection, sql: str, objects: Sequence[Place], plain: Place = ()
) -> Iterator[Row]:
    """Of each row a JSON object of the columns at each place of `objects`, then those of `plain` as texts.

    Numbers keep every digit and times say Z, as the HTTP API has them.
    """

    def shape(columns: Sequence[Column]) -> list[str]:
        texts = [json_object(columns, places, Style()) for places in objects]
        return [*texts, *(f"#{at + 1}::VARCHAR" for at in plain)]

    cursor.execute(shaped_select(sql, columns_by_description(cursor, sql, None), shape, None))
    while rows := cursor.fetchmany(BATCH_ROWS):
        yield from rows


def typed_rows(
    cursor: duckdb.DuckDBPyConnection, sql: str, key: Place, values: Place
) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Of each row a JSON object of the columns at `key`, and what those at `values` hold; times are ms since 1970."""

    def shape(columns: Sequence[Column]) -> list[str]:
        held = [f"epoch_ms(#{at + 1})" if columns[at].kind.id == "timestamp" else f"#{at + 1}" for at in values]
        return [json_object(columns, key, Style()), *held]

    cursor.execute(shaped_select(sql, columns_by_description(cursor, sql, None), shape, None))
    while rows := cursor.fetchmany(BATCH_ROWS):
        for row in rows:
            yield row[0], row[1:]
