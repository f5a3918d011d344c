"""A report's SQL before it is asked: one reading statement, its placeholders, and where in the file a mistake is."""

import re
from collections.abc import Callable, Iterator

from dataflow.errors import QueryError
from query.duck import duckdb
from query.guard import require_select

_LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)
_QUOTED = re.compile(r'"([^"]+)"|with name (\w+)')

Parser = Callable[[], duckdb.DuckDBPyConnection]
"""Gives a connection that the caller closes; parsing needs no data, so any will do."""

_NAMED = "the query holds a parameter without a name (? or $1); declare it in the header and write $name"


def own_parser() -> duckdb.DuckDBPyConnection:
    """A DuckDB for parsing alone, where no lake is open. As slow as Python's own start; a cursor costs nothing."""
    return duckdb.connect(":memory:", config={"threads": 1})


def placeholders(sql: str, parser: Parser = own_parser) -> frozenset[str]:
    """The names of $placeholders. Raises QueryError unless `sql` is one statement that only reads."""
    with parser() as connection:
        try:
            require_select(connection, sql)
        except QueryError as error:
            if "named and positional parameters" in str(error):
                raise QueryError(_NAMED) from error
            raise
        names = frozenset(connection.extract_statements(sql)[0].named_parameters)
    if any(name.isdecimal() for name in names):
        raise QueryError(_NAMED)
    return names


def told_by_engine(error: QueryError) -> bool:
    """Whether the SQL itself is to blame: it cannot be parsed, or names what is not there."""
    cause = error.__cause__
    return isinstance(cause, duckdb.ParserException | duckdb.BinderException | duckdb.CatalogException)


def one_line(message: str) -> str:
    """A message of the engine without the excerpt of the SQL."""
    return " ".join(line.strip() for line in message.partition("\nLINE ")[0].splitlines())


def line_of_mistake(message: str, sql: str) -> int:
    """The line, from 1, that a message of the engine is about; the statement's first if it does not say."""
    if match := _LINE.search(message):
        return int(match[1])
    lines = list(statement_lines(sql))
    for names in _QUOTED.findall(message):
        name = next(filter(None, names))
        for number, line in lines:
            if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", line, re.IGNORECASE):
                return number
    return lines[0][0] if lines else 1


def line_of_placeholder(name: str, sql: str) -> int:
    """The line, from 1, where `$name` stands first."""
    found = (number for number, line in statement_lines(sql) if re.search(rf"\${re.escape(name)}(?!\w)", line))
    return next(found, 1)


def statement_lines(sql: str) -> Iterator[tuple[int, str]]:
    """The lines that are no comment and not empty, counted from 1."""
    for number, line in enumerate(sql.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("--"):
            yield number, line
