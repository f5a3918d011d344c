"""What a lake holds at one snapshot: tables, views and live files, resolved in one read of its catalog."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from dataflow.errors import QueryError, SnapshotExpired
from dataflow.pipeline.names import LEDGER
from query.catalogs import Catalogs, LakeIdentity
from query.shared_work import SharedWork
from sinks.lake.catalog.backfills import Backfilled, backfills
from sinks.lake.catalog.layout import Column, DataFile, Snapshot, TableLayout, ViewLayout
from sinks.lake.catalog.others import Other
from sinks.lake.catalog.reader import CatalogReader, open_readonly

FINAL = Column(2**30, "final", "boolean")
"""Of a ledger that an earlier version made: no file has a field of this id, so that it is null in every row."""

_Definitions = tuple[dict[str, TableLayout], dict[str, ViewLayout]]


class Resolved(NamedTuple):
    """One snapshot. `files` by table name, in row order; `foreign` are the tables that files alone do not tell.

    `backfilled`: per rollup the offsets that it got later, by then.
    `others` is what other clients have put beside it, by "schema.name".
    `lake` tells which lake it is of: another one may come to the same place, with snapshots of the same numbers.
    """

    snapshot: Snapshot
    tables: Mapping[str, TableLayout]
    views: Mapping[str, ViewLayout]
    files: Mapping[str, list[DataFile]]
    foreign: frozenset[str] = frozenset()
    lake: LakeIdentity = None
    others: Mapping[str, Other] = MappingProxyType({})
    backfilled: Mapping[str, Sequence[Backfilled]] = MappingProxyType({})


def _with_final(tables: dict[str, TableLayout]) -> dict[str, TableLayout]:
    """The ledger with its column `final`, also where an earlier version made it: no row there says that it is."""
    ledger = tables.get(LEDGER)
    if ledger is None or ledger.column(FINAL.name) is not None:
        return tables
    return {**tables, LEDGER: ledger._replace(columns=(*ledger.columns, FINAL))}


class Resolver:
    """Resolves snapshots of the lake in `folder`, for any number of threads: none waits for another's slow read.

    A lake that was deleted and made anew (or restored) under the same name is noticed at the next call.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).resolve()
        self._catalogs = Catalogs(self.folder)
        self._work = SharedWork()
        self._definitions: dict[tuple[LakeIdentity, int], _Definitions] = {}
        self._own: CatalogReader | None = None
        self._own_lake: LakeIdentity = None

    def close(self) -> None:
        """Close the handles; the next call opens them anew."""
        self._catalogs.close()
        if self._own is not None:
            self._own.close()
            self._own = None

    def catalog(self) -> CatalogReader:
        """A handle of the callers' own on the catalog, for one thread at a time. Raises LakeMissing or ForeignLake."""
        lake = self._catalogs.identity()
        if self._own is None or lake != self._own_lake or not self._own.is_current():
            # The old handle would go on showing the old lake.
            if self._own is not None:
                self._own.close()
                self._own = None
            self._own = open_readonly(self.folder)
            self._own_lake = lake
        return self._own

    def lend(self) -> AbstractContextManager[tuple[CatalogReader, LakeIdentity]]:
        """A handle on the catalog in a read transaction, and which lake it is of. Raises LakeMissing or ForeignLake."""
        return self._catalogs.lend()

    def resolve(self, as_of: int | datetime | None, known: Resolved | None = None) -> Resolved:
        """What is visible at the snapshot that `as_of` names: an id, the newest at that time, or (None) the newest.

        `known` itself if that is the one. Raises LakeError, naming those that are kept, when there is none.
        """
        with self._catalogs.lend() as (catalog, lake):
            snapshot = catalog.resolve(as_of)
            if known is not None and known.lake == lake and known.snapshot == snapshot:
                return known
            return self._work.do((lake, snapshot), lambda: self._read(catalog, lake, snapshot))

    def resolve_again(self, known: Resolved) -> Resolved:
        """The same snapshot with its files as they lie now. Raises SnapshotExpired if it is not kept any more."""
        with self._kept(known) as catalog:
            return self._read(catalog, known.lake, known.snapshot)

    def files_with_bounds(self, known: Resolved, table: TableLayout, column: str) -> list[DataFile]:
        """The live files of `table` with the bounds of `column`. Raises SnapshotExpired as `resolve_again` does."""
        if table.column(column) is None:
            raise QueryError(f"table {table.name} has no column {column}")
        with self._kept(known) as catalog:
            return catalog.files(table, known.snapshot.id, bounds_of=[column])

    @contextmanager
    def _kept(self, known: Resolved) -> Iterator[CatalogReader]:
        number = known.snapshot.id
        with self._catalogs.lend() as (catalog, lake):
            if lake != known.lake:
                raise SnapshotExpired(f"another lake has come to {self.folder} meanwhile; ask again")
            if not catalog.connection.execute(
                "SELECT 1 FROM ducklake_snapshot WHERE snapshot_id = ?", (number,)
            ).fetchall():
                raise SnapshotExpired(f"snapshot {number} has been expired meanwhile; ask again, or for a newer one")
            yield catalog

    def _read(self, catalog: CatalogReader, lake: LakeIdentity, snapshot: Snapshot) -> Resolved:
        number = snapshot.id
        definitions = self._definitions.get((lake, snapshot.schema_version))
        if definitions is None:
            definitions = (_with_final(catalog.tables(number)), catalog.views(number))
            self._definitions[lake, snapshot.schema_version] = definitions
        tables, views = definitions
        files = {name: catalog.files(table, number) for name, table in tables.items()}
        foreign = frozenset(catalog.foreign_changes(number))
        filled = {
            name: [mark for mark in marks if mark.snapshot <= number]
            for name, marks in backfills(catalog.connection).items()
        }
        return Resolved(snapshot, tables, views, files, foreign, lake, catalog.others(number), filled)
