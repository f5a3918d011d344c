"""An answer as rows of texts, as they come: DuckDB works on while the first rows are already shown."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from query.cells import Column, Shape
from query.duck import duckdb

Row = tuple[str | None, ...]
Parameters = Sequence[object] | Mapping[str, object] | None

BATCH_ROWS = 4_096


class Texts:
    """Rows of texts in batches, to be read once and by one thread; the first batch is there already.

    `columns` are those of the answer, `batches` its rows in the shape that was asked for. True unless there is no row,
    like an Arrow table. Reading on may raise QueryError: the time limit, or files that went away meanwhile.
    """

    def __init__(self, columns: Sequence[Column], batches: Iterator[list[Row]]) -> None:
        self.columns = list(columns)
        self._batches = batches
        self._first = next(batches, [])

    def __bool__(self) -> bool:
        return bool(self._first)

    def __iter__(self) -> Iterator[list[Row]]:
        first, self._first = self._first, []
        if first:
            yield first
            yield from self._batches

    def watched(self, seen: Callable[[int], object]) -> "Texts":
        """The same, telling `seen` how many rows of each batch were read."""

        def batches() -> Iterator[list[Row]]:
            for batch in self:
                seen(len(batch))
                yield batch

        return Texts(self.columns, batches())

    def cut(self, rows: int) -> bool:
        """Leave out all after the first `rows`, fewer than a batch has; whether there is any."""
        assert rows < BATCH_ROWS
        if len(self._first) <= rows:
            return False
        self._first, self._batches = self._first[:rows], iter(())
        return True

    def rows(self) -> list[Row]:
        """All rows."""
        return [row for batch in self for row in batch]


def columns_of(relation: "duckdb.DuckDBPyRelation") -> list[Column]:
    """Names and types of a relation's columns; the relation is not run for them."""
    return [Column(name, kind) for name, kind in zip(relation.columns, relation.types, strict=True)]


def shaped_sql(relation: "duckdb.DuckDBPyRelation", shape: Shape) -> str:
    """The statement that gives a relation's rows as texts, with the relation's parameters."""
    return relation.project(_listed(shape, columns_of(relation))).sql_query()


def columns_by_description(cursor: duckdb.DuckDBPyConnection, sql: str, parameters: Parameters) -> list[Column]:
    """Names and types of a SELECT's columns, for which it is not run, as a relation of it would have them."""
    described = cursor.execute(f"DESCRIBE\n{sql}", parameters).fetchall()
    return [Column(name, cursor.sqltype(kind)) for name, kind, *_ in described]


def shaped_select(sql: str, columns: Sequence[Column], shape: Shape, limit: int | None) -> str:
    """The statement that gives at most `limit` rows of a SELECT as texts, with the SELECT's parameters."""
    most = "" if limit is None else f" LIMIT {limit}"
    # two lines before it, like those that a relation has: a mistake seen while it runs is told in the same line
    return f"SELECT {_listed(shape, columns)} FROM (\nSELECT * FROM (\n{sql}\n) AS answer{most}\n) AS answer"


def _listed(shape: Shape, columns: Sequence[Column]) -> str:
    return ", ".join(f"{sql} AS c{at}" for at, sql in enumerate(shape(columns)))
