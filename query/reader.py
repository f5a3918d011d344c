"""The read side of a lake: its newest snapshot, or any that is kept, to be asked by any number of threads."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from dataflow.errors import SnapshotExpired
from query.duck import duckdb
from query.ends import LedgerEnds
from query.engine import Engine
from query.moment import AsOf, parse_as_of
from query.question import Bound
from query.resolve import Resolved, Resolver
from query.shared_work import SharedWork
from query.snapshot import LakeSnapshot, Means

__all__ = ["Bound", "LakeReader", "LakeSnapshot"]

if TYPE_CHECKING:
    import pyarrow as pa

_T = TypeVar("_T")

_ASKED_ANEW = 3


class LakeReader:
    """Reads the lake in `lake_dir`: any number of readers, threads and processes, while a writer commits.

    Holds one DuckDB instance without access to any file but the lake's, configuration locked, and read-only
    handles on the catalog. The lock guards one field; no thread waits for another's reading. Raises LakeMissing or
    ForeignLake at the first use.
    """

    def __init__(self, lake_dir: str | Path, *, threads: int | None = None) -> None:
        self.resolver = Resolver(lake_dir)
        self.lake_dir = self.resolver.folder
        self._means = Means(Engine(self.lake_dir, threads=threads), self.resolver, LedgerEnds(), SharedWork())
        self._lock = threading.Lock()
        self._latest: LakeSnapshot | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self, *, engine: bool = True) -> None:
        """Release the catalog handles and the DuckDB instance; snapshots still held keep theirs.

        Without `engine` the instance stays for as long as somebody holds this reader.
        """
        with self._lock:
            self._latest = None
        self.resolver.close()
        if engine:
            self._means.engine.close()

    def parser(self) -> duckdb.DuckDBPyConnection:
        """A cursor of the reader's own DuckDB, which sees no data, for parsing; the caller closes it."""
        return self._means.engine.parser()

    def snapshot(self, as_of: AsOf = None) -> LakeSnapshot:
        """The newest snapshot, or the one `as_of` names: an id, a time (naive = UTC), or either as text.

        Asking again while nothing was committed returns the same object. Raises LakeError if there is none,
        QueryError if `as_of` is neither.
        """
        moment = parse_as_of(as_of)
        latest = self._latest
        resolved = self.resolver.resolve(moment, None if latest is None else latest.resolved)
        if latest is not None and latest.resolved is resolved:
            return latest
        return LakeSnapshot(self._means, resolved) if moment is not None else self._newest(resolved)

    def ask(self, work: Callable[[LakeSnapshot], _T], *, as_of: AsOf = None) -> _T:
        """`work` on a snapshot; on a newer one if that was expired and its files removed before `work` was done."""
        for _ in range(_ASKED_ANEW):
            try:
                return work(self.snapshot(as_of))
            except SnapshotExpired:
                continue
        return work(self.snapshot(as_of))

    def query(
        self,
        sql: str,
        *,
        as_of: AsOf = None,
        parameters: Sequence[object] | Mapping[str, object] | None = None,
        timeout_s: float | None = None,
    ) -> "pa.Table":
        """Answer one SELECT at a snapshot, as `ask` does; see LakeSnapshot.query."""
        return self.ask(lambda at: at.query(sql, parameters=parameters, timeout_s=timeout_s), as_of=as_of)

    def _newest(self, resolved: Resolved) -> LakeSnapshot:
        """The snapshot of `resolved`, the same object for all threads unless one has seen a newer one already."""
        with self._lock:
            latest = self._latest
            if latest is not None and latest.resolved.lake == resolved.lake:
                if latest.resolved.snapshot == resolved.snapshot:
                    return latest
                if latest.id > resolved.snapshot.id:
                    return LakeSnapshot(self._means, resolved)
            self._latest = LakeSnapshot(self._means, resolved)
            return self._latest
