"""One snapshot of a lake as something to ask: its tables and views under their names, its answers as Arrow tables."""

import re
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from dataflow.errors import QueryError
from dataflow.pipeline.names import LEDGER
from dataflow.sql import quoted
from query.cells import Shape
from query.duck import duckdb
from query.ends import Ends, LedgerEnds
from query.engine import Engine
from query.guard import TimeLimit, interruptible, message_of, require_select
from query.hints import hint
from query.interrupts import heard
from query.moment import comparable
from query.naming import Naming
from query.others import data_folders, named_in
from query.question import Bound, Question, Step, first_asked
from query.resolve import Resolved, Resolver
from query.scan import history_sql, scan_sql
from query.shared_work import SharedWork
from query.texts import BATCH_ROWS, Texts
from sinks.lake.catalog.backfills import Backfilled
from sinks.lake.catalog.layout import DataFile, TableLayout, ViewLayout

if TYPE_CHECKING:
    import pyarrow as pa

_T = TypeVar("_T")

_QUALIFIED = re.compile(r'\bmain"?\s*\.', re.IGNORECASE)
_VANISHED = re.compile(r"No files found that match|No such file|Could not open|Cannot open file", re.IGNORECASE)
_MOVES = 10
"""A query whose files a compaction removed again and again, each time while it was asked, fails after so many."""


class Means(NamedTuple):
    """What the snapshots of one reader share."""

    engine: Engine
    resolver: Resolver
    ends: LedgerEnds
    moves: SharedWork


