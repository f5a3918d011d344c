"""The proof of an erasure: every file of the lake and every cell of its catalog looked at for what should be gone."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dataflow.pipeline.names import ALERT_CHANGES
from dataflow.sql import quoted
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.layout import TableLayout
from sinks.lake.catalog.ownership import full_path, is_own_file, own_folders
from sinks.lake.catalog.sqlite import CATALOG_NAME
from sinks.lake.names import is_dimension_copy, sink_file, table_folder
from sinks.lake.tables.definition import Definition
from sinks.lake.upkeep.compact import live_files, read_file
from sinks.lake.upkeep.holders import Condition, alerts_of, holders, keyed_tables
from sinks.lake.upkeep.tiers import LiveFile

SHORTEST_BYTES = 3
"""Shorter values stand in the catalog's pages by chance; only its cells are compared with them."""

_BOUNDS = ("ducklake_file_column_stats", "ducklake_table_column_stats")
_BLOCK_BYTES = 1 << 20


@dataclass(slots=True)
class Remains:
    """What a look at everything found. `left` should be gone; `stays` is there for the reason that it tells."""

    files: int = 0
    size_bytes: int = 0
    left: list[str] = field(default_factory=list)
    stays: list[str] = field(default_factory=list)


def searched_texts(condition: Condition) -> tuple[str, ...]:
    """The values to look for as bytes: texts of a condition on one column; beside others one alone says nothing."""
    values = next(iter(condition.constants.values())) if len(condition.constants) == 1 else ()
    texts = tuple(value for value in values if isinstance(value, str))
    return texts if len(texts) == len(values) else ()


def remains(catalog: Catalog, definition: Definition, condition: Condition, snapshot: int) -> Remains:
    """Look for the rows of `condition` in every live file, and for its texts in all there is in the lake's folder.

    `snapshot` is the one whose rows were erased: what was committed later is new and stays.
    """
    return _Search(catalog, definition, condition, snapshot).run()


def files_with(folder: Path, texts: Sequence[str]) -> list[Path]:
    """The files below `folder` whose bytes hold one of the texts, as they lie."""
    needles = [text.encode() for text in texts if len(text.encode()) >= SHORTEST_BYTES]
    return [path for path in _files(folder) if needles and _holds(path, needles)]


