"""One snapshot of a lake as something to ask: its tables and views under their names, its answers as Arrow tables."""

import re
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TypeVar

import duckdb
import pyarrow as pa

from dataflow.errors import QueryError
from dataflow.pipeline.names import LEDGER
from dataflow.sql import quoted
from query.ends import Ends, LedgerEnds, relation
from query.engine import Engine
from query.guard import TimeLimit, interruptible, message_of, require_select
from query.moment import comparable
from query.others import HELD, data_folders, make_others, named_in, reason, unreadable_sql
from query.resolve import Resolved, Resolver
from query.scan import history_sql, scan_sql
from query.shared_work import SharedWork
from query.unsigned import exact_table
from sinks.lake.catalog.layout import DataFile, TableLayout, ViewLayout
from sinks.lake.tables.views import with_ledger

_T = TypeVar("_T")

_SYSTEM = re.compile(
    r"\b(show|information_schema|duckdb_\w+|pragma\w*|sqlite_master|query|query_table)\b", re.IGNORECASE
)
_QUALIFIED = re.compile(r'\bmain"?\s*\.', re.IGNORECASE)
_VANISHED = re.compile(r"No files found that match|No such file|Could not open|Cannot open file", re.IGNORECASE)
_MOVES = 10
"""A query whose files a compaction removed again and again, each time while it was asked, fails after so many."""


@dataclass(frozen=True, slots=True)
class Bound:
    """Read only those files of `table` whose `column` can hold a value in [at_least, below).

    `column` is a TIMESTAMP or an integer; datetimes are UTC. Files without statistics are always read,
    so rows outside of the range may come back: the query still has to filter.
    """

    table: str
    column: str
    at_least: datetime | int | None = None
    below: datetime | int | None = None


@dataclass(frozen=True, slots=True)
class Means:
    """What the snapshots of one reader share."""

    engine: Engine
    resolver: Resolver
    ends: LedgerEnds = field(default_factory=LedgerEnds)
    moves: SharedWork = field(default_factory=SharedWork)


