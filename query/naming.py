"""Names of a snapshot inside DuckDB: which of them a question means, and the views that stand behind them."""

import re
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from functools import partial
from types import MappingProxyType

from dataflow.errors import QueryError
from dataflow.pipeline.names import LEDGER
from dataflow.sql import quoted
from query.duck import duckdb
from query.ends import LedgerEnds, relation
from query.engine import Namespace
from query.guard import message_of
from query.others import HELD, make_others, named_in, reason, unreadable_sql
from query.resolve import Resolved
from query.scan import scan_sql
from sinks.lake.tables.views import with_ledger

SYSTEM = re.compile(
    r"\b(show|information_schema|duckdb_\w+|pragma\w*|sqlite_master|query|query_table)\b", re.IGNORECASE
)
"""A text with one of these asks about all names."""


class Naming:
    """Makes tables and views of one snapshot in its namespace, each when it is first meant.

    `whole`: all files are there, so that the ledger's ends may stand for the ledger in views. `instead`: SQL by view
    that gives the same rows as the view's own, without the ledger.
    For any number of threads, each with a cursor of its own.
    """

    def __init__(
        self,
        resolved: Resolved,
        namespace: Namespace,
        ends: LedgerEnds,
        *,
        whole: bool,
        instead: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._resolved = resolved
        self._instead = instead
        self._sql = {name: instead.get(name, view.sql) for name, view in resolved.views.items()}
        self._tables, self._views = resolved.tables, resolved.views
        self._namespace = namespace
        self._ends = ends
        self._whole = whole

    def needed(self, sql: str) -> tuple[set[str], bool]:
        """Names of tables and views that `sql` may touch; a word of its text is enough, views are followed.

        False with all names, where it names none or asks about all.
        """
        everything = {*self._tables, *self._views}
        if SYSTEM.search(sql):
            return everything, False
        by_lower = {name.lower(): name for name in everything}
        found: set[str] = set()
        followed: set[str] = set()
        texts = [(sql, False)]
        while texts:
            text_of, of_our_view = texts.pop()
            for key in named_in(text_of, self._resolved.others):
                texts += [(self._resolved.others[key].sql, False)] if key not in followed else []
                followed.add(key)
            words = set(re.findall(r"\w+", text_of.lower()))
            if of_our_view and self._exchanges_ledger:
                # it asks the ledger for nothing but where partitions stand, and that is told without it
                words.discard(LEDGER)
            for name in map(by_lower.get, words):
                if name is not None and name not in found:
                    found.add(name)
                    texts += [(self._sql[name], True)] if name in self._views else []
        return (found, True) if found or followed else (everything, False)

    def make(self, cursor: duckdb.DuckDBPyConnection, names: AbstractSet[str], *, named: bool = True) -> None:
        """Make what is missing. What cannot be read raises QueryError where it is `named`, else only when asked."""
        missing = {name for name in names if not self._namespace.has(name)}
        for name in sorted(missing & self._tables.keys()):
            if not named and name in self._resolved.foreign:
                self._make_unreadable(cursor, name, f"rows of it were deleted or lie inside the catalog, {HELD}")
                continue
            self.require_readable(name)
            self._namespace.make(cursor, name, partial(self._scan, name))
        views = missing & self._views.keys()
        try:
            self.make_views(cursor, views, partial(self._make_view, cursor))
        except duckdb.IOException:
            raise
        except (QueryError, duckdb.Error):
            if named:
                raise
            self._make_each(cursor, views)

    def _make_view(self, cursor: duckdb.DuckDBPyConnection, name: str, sql: str) -> None:
        self._namespace.make(cursor, name, lambda: sql)

    def _make_each(self, cursor: duckdb.DuckDBPyConnection, views: AbstractSet[str]) -> None:
        """Make those views that can be made, and of the others ones that say why not."""
        for name in sorted(views):
            try:
                self.make_views(cursor, {name}, partial(self._make_view, cursor))
            except (QueryError, duckdb.Error) as problem:
                self._make_unreadable(cursor, name, reason(problem))

    def _make_unreadable(self, cursor: duckdb.DuckDBPyConnection, name: str, why: str) -> None:
        # for this cursor alone: who names it gets the error itself
        cursor.execute(f"CREATE TEMP VIEW {quoted(name)} AS {unreadable_sql(name, why)}")

    def make_others(self, cursor: duckdb.DuckDBPyConnection, keys: AbstractSet[str]) -> None:
        """Make what other clients put into the lake."""
        others = self._resolved.others
        missing = {key: others[key] for key in sorted(keys)}
        missing = {key: each for key, each in missing.items() if not self._namespace.has(each.name, each.schema)}
        if missing:
            make_others(cursor, self._namespace, missing, self._resolved.snapshot.id)

    def _scan(self, name: str) -> str:
        return scan_sql(self._tables[name], self._resolved.files[name], self._resolved.snapshot.id)

    def make_views(
        self, cursor: duckdb.DuckDBPyConnection, names: Iterable[str], make: Callable[[str, str], object]
    ) -> None:
        """Call `make(name, sql)` for these views of ours, one after those that it stands on."""
        views = sorted(names)
        ends = ""
        if self._exchanges_ledger and any(name not in self._instead for name in views):
            self.require_readable(LEDGER)
            ends = relation(self._ends.at(self._resolved, cursor))
        while views:
            waiting: list[str] = []
            for name in views:
                try:
                    make(name, self._view_sql(name, ends))
                except duckdb.CatalogException as error:
                    # A view may stand on another view that is not there yet.
                    waiting.append(name)
                    problem = error
            if waiting == views:
                raise QueryError(f"the lake's view {waiting[0]} cannot be used: {message_of(problem)}")
            views = waiting

    def _view_sql(self, name: str, ends: str) -> str:
        """The view's SQL, with the ledger's ends in place of the ledger unless files were left out."""
        sql = self._sql[name]
        return with_ledger(sql, ends) if self._exchanges_ledger and name not in self._instead else sql

    @property
    def _exchanges_ledger(self) -> bool:
        return self._whole and LEDGER in self._tables

    def require_readable(self, name: str) -> None:
        """Raise QueryError for a table of ours that another client changed in a way that is not read here."""
        if name in self._resolved.foreign:
            raise QueryError(
                f"another DuckLake client deleted rows of table {name} or keeps rows of it inside the catalog, {HELD}"
            )
