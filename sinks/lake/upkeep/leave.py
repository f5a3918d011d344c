"""What is older than it is kept leaves the lake: whole files, and with them, at once, what the views show of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dataflow.errors import LakeError
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.deliveries import deliveries, may_leave
from sinks.lake.catalog.layout import TableLayout, views
from sinks.lake.catalog.left import Left, left, seen, write_left
from sinks.lake.catalog.ownership import files_with_deletes
from sinks.lake.catalog.sqlite import told
from sinks.lake.fault import Fault, no_fault
from sinks.lake.names import table_folder
from sinks.lake.tables.definition import Definition, read_definition
from sinks.lake.tables.prepare import replace_views, view_changes
from sinks.lake.tables.views import kept_from
from sinks.lake.upkeep.crossing import floor_ms
from sinks.lake.upkeep.keeping import Keep, Slots, keeps_of, slots_of
from sinks.lake.upkeep.times import FileTimes, file_times

RETENTION = "retention"
"""Message of the commits that let rows leave."""


@dataclass(frozen=True, slots=True)
class Departure:
    """What left at once of one rollup or row table: `before_ms` as in `Left`."""

    name: str
    before_ms: int
    files: int
    rows: int
    is_rollup: bool


@dataclass(frozen=True, slots=True)
class _Going:
    """What is about to leave of one rollup or row table. `files`: table id -> its files that go."""

    keep: Keep
    before_ms: int
    moves: bool
    files: Mapping[int, Sequence[FileTimes]]

    def after(self, known: Left | None) -> Left:
        """How far it has left then."""
        gone = [file for files in self.files.values() for file in files]
        through = max((file.newest for file in gone), default=-1)
        if known is not None:
            through = max(through, known.through)
        return Left(self.before_ms, through, self.rows + (0 if known is None else known.rows))

    @property
    def rows(self) -> int:
        return sum(file.rows for files in self.files.values() for file in files)

    @property
    def count(self) -> int:
        return sum(map(len, self.files.values()))


def leave(catalog: Catalog, now: datetime, *, fault: Fault = no_fault) -> tuple[tuple[Departure, ...], list[str]]:
    """Let everything leave that is older than the lake's definition keeps it; also what stays though, and why.

    One transaction ends the files, moves the borders that the lake remembers, and changes the views, which leave out
    what lies before the border in files that reach over it. Snapshots from before show it all; the files are deleted
    once those have expired. A border never moves back.
    """
    keeps = _keeps(catalog)
    if not keeps:
        return (), []
    looking = _Looking(catalog)
    floors, stays = looking.floors(keeps)
    if not looking.going(keeps, floors):
        return (), stays
    fault("before_leave")
    with catalog.transaction() as connection:
        going = looking.going(keeps, floors)
        if not going:
            return (), stays
        known = left(connection)
        present = views(connection, catalog.head().id)
        changed = {
            each.keep.name: (present[each.keep.name].id, kept_from(present[each.keep.name].sql, each.before_ms))
            for each in going
            if each.moves and each.keep.is_rollup and each.keep.name in present
        }
        touched = sorted({table_id for each in going for table_id, files in each.files.items() if files})
        changes = [*(f"deleted_from_table:{table_id}" for table_id in touched), *view_changes(changed)]
        next_id = catalog.head().next_catalog_id
        snapshot_id = catalog.snapshot(
            now, ",".join(changes), schema=bool(changed), catalog_ids=len(changed), message=RETENTION
        )
        replace_views(catalog, snapshot_id, changed, next_id)
        for each in going:
            # what the catalog says of a table as a whole stays as it is, as after any delete, until the files are gone:
            # while it counts more rows than a snapshot shows, no client answers from its bounds
            connection.executemany(
                "UPDATE ducklake_data_file SET end_snapshot = ? WHERE data_file_id = ?",
                [(snapshot_id, file.id) for files in each.files.values() for file in files],
            )
            write_left(connection, each.keep.name, each.after(known.get(each.keep.name)))
        fault("in_leave")
    fault("after_leave")
    return tuple(
        Departure(each.keep.name, each.before_ms, each.count, each.rows, each.keep.is_rollup) for each in going
    ), stays


def slots_of_lake(catalog: Catalog, now: datetime) -> dict[str, Slots]:
    """The slots of the lake's tables that leave some day."""
    return slots_of([keep for keep, _ in _keeps(catalog)], left(catalog.connection), now)


def _keeps(catalog: Catalog) -> list[tuple[Keep, Definition]]:
    with told(catalog.path, catalog.busy_ms):
        rows = catalog.connection.execute("SELECT definition FROM own_pipeline").fetchall()
    known = [definition for (text,) in rows if (definition := read_definition(text)) is not None]
    return [(keep, definition) for definition in known for keep in keeps_of(definition)]


