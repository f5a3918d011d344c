"""A question as it was asked: its text, parameters and bounds, and what is asked of the engine for it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from query.cells import Column, Shape
from query.duck import duckdb
from query.guard import interruptible
from query.texts import Row, columns_by_description, columns_of, shaped_select, shaped_sql

if TYPE_CHECKING:
    import pyarrow as pa


class Bound(NamedTuple):
    """Read only those files of `table` whose `column` can hold a value in [at_least, below).

    `column` is a TIMESTAMP or an integer; datetimes are UTC. Files without statistics are always read,
    so rows outside of the range may come back: the query still has to filter.
    """

    table: str
    column: str
    at_least: datetime | int | None = None
    below: datetime | int | None = None


class Question(NamedTuple):
    """One SELECT, its parameters, at most `limit` rows of it; files that `bounds` leave out, tables with histories."""

    sql: str
    parameters: Sequence[object] | Mapping[str, object] | None
    limit: int | None
    bounds: Sequence[Bound]
    histories: Sequence[str]

    def relation(self, cursor: duckdb.DuckDBPyConnection) -> "duckdb.DuckDBPyRelation":
        """The question, not run yet. Raises DuckDB's errors."""
        import duckdb  # noqa: F401  # gives cursors their relations

        whole = cursor.sql(self.sql, params=self.parameters)
        return whole if self.limit is None else whole.limit(self.limit)

    def text(self, cursor: duckdb.DuckDBPyConnection, shape: Shape, *, bracketed: bool) -> "Text":
        """What is asked instead for rows of texts: without a relation if the question may stand in brackets."""
        if bracketed:
            try:
                columns = interruptible(cursor, lambda: columns_by_description(cursor, self.sql, self.parameters))
                # where rows are left out, a relation numbers columns of one name
                if self.limit is None or len({column.name.lower() for column in columns}) == len(columns):
                    return Text(columns, shaped_select(self.sql, columns, shape, self.limit))
            except duckdb.InterruptException:
                raise
            except duckdb.Error:
                # the relation's message shows the question as it was asked
                pass
        relation = interruptible(cursor, lambda: self.relation(cursor))
        return Text(columns_of(relation), shaped_sql(relation, shape), relation)


class Text(NamedTuple):
    """The statement that gives rows of texts, and the columns of the question; `relation` is held while it runs."""

    columns: Sequence[Column]
    statement: str
    relation: object = None


class Step(NamedTuple):
    """Some rows of an answer, as texts."""

    columns: Sequence[Column]
    rows: list[Row]


def first_asked(tables: Iterator["pa.Table"]) -> Iterator["pa.Table"]:
    """The same, the first one read already."""
    first = next(tables)
    return chain([first], tables)
