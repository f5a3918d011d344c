"""The read side of a lake: a snapshot resolved to files, its tables and views in an in-memory DuckDB."""

import re
import threading
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from dataflow.errors import QueryError
from dataflow.tables import LEDGER
from query.ends import Ends, LedgerEnds, relation
from query.guard import INTERRUPT_S, interruptible, message_of, require_select
from query.moment import AsOf, comparable, parse_as_of
from query.others import HELD, data_folders, make_others, named_in, reason, unreadable_sql
from query.resolve import Resolved, Resolver
from query.scan import history_sql, quoted, scan_sql, text
from sinks.layout import DataFile, TableLayout, ViewLayout
from sinks.views import with_ledger

_T = TypeVar("_T")

_SCHEMAS_PER_DATABASE = 5_000
_SYSTEM = re.compile(
    r"\b(show|information_schema|duckdb_\w+|pragma\w*|sqlite_master|query|query_table)\b", re.IGNORECASE
)
_VANISHED = re.compile(r"No files found that match|No such file|Could not open|Cannot open file", re.IGNORECASE)


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


class LakeReader:
    """Reads the lake in `lake_dir`: any number of readers, threads and processes, while a writer commits.

    Holds one DuckDB instance without access to any file but the lake's, configuration locked, and a read-only
    handle on the catalog. Raises LakeMissing or ForeignLake at the first use.
    """

    def __init__(self, lake_dir: str | Path, *, threads: int | None = None) -> None:
        self.resolver = Resolver(lake_dir)
        self.lake_dir = self.resolver.folder
        self._threads = threads
        self._lock = threading.RLock()
        self._base: duckdb.DuckDBPyConnection | None = None
        self._schemas = 0
        self._folders: frozenset[str] = frozenset()
        self._dropped: deque[tuple[int, str]] = deque()
        self._latest: LakeSnapshot | None = None
        self._ends = LedgerEnds()

    def __enter__(self) -> "LakeReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the catalog handle and the DuckDB instance; snapshots still held keep theirs."""
        with self._lock:
            self._latest = None
            self.resolver.close()
            self._base = None

    def snapshot(self, as_of: AsOf = None) -> "LakeSnapshot":
        """The newest snapshot, or the one `as_of` names: an id, a time (naive = UTC), or either as text.

        Asking again while nothing was committed returns the same object. Raises QueryError if there is none.
        """
        moment = parse_as_of(as_of)
        with self._lock:
            found = self.resolver.find(moment)
            if self._latest is not None and self._latest.resolved.snapshot == found:
                return self._latest
            snapshot = LakeSnapshot(self, self.resolver.resolve(found))
            if moment is None:
                self._latest = snapshot
            return snapshot

    def query(
        self, sql: str, *, as_of: AsOf = None, parameters: Any = None, timeout_s: float | None = None
    ) -> pa.Table:
        """Answer one SELECT at a snapshot; see LakeSnapshot.query."""
        return self.snapshot(as_of).query(sql, parameters=parameters, timeout_s=timeout_s)

    def _open_schema(self, folders: AbstractSet[str]) -> tuple[duckdb.DuckDBPyConnection, str]:
        """A cursor whose current database is new and its own, in the shared instance (whose file cache stays warm).

        `folders` are those of the lake that hold data files.
        """
        with self._lock:
            if self._base is None or self._schemas % _SCHEMAS_PER_DATABASE == 0 or not folders <= self._folders:
                self._folders |= folders
                self._base = self._open_database()
            base = self._base
            while self._dropped:
                owner, old = self._dropped.popleft()
                if owner == id(base):
                    base.execute(f'DETACH DATABASE IF EXISTS "{old}"')
            self._schemas += 1
            name = f"lake{self._schemas}"
            base.execute(f"ATTACH ':memory:' AS \"{name}\"")
            cursor = base.cursor()
            cursor.execute(f'USE "{name}"')
            return cursor, name

    def _open_database(self) -> duckdb.DuckDBPyConnection:
        base = duckdb.connect(":memory:", config={} if self._threads is None else {"threads": self._threads})
        # Only data files: the catalog beside them stays out of reach of SQL.
        folders = ", ".join(text(f"{self.lake_dir}/{folder}") for folder in sorted(self._folders))
        base.execute(f"SET allowed_directories = [{folders}]")
        base.execute("SET enable_external_access = false")
        base.execute("SET python_enable_replacements = false")
        base.execute("SET lock_configuration = true")
        return base

    def _ends_at(self, snapshot: "LakeSnapshot", cursor: duckdb.DuckDBPyConnection) -> Ends:
        with self._lock:
            return self._ends.at(self.resolver.identity, snapshot.resolved, cursor)

    def _forget_schema(self, owner: int, name: str) -> None:
        self._dropped.append((owner, name))