class _Looking:
    """Which files may go, by the catalog as it is at each call."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._looked_at: dict[str, set[int]] = {}

    def floors(self, keeps: Sequence[tuple[Keep, Definition]]) -> tuple[dict[str, tuple[int, int]], list[str]]:
        """Of session rollups whose border moves: the border and where the first session begins that reaches over it."""
        floors: dict[str, tuple[int, int]] = {}
        stays: list[str] = []
        tables = self._catalog.tables()
        known = left(self._catalog.connection)
        for keep, definition in keeps:
            before = self._before(keep, definition, known)
            table = tables.get(keep.tables[0])
            if not keep.merges_windows or before is None or table is None:
                continue
            if not self._moves(keep, before, known.get(keep.name), table):
                continue
            files = self._begun(table, before)
            self._looked_at[keep.name] = {file.id for file in files}
            folder = table_folder(self._catalog.folder, table.path)
            keys = definition.by_name[keep.name].key_names
            try:
                floors[keep.name] = before, floor_ms((folder / file.path for file in files), table, keys, before)
            except LakeError as damage:
                stays.append(f"{keep.name}: nothing leaves: {damage}")
        return floors, stays

    def going(self, keeps: Sequence[tuple[Keep, Definition]], floors: Mapping[str, tuple[int, int]]) -> list[_Going]:
        """All that may leave now."""
        tables = self._catalog.tables()
        known = left(self._catalog.connection)
        found = [self._going(keep, definition, floors, known, tables) for keep, definition in keeps]
        return [each for each in found if each is not None and (each.moves or each.count)]

    def _going(
        self,
        keep: Keep,
        definition: Definition,
        floors: Mapping[str, tuple[int, int]],
        known: Mapping[str, Left],
        tables: Mapping[str, TableLayout],
    ) -> _Going | None:
        own = [tables[name] for name in keep.tables if name in tables]
        before = self._before(keep, definition, known)
        if before is None or not own:
            return None
        former = known.get(keep.name)
        moves = keep.is_rollup and self._moves(keep, before, former, own[0])
        if keep.is_rollup and not moves:
            if former is None or keep.merges_windows:
                return None
            before = former.before_ms
        last = before if keep.is_rollup else before - 1
        if keep.merges_windows:
            wanted, last = floors.get(keep.name, (None, before))
            if wanted != before or {file.id for file in self._begun(own[0], before)} != self._looked_at[keep.name]:
                # something was committed or merged meanwhile: the next round looks again
                return None
        if not self._is_sent(keep, before, own):
            # the next round, or the one after what stands in its way, lets it leave
            return None
        return _Going(keep, before, moves, {table.id: self._whole(table, keep, last) for table in own})

    def _is_sent(self, keep: Keep, before: int, own: Sequence[TableLayout]) -> bool:
        """Whether all that would leave, or be hidden, has gone wherever the pipeline sends it."""
        sent = deliveries(self._catalog.connection)
        if not any(each.source == keep.name for each in sent.values()):
            return True
        files = [file for table in own for file in file_times(self._catalog.connection, table, keep.column)]
        begun = [file.newest for file in files if file.earliest_ms is not None and file.earliest_ms <= before]
        return may_leave(sent, keep.name, newest=max(begun, default=-1), before_ms=before)

    def _before(self, keep: Keep, definition: Definition, known: Mapping[str, Left]) -> int | None:
        """The border as it should be; it never moves back."""
        before = keep.before_ms(seen(self._catalog.connection), definition.out_of_orderness_ms)
        former = known.get(keep.name)
        return before if former is None or before is None else max(before, former.before_ms)

    def _moves(self, keep: Keep, before: int, former: Left | None, table: TableLayout) -> bool:
        """Whether a rollup's border moves on over something that it has."""
        if former is not None and before <= former.before_ms:
            return False
        files = file_times(self._catalog.connection, table, keep.column)
        return any(file.earliest_ms is not None and file.earliest_ms <= before for file in files)

    def _begun(self, table: TableLayout, before: int) -> list[FileTimes]:
        """Files with a window that began by the border."""
        files = file_times(self._catalog.connection, table, "window_start")
        return [file for file in files if file.earliest_ms is not None and file.earliest_ms <= before]

    def _whole(self, table: TableLayout, keep: Keep, last_ms: int) -> list[FileTimes]:
        """Files of ours, with all their rows, that hold nothing later."""
        connection = self._catalog.connection
        files = [
            file
            for file in file_times(connection, table, keep.column)
            if file.latest_ms is not None and file.latest_ms <= last_ms
        ]
        if not files:
            return []
        touched = files_with_deletes(connection, table.id)
        ours = {number for (number,) in connection.execute("SELECT data_file_id FROM own_file")}
        return [file for file in files if file.id in ours and file.id not in touched]
