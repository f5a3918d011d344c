"""The bounds that the catalog keeps of a table as a whole: wide enough for every row, and no wider once rows went."""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sinks.lake.catalog.ownership import rows_inside_catalog
from sinks.lake.catalog.staged import StagedFile
from sinks.lake.catalog.types import Bound, from_text


@dataclass(slots=True)
class _Sum:
    """What all files say of one column."""

    files: int = 0
    nulls: bool = False
    nan: int | None = 0
    low: set[str | None] = field(default_factory=set)
    high: set[str | None] = field(default_factory=set)


class _Known(NamedTuple):
    """A column's bounds in the catalog; None = unknown."""

    has_null: int | None
    has_nan: int | None
    low: str | None
    high: str | None


def widen_bounds(connection: sqlite3.Connection, file: StagedFile) -> None:
    """Inside a transaction that adds `file`: make its table's bounds hold the file's values, too."""
    rows = connection.execute(
        "SELECT column_id, contains_null, contains_nan, min_value, max_value"
        " FROM ducklake_table_column_stats WHERE table_id = ?",
        (file.table_id,),
    ).fetchall()
    known = {column_id: _Known(*row) for column_id, *row in rows}
    first = not known
    updates: list[tuple[object, ...]] = []
    for column in file.columns:
        new = _Known(int(column.null_count > 0), column.contains_nan, column.low, column.high)
        old = known.pop(column.column_id, None)
        if old is None:
            if first:
                connection.execute(
                    "INSERT INTO ducklake_table_column_stats VALUES (?, ?, ?, ?, ?, ?, NULL)",
                    (file.table_id, column.column_id, *new),
                )
            # without a row the extension assumes nothing, which is right for a column added later
            continue
        merged = _Known(
            max(old.has_null or 0, new.has_null or 0),
            None if old.has_nan is None or new.has_nan is None else max(old.has_nan, int(new.has_nan)),
            _wider(old.low, new.low, column.type, column.value_count, low=True),
            _wider(old.high, new.high, column.type, column.value_count, low=False),
        )
        if merged != old:
            updates.append((*merged, file.table_id, column.column_id))
    # columns of the table that this file lacks read as NULL from it
    updates += [(*old._replace(has_null=1), file.table_id, number) for number, old in known.items() if not old.has_null]
    _update(connection, updates)


def recompute_bounds(connection: sqlite3.Connection, table_id: int) -> None:
    """Inside a transaction that removed rows or added them up: the bounds that the files left in the catalog have.

    The official client answers min and max from them. Files that only older snapshots show count as well: the
    bounds have no versions. Rows that lie inside the catalog have no statistics, so beside them no bound is known.
    """
    files = connection.execute("SELECT count(*) FROM ducklake_data_file WHERE table_id = ?", (table_id,)).fetchone()[0]
    inlined = rows_inside_catalog(connection, table_id)
    if not files and not inlined:
        connection.execute("DELETE FROM ducklake_table_column_stats WHERE table_id = ?", (table_id,))
        return
    sums = _sums(connection, table_id)
    kinds = dict(
        connection.execute("SELECT column_id, column_type FROM ducklake_column WHERE table_id = ?", (table_id,))
    )
    known = connection.execute(
        "SELECT column_id, contains_null, contains_nan, min_value, max_value"
        " FROM ducklake_table_column_stats WHERE table_id = ?",
        (table_id,),
    ).fetchall()
    updates: list[tuple[object, ...]] = []
    for column_id, *row in known:
        old = _Known(*row)
        found = sums.get(column_id, _Sum())
        kind = kinds.get(column_id, "")
        new = _Known(
            int(found.nulls or found.files < files or inlined),
            None if old.has_nan is None else found.nan,
            None if inlined else _outermost(found.low, kind, low=True),
            None if inlined else _outermost(found.high, kind, low=False),
        )
        if new != old:
            updates.append((*new, table_id, column_id))
    _update(connection, updates)


def _sums(connection: sqlite3.Connection, table_id: int) -> Mapping[int, _Sum]:
    sums: dict[int, _Sum] = {}
    rows: Iterable[tuple[int, int, int | None, int | None, str | None, str | None]] = connection.execute(
        "SELECT s.column_id, s.value_count, s.null_count, s.contains_nan, s.min_value, s.max_value"
        " FROM ducklake_data_file f JOIN ducklake_file_column_stats s USING (data_file_id) WHERE f.table_id = ?",
        (table_id,),
    )
    for column_id, values, nulls, nan, low, high in rows:
        found = sums.setdefault(column_id, _Sum())
        found.files += 1
        found.nulls |= nulls is None or nulls > 0
        found.nan = None if nan is None or found.nan is None else max(nan, found.nan)
        if values != 0:
            found.low.add(low)
            found.high.add(high)
    return sums


def _outermost(texts: set[str | None], kind: str, *, low: bool) -> str | None:
    """The text of the smallest or largest bound; None if one of them is unknown."""
    chosen: tuple[Bound, str] | None = None
    for text in texts:
        value = from_text(text, kind)
        if value is None or text is None:
            return None
        if chosen is None or (value < chosen[0]) == low:  # type: ignore[operator]  # both are of the column's type
            chosen = value, text
    return None if chosen is None else chosen[1]


def _update(connection: sqlite3.Connection, updates: list[tuple[object, ...]]) -> None:
    connection.executemany(
        "UPDATE ducklake_table_column_stats SET contains_null = ?, contains_nan = ?, min_value = ?, max_value = ?"
        " WHERE table_id = ? AND column_id = ?",
        updates,
    )


def _wider(old: str | None, new: str | None, kind: str, values: int, *, low: bool) -> str | None:
    if values == 0:
        return old
    # an unknown bound stays unknown: NULL may also mean "no value so far", but that cannot be told apart
    if old is None or new is None:
        return None
    before: Bound | None = from_text(old, kind)
    after: Bound | None = from_text(new, kind)
    if before is None or after is None:
        return None
    lower = after < before  # type: ignore[operator]  # both are of the column's type
    return new if lower == low and after != before else old
