"""What a later snapshot of a lake has that an earlier one had not, by what the catalog says of files and commits."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from dataflow.sql import quoted
from query.resolve import Resolved
from query.scan import history_sql, scan_sql
from sinks.lake.catalog.layout import DataFile, TableLayout
from sinks.lake.catalog.reader import CatalogReader
from sinks.lake.tables.views import shown_after_ms
from sinks.lake.upkeep.leave import RETENTION

_CHANGE = re.compile(r"(\w+):(\d+)")
_HARMLESS = frozenset({"inserted_into_table", "merge_adjacent"})
"""Changes after which a table has the rows that it had, and maybe more."""

_FARTHEST = 10_000
"""So many snapshots further, reading anew costs no more."""


class Course(NamedTuple):
    """How one snapshot came to be from another, if that is told, by ids of tables.

    `left`: those of which retention took files. `touched`: those that lost rows, or changed, in any other way.
    """

    is_told: bool
    left: frozenset[int]
    touched: frozenset[int]

    def only_grew(self, table: TableLayout, view_sql: str) -> bool:
        """Whether a view of the table shows what it showed of the earlier snapshot's rows, and maybe more.

        What retention takes is of windows that the view hides from then on.
        """
        is_hidden = table.id not in self.left or shown_after_ms(view_sql) is not None
        return self.is_told and table.id not in self.touched and is_hidden


LOST = Course(False, frozenset(), frozenset())
"""Nothing is known of the way from one to the other."""


def course(catalog: CatalogReader, earlier: Resolved, later: Resolved) -> Course:
    """How `later` came to be from `earlier`, of the same lake; LOST where the catalog does not tell (any more).

    It tells while every snapshot between them is kept: each says what it changed. What was summed up by a compaction
    is older than the oldest snapshot that is kept, and so is in `earlier`.
    """
    first, last = earlier.snapshot.id, later.snapshot.id
    if not first <= last <= first + _FARTHEST:
        return LOST
    known = {each.id: each for each in catalog.between(first, last)}
    if len(known) != last - first + 1 or known[first] != earlier.snapshot:
        return LOST
    left: set[int] = set()
    touched: set[int] = set()
    for number, each in known.items():
        for kind, table in _CHANGE.findall(each.changes) if number > first else ():
            if kind not in _HARMLESS:
                (left if each.message == RETENTION and kind == "deleted_from_table" else touched).add(int(table))
    return Course(True, frozenset(left), frozenset(touched))


def new_rows_sql(table: TableLayout, files: Sequence[DataFile], after: int, upto: int) -> str | None:
    """SELECT of the rows that the snapshots (after, upto] added, from the files at `upto`; None where there are none.

    Merged files are read only where they hold such rows.
    """
    whole = [file for file in files if file.begin_snapshot > after]
    partly = [
        file
        for file in files
        if file.begin_snapshot <= after and file.partial_max is not None and file.partial_max > after
    ]
    parts = [scan_sql(table, whole, upto)] if whole else []
    if partly:
        columns = ", ".join(quoted(column.name) for column in table.columns)
        parts.append(f"SELECT {columns} FROM ({history_sql(table, partly, upto)}) AS told WHERE _snapshot > {after}")
    return " UNION ALL ".join(parts) or None
