"""What a lake holds at one snapshot: tables, views and live files, resolved in one read of its catalog."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from dataflow.errors import QueryError
from sinks.catalog_reader import CatalogReader, open_readonly
from sinks.layout import DataFile, Snapshot, TableLayout, ViewLayout
from sinks.others import Other
from sinks.sqlite import CATALOG_NAME


@dataclass(frozen=True, slots=True)
class Resolved:
    """One snapshot. `files` by table name, in row order; `foreign` are the tables that files alone do not tell.

    `others` is what other clients have put beside it, by "schema.name".
    """

    snapshot: Snapshot
    tables: Mapping[str, TableLayout]
    views: Mapping[str, ViewLayout]
    files: Mapping[str, list[DataFile]]
    foreign: frozenset[str] = field(default_factory=frozenset)
    others: Mapping[str, Other] = field(default_factory=dict)


class Resolver:
    """Resolves snapshots of the lake in `folder` through one kept read-only handle. One thread at a time.

    A lake that was deleted and made anew (or restored) under the same name is noticed at the next call.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).resolve()
        self._catalog: CatalogReader | None = None
        self._identity: tuple[int, int] | None = None
        self._definitions: dict[int, tuple[dict[str, TableLayout], dict[str, ViewLayout]]] = {}

    def close(self) -> None:
        """Close the handle; the next call opens it anew."""
        if self._catalog is not None:
            self._catalog.close()
            self._catalog = None

    def catalog(self) -> CatalogReader:
        """The open catalog. Raises LakeMissing or ForeignLake."""
        path = self.folder / CATALOG_NAME
        identity = None
        if path.exists():
            status = path.stat()
            identity = (status.st_dev, status.st_ino)
        if self._catalog is None or identity != self._identity:
            # The old handle would go on showing the old lake.
            self.close()
            self._definitions.clear()
            self._catalog = open_readonly(self.folder)
            self._identity = identity
        return self._catalog

    @property
    def identity(self) -> tuple[int, int] | None:
        """Tells the lake at this place from another one put there later."""
        return self._identity

    def find(self, as_of: int | datetime | None) -> Snapshot:
        """The snapshot that `as_of` names: an id, the newest at that time, or (None) the newest."""
        return self.catalog().resolve(as_of)

    def resolve(self, snapshot: Snapshot) -> Resolved:
        """Everything visible at `snapshot`. Raises QueryError if it has been expired."""
        catalog = self.catalog()
        catalog.begin()
        try:
            number = snapshot.id
            if not catalog.connection.execute(
                "SELECT 1 FROM ducklake_snapshot WHERE snapshot_id = ?", (number,)
            ).fetchall():
                raise QueryError(f"snapshot {number} has been expired meanwhile; ask again, or for a newer one")
            definitions = self._definitions.get(snapshot.schema_version)
            if definitions is None:
                definitions = (catalog.tables(number), catalog.views(number))
                self._definitions[snapshot.schema_version] = definitions
            tables, views = definitions
            files = {name: catalog.files(table, number) for name, table in tables.items()}
            foreign = frozenset(catalog.foreign_changes(number))
            return Resolved(snapshot, tables, views, files, foreign, catalog.others(number))
        finally:
            catalog.end()

    def files_with_bounds(self, table: TableLayout, snapshot_id: int, column: str) -> list[DataFile]:
        """The live files of `table` with the bounds of `column`."""
        if table.column(column) is None:
            raise QueryError(f"table {table.name} has no column {column}")
        return self.catalog().files(table, snapshot_id, bounds_of=[column])
