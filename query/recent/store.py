"""Tables in DuckDB's memory: made by one thread at a time, read by any, dropped when nobody holds them any more."""

import itertools
import weakref
from collections import deque

from dataflow.sql import quoted
from query.duck import duckdb
from query.engine import Engine
from sinks.lake.names import SCHEMA_FOLDER

PLACE = "_tidemill_recent"
"""The database that the tables are in. A question that says this word is asked of the files."""


class Table:
    """A table that is there for as long as somebody holds this object. `rows` is what it had when it was made.

    `used_s`: when a question last read it, of a monotonic clock.
    """

    def __init__(self, name: str, rows: int, left: "deque[str]") -> None:
        self.name = name
        self.rows = rows
        self.used_s = 0.0
        weakref.finalize(self, left.append, name).atexit = False

    @property
    def sql(self) -> str:
        """Its name in SQL."""
        return f"{PLACE}.main.{quoted(self.name)}"


class Store:
    """Makes tables in the instance of `engine`, by a cursor of its own. For one thread at a time."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._left: deque[str] = deque()
        self._numbers = itertools.count(1)
        self._cursor: duckdb.DuckDBPyConnection | None = None

    @property
    def cursor(self) -> duckdb.DuckDBPyConnection:
        """The cursor that makes tables; opened at the first call."""
        if self._cursor is None:
            self._cursor = self.engine.instance(frozenset((SCHEMA_FOLDER,))).connection.cursor()
            self._cursor.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {PLACE}")
        return self._cursor

    def close(self) -> None:
        """Let go of the instance: what is made next is made in the engine's next one."""
        self._cursor = None
        self._left.clear()

    def table(self, select: str) -> Table:
        """A new table of what `select` gives."""
        name = f"t{next(self._numbers)}"
        ((rows,),) = self.cursor.execute(f"CREATE TABLE {PLACE}.main.{name} AS {select}").fetchall()
        return Table(name, rows, self._left)

    def add(self, table: Table, select: str) -> int:
        """Append what `select` gives; how many rows. Readers that began before do not see them."""
        ((rows,),) = self.cursor.execute(f"INSERT INTO {table.sql} {select}").fetchall()
        return int(rows)

    def sweep(self) -> None:
        """Drop the tables that nobody holds any more."""
        while self._left:
            self.cursor.execute(f"DROP TABLE IF EXISTS {PLACE}.main.{self._left.popleft()}")

    def size_bytes(self) -> int:
        """What all tables of the instance take."""
        told = "SELECT memory_usage_bytes FROM duckdb_memory() WHERE tag = 'IN_MEMORY_TABLE'"
        return int(self.cursor.execute(told).fetchall()[0][0])
