"""What a rollup's view is made of, so that rows kept in memory may stand where it merges its delta rows.

Kept are columns whose parts merge exactly in any order: counts, sums of decimals, extremes. Sketches and histograms
(lists) and sums of floats are not: such a column raises NotKept when a question reads it, which then asks the files.
Sessions are not kept at all, and neither are views whose text is of another form than that of this version.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dataflow.own_columns import COUNTS
from dataflow.sql import quoted, text
from query.duck import duckdb
from query.recent.frontier import Rule, rule_of
from sinks.lake.catalog.layout import TableLayout
from sinks.lake.tables.definition import RollupDefinition

NOT_KEPT = "this column is not kept in memory"
"""Stands in DuckDB's error where a question reads one."""

_FRONTIER = "WITH frontier AS ("
_FRONTIER_ASKED = "(SELECT frontier FROM frontier)"
_MERGED = "merged AS (SELECT {main} FROM {delta} GROUP BY {group} HAVING sum(row_count) > 0)"
_FLOATS = ("DOUBLE", "FLOAT")


class Output(NamedTuple):
    """One column of a view's merged rows: its type in DuckDB, and whether it is kept."""

    name: str
    type: str
    is_kept: bool


class Shape(NamedTuple):
    """A rollup's view in pieces. `rule`: of its frontier; `sql`: what comes behind that.

    `main`: what it selects of each group of delta rows; `outputs`: these columns. `kept`: the columns of the delta
    table that are kept, with their types; `lost`: the others. `added`: SQL by name of those kept ones that `main` does
    not give.
    """

    view: str
    rule: Rule
    sql: str
    delta: TableLayout
    main: str
    group: str
    outputs: Sequence[Output]
    kept: Mapping[str, str]
    lost: Mapping[str, str]
    added: Mapping[str, str]

    @property
    def reads_delta(self) -> bool:
        """Whether the view reads its delta table in another place, too."""
        return self.sql.count(quoted(self.delta.name)) > 1

    @property
    def stored(self) -> list[str]:
        """The columns of a table of kept rows, quoted: one row per key and window."""
        return [*(quoted(each.name) for each in self.outputs if each.is_kept), *map(quoted, self.added)]

    @property
    def deltas(self) -> list[str]:
        """The columns of delta rows as they are kept, quoted."""
        return [*map(quoted, self.kept)]

    def continues(self, former: "Shape") -> bool:
        """Whether rows kept by a former shape may go on as rows of this one: only the view around them may differ."""
        return former._replace(sql=self.sql, rule=self.rule) == self

    def grouped(self, rows: str) -> str:
        """SELECT of kept rows, one per key and window, from delta rows that `rows` selects (`deltas`)."""
        lost = "".join(f", NULL::{kind} AS {quoted(name)}" for name, kind in self.lost.items())
        added = "".join(f", {sql} AS {quoted(name)}" for name, sql in self.added.items())
        return (
            f"SELECT {', '.join(self.stored)} FROM (SELECT {self.main}{added} FROM"
            f" (SELECT *{lost} FROM ({rows}) AS kept) AS rows GROUP BY {self.group}) AS grouped"
        )

    def shown(self, clean: Sequence[str], rows: str, frontier: str) -> str:
        """The view's SQL over kept rows: those that the SELECTs of `clean` give as they are, those of `rows` merged.

        `frontier`: an expression of it.

        `clean`: `stored` columns of keys and windows that nothing else has; `rows`: `deltas` and `lost` columns.
        """
        outputs = ", ".join(
            quoted(each.name) if each.is_kept else f"{not_kept(each.type)} AS {quoted(each.name)}"
            for each in self.outputs
        )
        parts = [f"SELECT {outputs} FROM ({each}) AS clean WHERE row_count > 0" for each in clean]
        parts.append(f"SELECT {self.main} FROM ({rows}) AS rows GROUP BY {self.group} HAVING sum(row_count) > 0")
        merged = _MERGED.format(main=self.main, delta=quoted(self.delta.name), group=self.group)
        kept = self.sql.replace(merged, f"merged AS ({' UNION ALL '.join(parts)})")
        return f"WITH {kept.replace(_FRONTIER_ASKED, frontier)}"


def not_kept(kind: str) -> str:
    """An expression of a type that raises as soon as a value of it is read; it reads row_count to be no constant."""
    return f"error({text(NOT_KEPT)} || row_count::VARCHAR)::{kind}"


def is_not_kept(error: Exception) -> bool:
    """Whether a question has read a column that is not kept."""
    return NOT_KEPT in str(error)


def shape_of(rollup: RollupDefinition, sql: str, delta: TableLayout, cursor: duckdb.DuckDBPyConnection) -> Shape | None:
    """The pieces of a rollup's view; None where its rows are not kept."""
    found = None if rollup.merges_windows else _pieces(sql, quoted(delta.name))
    if found is None:
        return None
    rule, rest, main, group = found
    types = {column.name: column.duckdb for column in delta.columns}
    if not all(name in types for each in rollup.aggregates for name in each.known.columns(each.name)):
        # the lake remembers an aggregate that this snapshot has not yet
        return None
    merges = {column.name: f"sum({quoted(column.name)})" for column in COUNTS}
    lost: dict[str, str] = {}
    lossy: set[str] = set()
    for aggregate in rollup.aggregates:
        for part in aggregate.known.parts:
            for name in (aggregate.name + ending for ending in part.columns):
                if part.sql is None or (part.needs_exact and types[name] in _FLOATS):
                    lost[name] = types[name]
                    lossy.add(aggregate.name)
                else:
                    merges[name] = part.sql.format(column=quoted(name))
    nothing = ", ".join(f"NULL::{kind} AS {quoted(name)}" for name, kind in types.items())
    described = cursor.execute(f"DESCRIBE SELECT {main} FROM (SELECT {nothing}) AS rows GROUP BY {group}").fetchall()
    outputs = [Output(name, kind, name not in lossy) for name, kind, *_ in described]
    given = {each.name for each in outputs}
    kept = {name: kind for name, kind in types.items() if name not in lost}
    added = {name: f"CAST({merges[name]} AS {kind})" for name, kind in kept.items() if name not in given}
    return Shape(rollup.name, rule, rest, delta, main, group, outputs, kept, lost, added)


def _pieces(sql: str, delta: str) -> tuple[Rule, str, str, str] | None:
    """The frontier's rule, the text behind it, what that selects of delta rows, and by what it groups them.

    None for a text of another form.
    """
    begin, middle, end = _MERGED.partition("{main}")[0], f" FROM {delta} GROUP BY ", " HAVING sum(row_count) > 0)"
    frontier, border, rest = sql.removeprefix(_FRONTIER).partition(f"),\n{begin}")
    rule = rule_of(frontier)
    line, _, _ = rest.partition("\n")
    body = line.rstrip(",")
    if rule is None or not border or not body.endswith(end) or body.count(middle) != 1:
        return None
    main, _, group = body.removesuffix(end).partition(middle)
    return rule, f"{begin}{rest}", main, group