class _Search:
    def __init__(self, catalog: Catalog, definition: Definition, condition: Condition, snapshot: int) -> None:
        self._catalog = catalog
        self._condition = condition
        self._snapshot = snapshot
        self._texts = searched_texts(condition)
        self._needles = [text.encode() for text in self._texts]
        self._holders = {holder.table.name: holder for holder in holders(catalog, definition, condition)}
        self._aggregates = {f"{rollup.name}_delta" for rollup in definition.rollups}
        self._named = {
            full_path(table_folder(catalog.folder, table.path), file)
            for table in catalog.tables().values()
            for (file,) in catalog.connection.execute(
                "SELECT path FROM ducklake_data_file WHERE table_id = ?", (table.id,)
            )
        }
        self._keyed = keyed_tables(catalog, definition, condition)
        self._columns = set(condition.constants)
        self._found = Remains()
        self._left: Counter[str] = Counter()
        self._stays: Counter[str] = Counter()

    def run(self) -> Remains:
        catalog, found = self._catalog, self._found
        live = {
            full_path(table_folder(catalog.folder, table.path), file.path): (table, file)
            for table in catalog.tables().values()
            for file in live_files(catalog, table)
        }
        for path in _files(catalog.folder):
            if path.name.startswith(CATALOG_NAME):
                continue
            found.files += 1
            found.size_bytes += path.stat().st_size
            place = live.pop(full_path(path.parent, path.name), None)
            if place is None:
                self._unlisted(path)
            else:
                self._listed(path, *place)
        if self._texts:
            catalog.connection.execute("BEGIN")
            try:
                self._cells()
            finally:
                catalog.connection.execute("COMMIT")
            self._pages()
        found.left += [_told(what, rows) for what, rows in self._left.items()]
        found.stays += [_told(what, rows) for what, rows in self._stays.items() if rows]
        return found

    def _listed(self, path: Path, table: TableLayout, file: LiveFile) -> None:
        content, _ = read_file(self._catalog, path, file, table)
        newer = file.begin_snapshot > self._snapshot
        holder = self._holders.get(table.name)
        rows = 0 if holder is None else holder.matched(content).rows
        if rows and newer:
            self._stays[f"{table.name}: committed since, so new"] += rows
        elif rows:
            self._left[f"{table.name}: rows of it"] += rows
        if table.name in self._keyed:
            rows = self._keyed[table.name].matched(content).rows
            self._stays[f"{table.name}: {' and '.join(self._columns)} is a key of it; aggregates stay"] += rows
        if table.name == ALERT_CHANGES:
            self._stays[f"{table.name}: alerts tell it; they stay, as aggregates do"] += alerts_of(
                content, self._condition
            )
        for name, count in _equal_cells(content, self._texts):
            if table.name in self._keyed and name in self._columns:
                continue
            if table.name in self._aggregates:
                self._stays[f"{table.name}.{name}: aggregates stay as they are"] += count
            elif newer and (rows or name in self._columns):
                continue
            else:
                self._left[f"{table.name}.{name}: rows of others that name it"] += count

    def _unlisted(self, path: Path) -> None:
        name = path.relative_to(self._catalog.folder).as_posix()
        if is_dimension_copy(name):
            self._stays[f"{name}: cells of a dimension's file that rows were joined with"] += _cells_of(
                path, self._texts
            )
            return
        if not self._texts or not _parquet_or_bytes(path, self._texts, self._needles):
            return
        ours = is_own_file(name, own_folders(self._catalog.connection))
        if full_path(path.parent, path.name) in self._named:
            self._found.left.append(f"{name}: a file that is no longer live, and that older snapshots still show")
        elif ours and sink_file(path.name) is not None:
            self._found.stays.append(f"{name}: staged for a commit that is not published yet, so new")
        elif ours:
            self._found.left.append(f"{name}: a replaced file that is still there; run the same command again")
        else:
            self._found.left.append(f"{name}: a file that is not of Tidemill's tables, and not Tidemill's to delete")

    def _cells(self) -> None:
        """Every cell of the catalog that is equal to one of the texts."""
        run = self._catalog.connection.execute
        names = {table.id: table.name for table in self._catalog.tables().values()}
        marks = ",".join("?" * len(self._texts))
        for table, columns in _columns_of(self._catalog):
            for column in columns:
                if table in _BOUNDS and column in ("min_value", "max_value"):
                    continue
                (count,) = run(
                    f"SELECT count(*) FROM {quoted(table)} WHERE CAST({quoted(column)} AS TEXT) IN ({marks})",
                    self._texts,
                ).fetchone()
                if count:
                    self._left[f"the catalog's table {table}, column {column}"] += count
        for table in _BOUNDS:
            # a bound of a table as a whole is that of one of its files
            same = "s.data_file_id = f.data_file_id" if table == _BOUNDS[0] else "s.table_id = f.table_id"
            rows = run(
                f"SELECT s.table_id, EXISTS (SELECT 1 FROM ducklake_data_file f WHERE {same} AND f.begin_snapshot > ?)"
                f" FROM {table} s WHERE min_value IN ({marks}) OR max_value IN ({marks})",
                (self._snapshot, *self._texts, *self._texts),
            ).fetchall()
            for number, newer in rows:
                self._bound(names.get(number), newer=bool(newer))

    def _bound(self, table: str | None, *, newer: bool) -> None:
        if table in self._aggregates:
            self._stays[f"{table}: smallest and largest values of its files, in the catalog"] += 1
        elif newer:
            self._stays[f"{table}: smallest and largest values of rows committed since, in the catalog"] += 1
        else:
            self._left[f"{table or 'a table of another client'}: smallest and largest values, in the catalog"] += 1

    def _pages(self) -> None:
        """The bytes of the catalog's files, where no cell explains them: what was deleted and not overwritten."""
        needles = [needle for needle in self._needles if len(needle) >= SHORTEST_BYTES]
        raw = [
            (path, [needle for needle in needles if _holds(path, [needle])])
            for path in sorted(self._catalog.folder.glob(f"{CATALOG_NAME}*"))
        ]
        for path, held in raw:
            self._found.files += 1
            self._found.size_bytes += path.stat().st_size if path.exists() else 0
            if any(not self._explained(needle.decode()) for needle in held):
                self._found.left.append(f"{path.name}: bytes of deleted rows; run the same command again")

    def _explained(self, text: str) -> bool:
        run = self._catalog.connection.execute
        sql = "SELECT 1 FROM {} WHERE {} LIMIT 1"
        return any(
            run(
                sql.format(quoted(table), " OR ".join(f"instr(CAST({quoted(each)} AS TEXT), ?)" for each in columns)),
                [text] * len(columns),
            ).fetchone()
            for table, columns in [("sqlite_master", ["sql", "name"]), *_columns_of(self._catalog)]
        )


def _columns_of(catalog: Catalog) -> list[tuple[str, list[str]]]:
    run = catalog.connection.execute
    names = [name for (name,) in run("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()]
    return [(name, [row[1] for row in run(f"PRAGMA table_info({quoted(name)})").fetchall()]) for name in names]


def _equal_cells(content: pa.Table, texts: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Columns with cells that are equal to one of the texts, and how many."""
    for name, column in zip(content.column_names, content.columns, strict=True):
        if pa.types.is_list(column.type):
            column = pc.list_flatten(column)
        for kind, is_kind in ((pa.string(), pa.types.is_string), (pa.binary(), pa.types.is_binary)):
            if texts and is_kind(column.type):
                wanted = pa.array([text.encode() if kind == pa.binary() else text for text in texts], kind)
                count = int(pc.is_in(column, value_set=wanted).to_numpy().sum())
                if count:
                    yield name, count


def _parquet_or_bytes(path: Path, texts: Sequence[str], needles: Sequence[bytes]) -> bool:
    """Whether a file that the catalog does not list holds a text: as a cell, a word of bytes, or, if it is no Parquet
    file, anywhere.
    """
    try:
        content = pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError):
        return _holds(path, needles)
    words = [re.compile(rb"(?<![0-9A-Za-z_])" + re.escape(needle) + rb"(?![0-9A-Za-z_])") for needle in needles]
    raw = [column for column in content.columns if pa.types.is_binary(column.type)]
    return any(_equal_cells(content, texts)) or any(
        word.search(value) for column in raw for value in column.to_pylist() if value for word in words
    )


def _holds(path: Path, needles: Sequence[bytes]) -> bool:
    longest = max((len(needle) for needle in needles), default=1)
    held = b""
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                whole = held + block
                if any(needle in whole for needle in needles):
                    return True
                held = whole[len(whole) - longest + 1 :] if longest > 1 else b""
    except FileNotFoundError:
        pass
    return False


def _cells_of(path: Path, texts: Sequence[str]) -> int:
    """How many cells of a CSV file are one of the texts."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return sum(cell in texts for line in csv.reader(file) for cell in line) if texts else 0


def _files(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _told(what: str, rows: int) -> str:
    return f"{what} ({rows:,})"
