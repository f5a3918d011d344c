"""SQLite connections to the catalog, with its errors told as ours."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dataflow.errors import ForeignLake, LakeError, LakeMissing, LakeUnwritable

CATALOG_NAME = "catalog.sqlite"


def connect(path: Path, *, busy_ms: int, create: bool = False) -> sqlite3.Connection:
    """A writing connection: WAL, synchronous=FULL, autocommit (transactions are explicit).

    Raises LakeMissing when there is no file (and `create` is False), LakeUnwritable or ForeignLake otherwise.
    """
    if not create and not path.exists():
        raise LakeMissing(missing(path))
    with told(path, busy_ms):
        mode = "rwc" if create else "rw"
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute(f"PRAGMA busy_timeout={busy_ms}")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection


class Reading(sqlite3.Connection):
    """A reading connection; see `connect_readonly`."""

    path: Path
    frozen: tuple[int, int] | None = None
    """The file's time and size when it was opened as immutable; None for a connection that sees every commit."""

    def is_current(self) -> bool:
        """Whether it sees what is committed now. If not, a run came to a catalog that nobody wrote: open it anew."""
        return self.frozen is None or (self.frozen == _written(self.path) and not _wal(self.path).exists())


def connect_readonly(path: Path, *, busy_ms: int) -> Reading:
    """A reading connection that never changes the catalog and never holds the writer up.

    A lake in a folder that cannot be written (a copy on read-only storage) is opened as immutable, and whoever keeps
    such a connection asks it before each use whether it `is_current`.
    """
    if not path.exists():
        raise LakeMissing(missing(path))
    uri = path.resolve().as_uri()
    with told(path, busy_ms):
        for query in ("mode=ro", "mode=ro&immutable=1"):
            written = _written(path)
            connection = sqlite3.connect(
                f"{uri}?{query}", uri=True, isolation_level=None, check_same_thread=False, factory=Reading
            )
            try:
                connection.execute(f"PRAGMA busy_timeout={busy_ms}")
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            except sqlite3.OperationalError as error:
                connection.close()
                unwritable = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
                if "immutable" in query or not unwritable or _wal(path).exists():
                    raise
            except (sqlite3.Error, UnicodeDecodeError):
                connection.close()
                raise
            else:
                connection.path, connection.frozen = path, written if "immutable" in query else None
                return connection
    raise LakeMissing(missing(path))


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _written(path: Path) -> tuple[int, int]:
    """When the file was written last, and its size; what no file has where it is gone."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return 0, -1
    return status.st_mtime_ns, status.st_size


@contextmanager
def transaction(connection: sqlite3.Connection, path: Path, busy_ms: int) -> Iterator[sqlite3.Connection]:
    """BEGIN IMMEDIATE .. COMMIT; rolled back on any exception. SQLite's errors become LakeUnwritable or ForeignLake."""
    with told(path, busy_ms):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextmanager
def told(path: Path, busy_ms: int) -> Iterator[None]:
    """Turn SQLite's errors into those of Tidemill, with the fix."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise LakeUnwritable(
                f"{path} has been locked by another process for {busy_ms / 1000:g} s; nothing was written. "
                "Find it with `fuser` or `lsof`, end its transaction, then start again"
            ) from error
        if code == sqlite3.SQLITE_FULL:
            raise LakeUnwritable(
                f"{path}: the disk is full; nothing was written. Free space, then start again"
            ) from error
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR):
            raise LakeUnwritable(
                f"{path} cannot be opened or written ({error}); check the folder's owner, permissions and disk"
            ) from error
        if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise ForeignLake(_unreadable(path, error)) from error
        raise LakeError(
            f"{path}: the catalog refused a statement ({error}); check it with `tidemill doctor`"
        ) from error
    except UnicodeDecodeError as error:
        # SQLite names what is damaged by its damaged name
        raise ForeignLake(_unreadable(path, error)) from error


def _unreadable(path: Path, why: Exception) -> str:
    return f"{path} is no readable SQLite file ({why}); restore the lake from a backup or choose another folder"


def missing(path: Path) -> str:
    """The message for a lake that is not there."""
    return f"there is no lake at {path.parent} (no {path.name}); start `tidemill run` first, or name its folder"
