"""An Arrow table as rows in the form in which they will be sent."""

from typing import TYPE_CHECKING

import duckdb  # noqa: F401  # gives cursors their relations

from query.cells import Style, cells, csv_lines
from query.reader import LakeReader
from query.texts import BATCH_ROWS, columns_of, shaped_sql
from serve.ask.rows import ARROW, LINES, Named, Rows, values_of

if TYPE_CHECKING:
    import pyarrow as pa


def rows_of(table: "pa.Table", way: str, reader: LakeReader, zone: str | None = None) -> Rows:
    """The rows of `table`, made into texts by the reader's own engine, which sees nothing else for it."""
    if way == ARROW:
        named = [Named(field.name, str(field.type)) for field in table.schema]
        return Rows(named, table.num_rows, table=table)
    with reader.parser() as connection:
        relation = connection.from_arrow(table)
        columns = columns_of(relation)
        make, style = csv_lines if way == LINES else cells, Style(zone=zone)
        found = []
        if table.num_rows:
            result = connection.execute(shaped_sql(relation, lambda those: make(those, style)))
            while rows := result.fetchmany(BATCH_ROWS):
                found += rows
    named = [Named(column.name, str(column.kind)) for column in columns]
    if way == LINES:
        return Rows(named, len(found), lines=[row[0] or "" for row in found])
    return Rows(named, len(found), values=values_of(columns, found))