class LakeSnapshot:
    """One snapshot of a lake: what it returns never changes, whatever is committed or compacted meanwhile.

    For any number of threads; each question works on a cursor of its own.
    """

    def __init__(self, means: Means, resolved: Resolved, *, whole: bool = True) -> None:
        self.resolved = resolved
        self._means = means
        self._whole = whole
        self._namespace = means.engine.namespace(data_folders(resolved.others.values()))
        self._moved: LakeSnapshot | None = None
        """The same snapshot with its files looked up anew, since a compaction removed those known here."""

    @property
    def id(self) -> int:
        """The catalog's snapshot id."""
        return self.resolved.snapshot.id

    @property
    def time(self) -> datetime:
        """When the snapshot was committed, aware, UTC."""
        return self.resolved.snapshot.time

    @property
    def tables(self) -> Mapping[str, TableLayout]:
        """Tables with their columns at this snapshot, by name."""
        return self.resolved.tables

    @property
    def views(self) -> Mapping[str, ViewLayout]:
        """Views at this snapshot, by name."""
        return self.resolved.views

    def names(self) -> list[str]:
        """All tables and views, sorted."""
        return sorted([*self.tables, *self.views])

    def files(self, table: str) -> list[DataFile]:
        """The live files of `table`, in row order."""
        return self.resolved.files[table]

    def ends(self) -> Ends:
        """Where each source partition of the ledger stands; cheap when asked again at later snapshots."""
        return self._again_if_moved(LakeSnapshot._read_ends)

    def connection(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection of the caller's own in which every table and view has its name.

        For one thread. It keeps the snapshot alive. Files that a compaction removes after its grace are not
        looked up again here; `query` does that.
        """
        return self._again_if_moved(LakeSnapshot._connect)

    def query(
        self,
        sql: str,
        *,
        parameters: Sequence[object] | Mapping[str, object] | None = None,
        timeout_s: float | None = None,
        bounds: Sequence[Bound] = (),
        histories: Sequence[str] = (),
    ) -> pa.Table:
        """Answer one SELECT as an Arrow table; TIMESTAMP columns are UTC without zone, UHUGEINT is decimal256(39, 0).

        `bounds` leaves out files by their statistics. With `histories` only these tables are there, each as
        `<table>_history` with a column `_snapshot`: the snapshot that added the row.
        Raises QueryError: not a SELECT, DuckDB's own message, or the time limit; SnapshotExpired if compaction has
        removed files of this snapshot because it is not kept any more.
        """
        question = _Question(sql, parameters, bounds, histories)
        return self._again_if_moved(lambda place: place._ask(question, timeout_s))

    def with_files(self, files: Mapping[str, list[DataFile]]) -> "LakeSnapshot":
        """The same snapshot as if its tables had these files only; `bounds` would look at all files again."""
        return LakeSnapshot(self._means, replace(self.resolved, files=files), whole=False)

    def bounded_files(self, bound: Bound) -> list[DataFile]:
        """The files of a table that can hold rows inside `bound`."""
        files = self._means.resolver.files_with_bounds(self.resolved, self.tables[bound.table], bound.column)
        at_least, below = comparable(bound.at_least), comparable(bound.below)
        kept = []
        for file in files:
            known = file.bounds.get(bound.column)
            low, high = (None, None) if known is None else (known.low, known.high)
            too_low = at_least is not None and high is not None and high < at_least  # type: ignore[operator]  # both are of the column's type
            too_high = below is not None and low is not None and low >= below  # type: ignore[operator]  # both are of the column's type
            if not too_low and not too_high:
                kept.append(file)
        return kept

    def _again_if_moved(self, work: Callable[["LakeSnapshot"], _T]) -> _T:
        """Do `work` where the files lie; again with the files looked up anew if a compaction has removed those."""
        for _ in range(_MOVES):
            place = self
            while place._moved is not None:
                place = place._moved
            try:
                return work(place)
            except duckdb.IOException as error:
                if not _VANISHED.search(str(error)):
                    raise QueryError(message_of(error)) from error
                if not self._whole:
                    raise QueryError(f"{message_of(error)}\nA compaction may have removed it: ask again") from error
                problem = error
            self._moved = self._means.moves.do(place, partial(place._look_up_anew, problem))
        raise QueryError(message_of(problem)) from problem

    def _look_up_anew(self, problem: duckdb.IOException) -> "LakeSnapshot":
        if self._moved is None:
            resolved = self._means.resolver.resolve_again(self.resolved)
            if (resolved.files, resolved.others) == (self.resolved.files, self.resolved.others):
                # the catalog still names the file: it is lost
                raise QueryError(message_of(problem)) from problem
            self._moved = LakeSnapshot(self._means, resolved)
        return self._moved

    def _connect(self) -> duckdb.DuckDBPyConnection:
        cursor = self._namespace.cursor()
        self._make(cursor, set(self.names()), named=False)
        self._make_others(cursor, set(self.resolved.others))
        weakref.finalize(cursor, _keep, self).atexit = False
        return cursor

    def _read_ends(self) -> Ends:
        self._require_readable(LEDGER)
        cursor = self._namespace.cursor()
        try:
            return self._means.ends.at(self.resolved, cursor)
        finally:
            cursor.close()

    def _ask(self, question: "_Question", timeout_s: float | None) -> pa.Table:
        cursor = self._namespace.cursor()
        try:
            with TimeLimit(cursor, timeout_s) as limit:
                try:
                    return self._answer(cursor, question)
                except duckdb.InterruptException as error:
                    raise QueryError(limit.told()) from error
        except duckdb.IOException:
            raise
        except duckdb.CatalogException as error:
            known = f"\nThe lake holds: {', '.join(self.names())}" if "does not exist" in str(error) else ""
            raise QueryError(message_of(error) + known) from error
        except duckdb.Error as error:
            raise QueryError(message_of(error)) from error
        finally:
            cursor.close()

    def _answer(self, cursor: duckdb.DuckDBPyConnection, question: "_Question") -> pa.Table:
        require_select(cursor, question.sql)
        needed, named = self._needed(question.sql) if not question.histories else (set(), True)
        bounded = {bound.table for bound in question.bounds}
        # Views over a bounded table are made anew beside it, so that its other files are not even looked at.
        beside = bool(bounded) and not _QUALIFIED.search(question.sql)
        self._make(cursor, needed - bounded - self.views.keys() if beside else needed, named=named)
        others = self.resolved.others
        self._make_others(cursor, named_in(question.sql, others) if named else set(others))
        for bound in question.bounds:
            # A temporary name comes before the namespace's own, inside the lake's views too.
            scan = scan_sql(self.tables[bound.table], self.bounded_files(bound), self.id)
            cursor.execute(f"CREATE TEMP VIEW {quoted(bound.table)} AS {scan}")
        if bounded:
            self._make_views(
                cursor,
                needed & self.views.keys(),
                lambda name, sql: cursor.execute(f"CREATE TEMP VIEW {quoted(name)} AS {sql}"),
            )
        for name in question.histories:
            self._require_readable(name)
            history = history_sql(self.tables[name], self.files(name), self.id)
            cursor.execute(f"CREATE TEMP VIEW {quoted(name + '_history')} AS {history}")

        def answer() -> pa.Table:
            relation = cursor.sql(question.sql, params=question.parameters)
            return exact_table(relation)

        return interruptible(cursor, answer)

    def _needed(self, sql: str) -> tuple[set[str], bool]:
        """Names of tables and views that `sql` may touch; a word of its text is enough, views are followed.

        False with all names, where it names none or asks about all.
        """
        everything = set(self.names())
        if _SYSTEM.search(sql):
            return everything, False
        by_lower = {name.lower(): name for name in everything}
        found: set[str] = set()
        followed: set[str] = set()
        texts = [(sql, False)]
        while texts:
            text_of, of_our_view = texts.pop()
            for key in named_in(text_of, self.resolved.others):
                texts += [(self.resolved.others[key].sql, False)] if key not in followed else []
                followed.add(key)
            words = set(re.findall(r"\w+", text_of.lower()))
            if of_our_view and self._exchanges_ledger:
                # it asks the ledger for nothing but where partitions stand, and that is told without it
                words.discard(LEDGER)
            for name in map(by_lower.get, words):
                if name is not None and name not in found:
                    found.add(name)
                    texts += [(self.views[name].sql, True)] if name in self.views else []
        return (found, True) if found or followed else (everything, False)

    def _make(self, cursor: duckdb.DuckDBPyConnection, names: AbstractSet[str], *, named: bool = True) -> None:
        """Make what is missing. What cannot be read raises QueryError where it is `named`, else only when asked."""
        missing = {name for name in names if not self._namespace.has(name)}
        for name in sorted(missing & self.tables.keys()):
            if not named and name in self.resolved.foreign:
                self._make_unreadable(cursor, name, f"rows of it were deleted or lie inside the catalog, {HELD}")
                continue
            self._require_readable(name)
            self._namespace.make(cursor, name, partial(self._scan, name))
        views = missing & self.views.keys()
        try:
            self._make_views(cursor, views, partial(self._make_view, cursor))
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
                self._make_views(cursor, {name}, partial(self._make_view, cursor))
            except (QueryError, duckdb.Error) as problem:
                self._make_unreadable(cursor, name, reason(problem))

    def _make_unreadable(self, cursor: duckdb.DuckDBPyConnection, name: str, why: str) -> None:
        # for this cursor alone: who names it gets the error itself
        cursor.execute(f"CREATE TEMP VIEW {quoted(name)} AS {unreadable_sql(name, why)}")

    def _make_others(self, cursor: duckdb.DuckDBPyConnection, keys: AbstractSet[str]) -> None:
        others = self.resolved.others
        missing = {key: others[key] for key in sorted(keys)}
        missing = {key: each for key, each in missing.items() if not self._namespace.has(each.name, each.schema)}
        if missing:
            make_others(cursor, self._namespace, missing, self.id)

    def _scan(self, name: str) -> str:
        return scan_sql(self.tables[name], self.files(name), self.id)

    def _make_views(
        self, cursor: duckdb.DuckDBPyConnection, names: Iterable[str], make: Callable[[str, str], object]
    ) -> None:
        views = sorted(names)
        ends = ""
        if views and self._exchanges_ledger:
            self._require_readable(LEDGER)
            ends = relation(self._means.ends.at(self.resolved, cursor))
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
        sql = self.views[name].sql
        return with_ledger(sql, ends) if self._exchanges_ledger else sql

    @property
    def _exchanges_ledger(self) -> bool:
        return self._whole and LEDGER in self.tables

    def _require_readable(self, name: str) -> None:
        if name in self.resolved.foreign:
            raise QueryError(
                f"another DuckLake client deleted rows of table {name} or keeps rows of it inside the catalog, {HELD}"
            )


@dataclass(frozen=True, slots=True)
class _Question:
    sql: str
    parameters: Sequence[object] | Mapping[str, object] | None
    bounds: Sequence[Bound]
    histories: Sequence[str]


def _keep(_: object) -> None:
    """Hold a snapshot until the connection made from it is gone."""