class LakeSnapshot:
    """One snapshot of a lake: what it returns never changes, whatever is committed or compacted meanwhile.

    For any number of threads; each question works on a cursor of its own.
    """

    def __init__(
        self,
        means: Means,
        resolved: Resolved,
        *,
        whole: bool = True,
        instead: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`whole`, `instead`: as of `Naming`."""
        self.resolved = resolved
        self._means = means
        self._whole = whole
        self._instead = instead
        self._namespace = means.engine.namespace(data_folders(resolved.others.values()))
        self._naming = Naming(resolved, self._namespace, means.ends, whole=whole, instead=instead)
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

    @property
    def backfilled(self) -> Mapping[str, Sequence[Backfilled]]:
        """Per rollup the offsets that it was given later (`tidemill backfill`)."""
        return self.resolved.backfilled

    def names(self) -> list[str]:
        """All tables and views, sorted."""
        return sorted([*self.tables, *self.views])

    def files(self, table: str) -> list[DataFile]:
        """The live files of `table`, in row order."""
        return self.resolved.files[table]

    def require_readable(self, table: str) -> None:
        """Raise QueryError for a table that its files alone do not tell, because another client changed it."""
        self._naming.require_readable(table)

    def needed(self, sql: str) -> tuple[set[str], bool]:
        """Names of tables and views that `sql` may touch; False with all names, where it names none or asks for all."""
        return self._naming.needed(sql)

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
        limit: int | None = None,
        bounds: Sequence[Bound] = (),
        histories: Sequence[str] = (),
    ) -> "pa.Table":
        """Answer one SELECT as an Arrow table; TIMESTAMP columns are UTC without zone, UHUGEINT is decimal256(39, 0).

        `limit`: at most so many rows. `bounds` leaves out files by their statistics. With `histories` only these
        tables are there, each as `<table>_history` with a column `_snapshot`: the snapshot that added the row.
        Raises QueryError: not a SELECT, DuckDB's own message, or the time limit; SnapshotExpired if compaction has
        removed files of this snapshot because it is not kept any more.
        """
        question = Question(sql, parameters, limit, bounds, histories)
        return self._again_if_moved(lambda place: place._ask(question, timeout_s))

    def texts(
        self,
        sql: str,
        shape: Shape,
        *,
        parameters: Sequence[object] | Mapping[str, object] | None = None,
        timeout_s: float | None = None,
        limit: int | None = None,
        bounds: Sequence[Bound] = (),
        histories: Sequence[str] = (),
    ) -> Texts:
        """Answer one SELECT as rows of texts in the shape of `query.cells`, the first while the last are not there yet.

        The rest is read with the answer, which needs no Arrow. Raises as `query` does; an answer whose files are
        removed while it is read ends with a QueryError, since its first rows are shown already.
        """
        question = Question(sql, parameters, limit, bounds, histories)

        def begin(place: "LakeSnapshot") -> Texts:
            flow = place._flow(question, shape, timeout_s)
            return Texts(next(flow).columns, (step.rows for step in flow))

        return self._again_if_moved(begin)

    def batches(
        self,
        sql: str,
        *,
        begun: Callable[[duckdb.DuckDBPyConnection], object],
        parameters: Sequence[object] | Mapping[str, object] | None = None,
        limit: int | None = None,
        batch_rows: int = BATCH_ROWS,
    ) -> Iterator["pa.Table"]:
        """Answer one SELECT as `query` does, in tables of at most `batch_rows` rows, one after the other.

        The first one comes even if it has no rows. `begun` is told the cursor that the answer is read by, which
        another thread may interrupt. Raises as `texts` does.
        """
        question = Question(sql, parameters, limit, (), ())
        return self._again_if_moved(lambda place: first_asked(place._pour(question, begun, batch_rows)))

    def with_files(self, files: Mapping[str, list[DataFile]]) -> "LakeSnapshot":
        """The same snapshot as if its tables had these files only; `bounds` would look at all files again."""
        return LakeSnapshot(self._means, self.resolved._replace(files=files), whole=False)

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
            self._moved = LakeSnapshot(self._means, resolved, instead=self._instead)
        return self._moved

    def _connect(self) -> duckdb.DuckDBPyConnection:
        import duckdb  # noqa: F401  # who gets the connection may ask it for relations

        cursor = self._namespace.cursor()
        self._naming.make(cursor, set(self.names()), named=False)
        self._naming.make_others(cursor, set(self.resolved.others))
        weakref.finalize(cursor, _keep, self).atexit = False
        return cursor

    def _read_ends(self) -> Ends:
        self._naming.require_readable(LEDGER)
        cursor = self._namespace.cursor()
        try:
            with heard():
                return self._means.ends.at(self.resolved, cursor)
        finally:
            cursor.close()

    def _ask(self, question: Question, timeout_s: float | None) -> "pa.Table":
        from query.unsigned import exact_table

        cursor = self._namespace.cursor()
        try:
            with self._told(TimeLimit(cursor, timeout_s)):
                self._prepare(cursor, question)
                return interruptible(cursor, lambda: exact_table(question.relation(cursor)))
        finally:
            cursor.close()

    def _pour(
        self, question: Question, begun: Callable[[duckdb.DuckDBPyConnection], object], batch_rows: int
    ) -> Iterator["pa.Table"]:
        from query.batches import tables_of

        cursor = self._namespace.cursor()
        begun(cursor)
        limit = TimeLimit(cursor, None)
        try:
            with self._told(limit):
                self._prepare(cursor, question)
                relation = interruptible(cursor, lambda: question._replace(limit=None).relation(cursor))
                tables = tables_of(relation, batch_rows, question.limit)
                table = interruptible(cursor, lambda: next(tables, None))
            while table is not None:
                yield table
                try:
                    with self._told(limit):
                        table = interruptible(cursor, lambda: next(tables, None))
                except duckdb.IOException as error:
                    raise QueryError(f"{message_of(error)}\nThe answer is not whole: ask again") from error
        finally:
            cursor.close()

    def _flow(self, question: Question, shape: Shape, timeout_s: float | None) -> Iterator[Step]:
        """The answer's columns, then batch after batch of its rows."""
        cursor = self._namespace.cursor()
        limit = TimeLimit(cursor, timeout_s)
        try:
            with self._told(limit):
                alone = self._prepare(cursor, question)
                # the text holds what its statement needs; it has to live as long
                text = question.text(cursor, shape, bracketed=alone)
            yield Step(text.columns, [])
            with self._told(limit):
                interruptible(cursor, lambda: cursor.execute(text.statement, question.parameters))
                rows = interruptible(cursor, lambda: cursor.fetchmany(BATCH_ROWS))
            while rows:
                yield Step((), rows)
                try:
                    with self._told(limit):
                        rows = interruptible(cursor, lambda: cursor.fetchmany(BATCH_ROWS))
                except duckdb.IOException as error:
                    raise QueryError(f"{message_of(error)}\nThe answer is not whole: ask again") from error
        finally:
            cursor.close()

    @contextmanager
    def _told(self, limit: TimeLimit) -> Iterator[None]:
        """DuckDB's errors as QueryError, but for files that cannot be read."""
        try:
            with limit:
                try:
                    with heard():
                        yield
                except duckdb.InterruptException as error:
                    raise QueryError(limit.told()) from error
        except duckdb.IOException:
            raise
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            message = message_of(error)
            raise QueryError(message + hint(message, self.tables, self.names())) from error
        except duckdb.Error as error:
            raise QueryError(message_of(error)) from error

    def _prepare(self, cursor: duckdb.DuckDBPyConnection, question: Question) -> bool:
        """Make what the question names, after a look at whether it only reads. Whether it may stand in brackets."""
        bracketed = require_select(cursor, question.sql)
        needed, named = self._naming.needed(question.sql) if not question.histories else (set(), True)
        bounded = {bound.table for bound in question.bounds}
        # Views over a bounded table are made anew beside it, so that its other files are not even looked at.
        beside = bool(bounded) and not _QUALIFIED.search(question.sql)
        self._naming.make(cursor, needed - bounded - self.views.keys() if beside else needed, named=named)
        others = self.resolved.others
        self._naming.make_others(cursor, named_in(question.sql, others) if named else set(others))
        for bound in question.bounds:
            # A temporary name comes before the namespace's own, inside the lake's views too.
            scan = scan_sql(self.tables[bound.table], self.bounded_files(bound), self.id)
            cursor.execute(f"CREATE TEMP VIEW {quoted(bound.table)} AS {scan}")
        if bounded:
            self._naming.make_views(
                cursor,
                needed & self.views.keys(),
                lambda name, sql: cursor.execute(f"CREATE TEMP VIEW {quoted(name)} AS {sql}"),
            )
        for name in question.histories:
            self._naming.require_readable(name)
            history = history_sql(self.tables[name], self.files(name), self.id)
            cursor.execute(f"CREATE TEMP VIEW {quoted(name + '_history')} AS {history}")
        return bracketed


def _keep(_: object) -> None:
    """Hold a snapshot until the connection made from it is gone."""