class LakeSnapshot:
    """One snapshot of a lake: what it returns never changes, whatever is committed or compacted meanwhile."""

    def __init__(self, reader: LakeReader, resolved: Resolved, *, whole: bool = True) -> None:
        self._reader = reader
        self.resolved = resolved
        self._whole = whole
        self._lock = threading.RLock()
        self._open()

    def _open(self) -> None:
        folders = data_folders(self.resolved.others.values())
        self._cursor, self._schema = self._reader._open_schema(folders)
        self._made: set[str] = set()
        weakref.finalize(self, self._reader._forget_schema, id(self._reader._base), self._schema).atexit = False

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
        return self._again_if_moved(self._read_ends)

    def connection(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection of the caller's own in which every table and view has its name.

        For one thread. It keeps the snapshot alive. Files that a compaction removes after its grace are not
        looked up again here; `query` does that.
        """
        with self._lock:
            self._make(set(self.names()), named=False)
            self._make_others(set(self.resolved.others))
            cursor = self._connect()
        weakref.finalize(cursor, _keep, self).atexit = False
        return cursor

    def query(
        self,
        sql: str,
        *,
        parameters: Sequence[object] | Mapping[str, object] | None = None,
        timeout_s: float | None = None,
        bounds: Sequence[Bound] = (),
        histories: Sequence[str] = (),
    ) -> pa.Table:
        """Answer one SELECT as an Arrow table; TIMESTAMP columns are UTC without zone.

        `bounds` leaves out files by their statistics. With `histories` only these tables are there, each as
        `<table>_history` with a column `_snapshot`: the snapshot that added the row.
        Raises QueryError: not a SELECT, DuckDB's own message, or the time limit.
        """
        return self._again_if_moved(lambda: self._run(sql, parameters, timeout_s, bounds, histories))

    def _again_if_moved(self, work: Callable[[], _T]) -> _T:
        """Do `work`; once more with the files looked up anew if a compaction has removed those known."""
        try:
            return work()
        except duckdb.IOException as error:
            if not _VANISHED.search(str(error)):
                raise QueryError(message_of(error)) from error
        with self._reader._lock, self._lock:
            self.resolved = self._reader.resolver.resolve(self.resolved.snapshot)
            # The old schema stays until this snapshot goes: other threads may be reading in it.
            self._open()
        try:
            return work()
        except duckdb.Error as error:
            raise QueryError(message_of(error)) from error

    def _read_ends(self) -> Ends:
        self._require_readable(LEDGER)
        with self._lock:
            cursor = self._connect()
        try:
            return self._reader._ends_at(self, cursor)
        finally:
            cursor.close()

    def _run(
        self,
        sql: str,
        parameters: Sequence[object] | Mapping[str, object] | None,
        timeout_s: float | None,
        bounds: Sequence[Bound],
        histories: Sequence[str],
    ) -> pa.Table:
        with self._lock:
            cursor = self._connect()
        late, ended = threading.Event(), threading.Event()

        def stop() -> None:
            late.set()
            while not ended.wait(INTERRUPT_S):
                cursor.interrupt()

        def answer() -> pa.Table:
            return cursor.sql(sql, params=parameters).to_arrow_table()

        timer = None if timeout_s is None else threading.Timer(timeout_s, stop)
        try:
            require_select(cursor, sql)
            needed, named = self._needed(sql) if not histories else (set(), True)
            bounded = {bound.table for bound in bounds}
            # Views over a bounded table are made anew beside it, so that its other files are not even looked at.
            with self._lock:
                self._make(needed - bounded - self.views.keys() if bounds else needed, named=named)
                self._make_others(named_in(sql, self.resolved.others) if named else set(self.resolved.others))
            for bound in bounds:
                self._make_bounded(cursor, bound)
            if bounds:
                self._make_views(cursor, needed & self.views.keys(), "TEMP VIEW")
            for name in histories:
                self._make_history(cursor, name)
            if timer is not None:
                timer.daemon = True
                timer.start()
            return interruptible(cursor, answer)
        except duckdb.InterruptException as error:
            if late.is_set():
                raise QueryError(f"the query took longer than {timeout_s:g} s and was stopped (--timeout)") from error
            raise QueryError("the query was interrupted") from error
        except duckdb.IOException:
            raise
        except duckdb.CatalogException as error:
            known = f"\nThe lake holds: {', '.join(self.names())}" if "does not exist" in str(error) else ""
            raise QueryError(message_of(error) + known) from error
        except duckdb.Error as error:
            raise QueryError(message_of(error)) from error
        finally:
            ended.set()
            if timer is not None:
                timer.cancel()
                if timer.ident is not None:
                    timer.join()
            cursor.close()

    def _connect(self) -> duckdb.DuckDBPyConnection:
        cursor = self._cursor.cursor()
        cursor.execute(f'USE "{self._schema}"')
        return cursor

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
        texts = [sql]
        while texts:
            text_of = texts.pop()
            for key in named_in(text_of, self.resolved.others):
                texts += [self.resolved.others[key].sql] if key not in followed else []
                followed.add(key)
            for word in set(re.findall(r"\w+", text_of.lower())):
                name = by_lower.get(word)
                if name is not None and name not in found:
                    found.add(name)
                    if name in self.views:
                        texts.append(self._view_sql(name, ""))
        return (found, True) if found or followed else (everything, False)

    def _make(self, names: set[str], *, named: bool = True) -> None:
        """Make what is missing. What cannot be read raises QueryError where it is `named`, else only when asked."""
        missing = names - self._made
        for name in sorted(missing & self.tables.keys()):
            if not named and name in self.resolved.foreign:
                self._make_unreadable(name, f"rows of it were deleted or lie inside the catalog, {HELD}")
                continue
            self._require_readable(name)
            select = scan_sql(self.tables[name], self.files(name), self.id)
            self._cursor.execute(f"CREATE OR REPLACE VIEW {quoted(name)} AS {select}")
            self._made.add(name)
        views = missing & self.views.keys()
        try:
            self._make_views(self._cursor, views, "VIEW")
            self._made |= views
        except (QueryError, duckdb.Error) as error:
            if named:
                raise
            self._make_each(views, error)

    def _make_each(self, views: AbstractSet[str], error: QueryError | duckdb.Error) -> None:
        """Make those views that can be made, and of the others ones that say why not."""
        if isinstance(error, duckdb.IOException):
            raise error
        for name in sorted(views):
            try:
                self._make_views(self._cursor, {name}, "VIEW")
                self._made.add(name)
            except (QueryError, duckdb.Error) as problem:
                self._make_unreadable(name, reason(problem))

    def _make_unreadable(self, name: str, why: str) -> None:
        self._cursor.execute(f"CREATE OR REPLACE VIEW {quoted(name)} AS {unreadable_sql(name, why)}")

    def _make_others(self, keys: AbstractSet[str]) -> None:
        missing = {key: self.resolved.others[key] for key in sorted(keys - self._made)}
        if missing:
            make_others(self._cursor, self._schema, missing, self.id)
            self._made |= missing.keys()

    def _make_views(self, cursor: duckdb.DuckDBPyConnection, names: AbstractSet[str], what: str) -> None:
        views = sorted(names)
        ends = ""
        if any(self._view_sql(name, "") != self.views[name].sql for name in views):
            self._require_readable(LEDGER)
            ends = relation(self._reader._ends_at(self, cursor))
        while views:
            waiting: list[str] = []
            for name in views:
                try:
                    cursor.execute(f"CREATE OR REPLACE {what} {quoted(name)} AS {self._view_sql(name, ends)}")
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
        return with_ledger(sql, ends) if self._whole and LEDGER in self.tables else sql

    def _make_bounded(self, cursor: duckdb.DuckDBPyConnection, bound: Bound) -> None:
        # A temporary name comes before the schema's own, inside the lake's views too.
        select = scan_sql(self.tables[bound.table], self.bounded_files(bound), self.id)
        cursor.execute(f"CREATE TEMP VIEW {quoted(bound.table)} AS {select}")

    def with_files(self, files: Mapping[str, list[DataFile]]) -> "LakeSnapshot":
        """The same snapshot as if its tables had these files only; `bounds` would look at all files again."""
        return LakeSnapshot(self._reader, replace(self.resolved, files=files), whole=False)

    def bounded_files(self, bound: Bound) -> list[DataFile]:
        """The files of a table that can hold rows inside `bound`."""
        with self._reader._lock:
            files = self._reader.resolver.files_with_bounds(self.tables[bound.table], self.id, bound.column)
        at_least, below = comparable(bound.at_least), comparable(bound.below)
        kept = []
        for file in files:
            known = file.bounds.get(bound.column)
            low, high = (None, None) if known is None else (known.low, known.high)
            too_low = at_least is not None and high is not None and high < at_least  # type: ignore[operator]
            too_high = below is not None and low is not None and low >= below  # type: ignore[operator]
            if not too_low and not too_high:
                kept.append(file)
        return kept

    def _make_history(self, cursor: duckdb.DuckDBPyConnection, name: str) -> None:
        self._require_readable(name)
        select = history_sql(self.tables[name], self.files(name), self.id)
        cursor.execute(f"CREATE TEMP VIEW {quoted(name + '_history')} AS {select}")

    def _require_readable(self, name: str) -> None:
        if name in self.resolved.foreign:
            raise QueryError(
                f"another DuckLake client deleted rows of table {name} or keeps rows of it inside the catalog, {HELD}"
            )


def _keep(_: object) -> None:
    """Hold a snapshot until the connection made from it is gone."""
