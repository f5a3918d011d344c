"""What an erasure finds: the files with rows of one person, and the snapshots that show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dataflow.errors import ConfigError, LakeError
from dataflow.own_columns import PLACE
from dataflow.pipeline.names import DEAD_LETTERS, EVENTS
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.erasures import ErasedRows, erased_rows
from sinks.lake.catalog.layout import TableLayout
from sinks.lake.names import table_folder
from sinks.lake.tables.definition import Definition
from sinks.lake.upkeep.compact import live_files, read_file
from sinks.lake.upkeep.holders import Condition, DeadLetterHolder, Holder, holders
from sinks.lake.upkeep.tiers import LiveFile

SHARE = 100
"""A condition may match one row in so many of a table, and FEW_ROWS in any case: it names a person, not a group."""

FEW_ROWS = 100
_OFFSET, _PARTITION = PLACE[2].name, PLACE[1].name

Offsets = dict[tuple[str, str], list[int]]
"""Of table and source partition."""


@dataclass(frozen=True, slots=True)
class FileMatch:
    """A file with `rows` rows that match."""

    holder: Holder | DeadLetterHolder
    file: LiveFile
    rows: int


@dataclass(frozen=True, slots=True)
class Found:
    """What matches a condition, as of `snapshot`. `rows` and `of`: matching and all rows of each table that was read.

    `past`: files that are no longer part of their table (they left as `keep` says, or another client took them out),
    and that kept snapshots still show. `by_field`: of the dead letters, those found by their fields, `past` left out.
    `cut`: kept snapshots that show a row of it.
    """

    snapshot: int
    files: tuple[FileMatch, ...]
    past: tuple[FileMatch, ...]
    rows: Mapping[str, int]
    of: Mapping[str, int]
    by_field: int
    offsets: Offsets
    cut: tuple[int, ...]
    past_of: Mapping[str, int] = field(default_factory=dict)
    """All rows of the files of the past, of each table."""

    @property
    def is_nothing(self) -> bool:
        """No row matches."""
        return not self.files and not self.past

    @property
    def past_rows(self) -> dict[str, int]:
        """Rows in `past` that match, of each table that has any."""
        found: dict[str, int] = {}
        for match in self.past:
            found[match.holder.table.name] = found.get(match.holder.table.name, 0) + match.rows
        return found

    @property
    def by_bytes(self) -> int:
        """Of the dead letters, those found by their bytes alone."""
        return self.rows.get(DEAD_LETTERS, 0) - self.by_field

    def marks(self) -> list[ErasedRows]:
        """What the catalog remembers of it: the rows that the lake had. Those of `past` were gone from it before."""
        sides = {name: rows for name, rows in self.rows.items() if rows and name not in (EVENTS, DEAD_LETTERS)}
        return [*erased_rows(self.offsets), *(ErasedRows(name, "", rows) for name, rows in sorted(sides.items()))]


def look(catalog: Catalog, definition: Definition, condition: Condition) -> Found:
    """Read every file that may hold rows of the condition and that a snapshot shows. Changes nothing.

    Raises ConfigError and LakeError as `holders` does, and LakeError for a file that is damaged or not ours to rewrite.
    """
    snapshot = catalog.head().id
    files: list[FileMatch] = []
    past: list[FileMatch] = []
    rows: dict[str, int] = {}
    of: dict[str, int] = {}
    past_of: dict[str, int] = {}
    offsets: Offsets = {}
    by_field = 0
    for holder in holders(catalog, definition, condition):
        name = holder.table.name
        rows[name] = of[name] = 0
        ended, past_of[name] = _past(catalog, holder)
        past += ended
        for file in live_files(catalog, holder.table):
            if file.begin_snapshot > snapshot:
                continue
            content, _ = read_file(catalog, file_path(catalog, holder.table, file), file, holder.table)
            matched = holder.matched(content)
            of[name] += content.num_rows
            if not matched.rows:
                continue
            if not file.mergeable:
                raise LakeError(
                    f"{file.path} of table {name} holds rows of it and was changed by another client: turn its changes "
                    "into a file with CALL ducklake_rewrite_data_files('lake'), then erase"
                )
            files.append(FileMatch(holder, file, matched.rows))
            rows[name] += matched.rows
            by_field += matched.by_field
            if name in (EVENTS, DEAD_LETTERS):
                gone = content.select([_PARTITION, _OFFSET]).filter(matched.mask)
                for each in gone.to_pylist():
                    offsets.setdefault((name, each[_PARTITION] or ""), []).append(each[_OFFSET])
    cut = _showing(catalog, files, past)
    return Found(snapshot, tuple(files), tuple(past), rows, of, by_field, offsets, cut, past_of)


def _past(catalog: Catalog, holder: Holder | DeadLetterHolder) -> tuple[list[FileMatch], int]:
    """Files of the table with rows of it that are no longer live, but that kept snapshots still show.

    And the rows of all such files, with and without one of it.
    """
    ended = catalog.connection.execute(
        "SELECT data_file_id, path, record_count, file_size_bytes, row_id_start, begin_snapshot, partial_max"
        " FROM ducklake_data_file WHERE table_id = ? AND EXISTS (SELECT 1 FROM ducklake_snapshot s"
        " WHERE s.snapshot_id >= begin_snapshot AND s.snapshot_id < end_snapshot)",
        (holder.table.id,),
    ).fetchall()
    found: list[FileMatch] = []
    for row in ended:
        file = LiveFile(*row)
        content, _ = read_file(catalog, file_path(catalog, holder.table, file), file, holder.table)
        if rows := holder.matched(content).rows:
            found.append(FileMatch(holder, file, rows))
    return found, sum(row[2] for row in ended)


def require_few(found: Found, most_rows: int | None, condition: str) -> None:
    """Raise ConfigError where more rows match than one person has: `most_rows` of each table, or SHARE of its rows."""
    for name, alive in found.rows.items():
        past = found.past_rows.get(name, 0)
        # a lake that was taken over has its rows twice while the past is kept, and those of a person with them
        count, total = alive + past, found.of[name] + found.past_of.get(name, 0)
        most = max(FEW_ROWS, total // SHARE) if most_rows is None else most_rows
        if count > most:
            share = f"more than 1 in {SHARE}" if most_rows is None else f"more than the {most_rows:,} of --most-rows"
            raise ConfigError(
                "--where",
                condition,
                f"matches {count:,} of the {total:,} rows of {name}, {share}: nothing was erased. Name one person, or, "
                f"if all of these are meant, say --most-rows {count}",
            )


def file_path(catalog: Catalog, table: TableLayout, file: LiveFile) -> Path:
    """Where the file lies."""
    return table_folder(catalog.folder, table.path) / file.path


def _showing(catalog: Catalog, files: Sequence[FileMatch], past: Sequence[FileMatch]) -> tuple[int, ...]:
    """The kept snapshots that show one of the files."""
    ids = [match.file.id for match in (*files, *past)]
    rows = catalog.connection.execute(
        "SELECT snapshot_id FROM ducklake_snapshot s WHERE EXISTS (SELECT 1 FROM ducklake_data_file f"
        f" WHERE f.data_file_id IN ({','.join(map(str, ids))}) AND s.snapshot_id >= f.begin_snapshot"
        " AND (f.end_snapshot IS NULL OR s.snapshot_id < f.end_snapshot)) ORDER BY snapshot_id"
    )
    return tuple(number for (number,) in rows)
