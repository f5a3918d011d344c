"""DuckDB for a lake: one instance without access to anything else, and a namespace in it for each snapshot."""

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from dataflow.sql import quoted, text
from query.duck import duckdb
from query.interrupts import heard
from query.shared_work import SharedWork
from sinks.lake.names import SCHEMA_FOLDER

Setting = str | bool | int | float | list[str]

_CONFLICT_TRIES = 200
_CONFLICT_S = 0.001


class _Instance(NamedTuple):
    """A DuckDB instance. Its connection is only ever a mother of cursors: what is run, is run on one of them."""

    connection: duckdb.DuckDBPyConnection
    folders: frozenset[str]
    left: deque[str]
    """Namespaces that nobody uses any more."""


class Engine:
    """One DuckDB instance that reads the lake's folders of data files and nothing else, its configuration locked.

    A folder that comes later takes a new instance; namespaces that are held keep theirs.
    For any number of threads: every request works on a cursor of its own, which it alone may interrupt. The lock
    guards fields and is never held while DuckDB works.
    """

    def __init__(
        self, lake_dir: Path, *, threads: int | None = None, settings: Mapping[str, Setting] = MappingProxyType({})
    ) -> None:
        """`settings`: more of DuckDB's own, by name; what keeps files out of reach is set here whatever they say."""
        self._lake_dir = lake_dir
        self._settings = {**settings} if threads is None else {**settings, "threads": threads}
        self._lock = threading.Lock()
        self._instance: _Instance | None = None
        self._namespaces = 0

    def close(self) -> None:
        """Let go of the instance; namespaces still held keep theirs."""
        with self._lock:
            self._instance = None

    def namespace(self, folders: Iterable[str] = (SCHEMA_FOLDER,)) -> "Namespace":
        """A new, empty namespace over data files in these folders of the lake, each with a slash at its end.

        DuckDB hears of it at its first cursor, and drops it when nothing holds it.
        """
        with self._lock:
            self._namespaces += 1
            return Namespace(self, f"lake{self._namespaces}", frozenset(folders))

    def parser(self) -> duckdb.DuckDBPyConnection:
        """A cursor in no namespace."""
        return self.instance(frozenset((SCHEMA_FOLDER,))).connection.cursor()

    def instance(self, folders: frozenset[str]) -> _Instance:
        """The instance, opened at the first call, and anew at the first call for a folder that it does not read."""
        with self._lock:
            known = self._instance
        if known is not None and folders <= known.folders:
            return known
        opened = self._open(folders if known is None else folders | known.folders)
        with self._lock:
            # another thread may have been faster
            if self._instance is None or not folders <= self._instance.folders:
                self._instance = opened
            return self._instance

    def _open(self, folders: frozenset[str]) -> _Instance:
        base = duckdb.connect(":memory:", config=self._settings)
        # Only data files: the catalog beside them stays out of reach of SQL.
        allowed = ", ".join(text(f"{self._lake_dir}/{folder}") for folder in sorted(folders))
        base.execute(
            f"SET allowed_directories = [{allowed}]; SET enable_external_access = false;"
            " SET python_enable_replacements = false; SET lock_configuration = true"
        )
        return _Instance(base, folders, deque())


class Namespace:
    """An empty in-memory database for the views of one snapshot, which are made in it when first asked for.

    A view keeps its text: whoever makes it, and however often, it is the same.
    """

    def __init__(self, engine: Engine, name: str, folders: frozenset[str]) -> None:
        self._engine = engine
        self._name = name
        self._folders = folders
        self._lock = threading.Lock()
        self._instance: _Instance | None = None
        self._is_attached = False
        self._made: set[tuple[str, str]] = set()
        self._work = SharedWork()

    @property
    def name(self) -> str:
        """The database's name, by which a text may mean it."""
        return self._name

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A cursor of the caller's own, for one thread, in which this namespace is the current one."""
        cursor = self._home().connection.cursor()
        with heard():
            if not self._is_attached:
                self._work.do(None, lambda: self._attach(cursor))
            cursor.execute(f"USE {quoted(self._name)}")
        return cursor

    def make(
        self, cursor: duckdb.DuckDBPyConnection, name: str, select: Callable[[], str], schema: str = "main"
    ) -> None:
        """Make the view `name` of what `select` gives, unless it is there, by a cursor of this namespace.

        Raises duckdb.IOException where a file that DuckDB looks at for its columns has vanished.
        """
        if not self.has(name, schema):
            with heard():
                self._work.do((schema, name), lambda: self._create(cursor, schema, name, select()))

    def has(self, name: str, schema: str = "main") -> bool:
        """Whether the view is there."""
        return (schema, name) in self._made

    def _home(self) -> _Instance:
        if self._instance is None:
            instance = self._engine.instance(self._folders)
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

    def _create(self, cursor: duckdb.DuckDBPyConnection, schema: str, name: str, select: str) -> None:
        place = f"{quoted(self._name)}.{quoted(schema)}"
        if schema != "main":
            _unless_at_once(cursor, f"CREATE SCHEMA IF NOT EXISTS {place}")
        _unless_at_once(cursor, f"CREATE VIEW IF NOT EXISTS {place}.{quoted(name)} AS {select}")
        self._made.add((schema, name))


def _unless_at_once(cursor: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Run a statement that makes what is not there, again while another thread is just making the same."""
    for _ in range(_CONFLICT_TRIES):
        try:
            cursor.execute(sql)
            return
        except duckdb.TransactionException:
            time.sleep(_CONFLICT_S)
    cursor.execute(sql)
