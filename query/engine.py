"""DuckDB for a lake: one instance without access to anything else, and a namespace in it for each snapshot."""

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from query.scan import quoted, text
from query.shared_work import SharedWork

_CONFLICT_TRIES = 200
_CONFLICT_S = 0.001


@dataclass(frozen=True, slots=True)
class _Instance:
    """A DuckDB instance. Its connection is only ever a mother of cursors: what is run, is run on one of them."""

    connection: duckdb.DuckDBPyConnection
    left: deque[str] = field(default_factory=deque)
    """Namespaces that nobody uses any more."""


class Engine:
    """One DuckDB instance that reads the data files below `data_dir` and nothing else, its configuration locked.

    For any number of threads: every request works on a cursor of its own, which it alone may interrupt. The lock
    guards fields and is never held while DuckDB works.
    """

    def __init__(self, data_dir: Path, *, threads: int | None = None) -> None:
        self._data_dir = data_dir
        self._threads = threads
        self._lock = threading.Lock()
        self._instance: _Instance | None = None
        self._namespaces = 0

    def close(self) -> None:
        """Let go of the instance; namespaces still held keep theirs."""
        with self._lock:
            self._instance = None

    def namespace(self) -> "Namespace":
        """A new, empty namespace; DuckDB hears of it at its first cursor, and drops it when nothing holds it."""
        with self._lock:
            self._namespaces += 1
            return Namespace(self, f"lake{self._namespaces}")

    def instance(self) -> _Instance:
        """The instance, opened at the first call."""
        with self._lock:
            if self._instance is not None:
                return self._instance
        opened = self._open()
        with self._lock:
            # another thread may have been faster
            if self._instance is None:
                self._instance = opened
            return self._instance

    def _open(self) -> _Instance:
        base = duckdb.connect(":memory:", config={} if self._threads is None else {"threads": self._threads})
        # Only data files: the catalog beside them stays out of reach of SQL.
        base.execute(f"SET allowed_directories = [{text(f'{self._data_dir}/')}]")
        base.execute("SET enable_external_access = false")
        base.execute("SET python_enable_replacements = false")
        base.execute("SET lock_configuration = true")
        return _Instance(base)


class Namespace:
    """An empty in-memory database for the views of one snapshot, which are made in it when first asked for.

    A view keeps its text: whoever makes it, and however often, it is the same.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._name = name
        self._lock = threading.Lock()
        self._instance: _Instance | None = None
        self._is_attached = False
        self._made: set[str] = set()
        self._work = SharedWork()

    @property
    def made(self) -> frozenset[str]:
        """Names of the views that are there."""
        return frozenset(self._made)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A cursor of the caller's own, for one thread, in which this namespace is the current one."""
        cursor = self._home().connection.cursor()
        if not self._is_attached:
            self._work.do(None, lambda: self._attach(cursor))
        cursor.execute(f"USE {quoted(self._name)}")
        return cursor

    def make(self, cursor: duckdb.DuckDBPyConnection, name: str, select: Callable[[], str]) -> None:
        """Make the view `name` of what `select` gives, unless it is there, by a cursor of this namespace.

        Raises duckdb.IOException where a file that DuckDB looks at for its columns has vanished.
        """
        if name not in self._made:
            self._work.do(name, lambda: self._create(cursor, name, select()))

    def _home(self) -> _Instance:
        if self._instance is None:
            instance = self._engine.instance()
            with self._lock:
                if self._instance is None:
                    self._instance = instance
                    weakref.finalize(self, instance.left.append, self._name).atexit = False
        assert self._instance is not None
        return self._instance

    def _attach(self, cursor: duckdb.DuckDBPyConnection) -> None:
        left = self._home().left
        while left:
            try:
                old = left.popleft()
            except IndexError:  # another thread took the last one
                break
            cursor.execute(f"DETACH DATABASE IF EXISTS {quoted(old)}")
        _unless_at_once(cursor, f"ATTACH IF NOT EXISTS ':memory:' AS {quoted(self._name)}")
        self._is_attached = True

    def _create(self, cursor: duckdb.DuckDBPyConnection, name: str, select: str) -> None:
        place = f"{quoted(self._name)}.main.{quoted(name)}"
        _unless_at_once(cursor, f"CREATE VIEW IF NOT EXISTS {place} AS {select}")
        self._made.add(name)


def _unless_at_once(cursor: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Run a statement that makes what is not there, again while another thread is just making the same."""
    for _ in range(_CONFLICT_TRIES):
        try:
            cursor.execute(sql)
            return
        except duckdb.TransactionException:
            time.sleep(_CONFLICT_S)
    cursor.execute(sql)
