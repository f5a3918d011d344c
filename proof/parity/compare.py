"""Two sides table by table: equal with so many rows, or the first differences and the rule that tells them apart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from dataflow.pipeline.names import ALERTS, DEAD_LETTERS, LATE_EVENTS
from dataflow.pipeline.plan import Plan
from dataflow.sql import quoted, text
from proof.parity.layout import ALERTS_LAYOUT, COUNTS, COUNTS_ROLLUP, Layout, Tables, layouts

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that both sides do not agree on: its key, and per column what each side says; no column = a row that
    one side lacks (`only` names the side that has it).
    """

    key: dict[str, object]
    only: str | None = None
    columns: dict[str, tuple[object, object]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One table on two sides. `repeated`: keys that stand more than once on a side. `rule`: what it is about."""

    table: str
    sides: tuple[str, str]
    rows: tuple[int, int]
    repeated: tuple[int, int]
    only: tuple[int, int]
    differing: int
    first: tuple[Difference, ...] = ()
    rule: str | None = None

    @property
    def is_equal(self) -> bool:
        """Whether both hold the same rows, each once."""
        return not (self.differing or any(self.only) or any(self.repeated))

    def as_json(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "table": self.table,
            "sides": list(self.sides),
            "rows": list(self.rows),
            "equal": self.is_equal,
            "repeated_keys": list(self.repeated),
            "rows_of_one_side": list(self.only),
            "rows_that_differ": self.differing,
            "rule": self.rule,
            "first": [
                {
                    "key": {name: _plain(value) for name, value in each.key.items()},
                    "only": each.only,
                    "columns": {name: [_plain(one) for one in pair] for name, pair in each.columns.items()},
                }
                for each in self.first
            ],
        }

    def told(self) -> str:
        """In words, over some lines where they differ."""
        a, b = self.sides
        if self.is_equal:
            return f"{self.table}: {a} and {b} are equal, {self.rows[0]:,} rows"
        parts = [f"{count:,} rows only in {side}" for side, count in zip(self.sides, self.only, strict=True) if count]
        parts += [f"{self.differing:,} rows differ"] if self.differing else []
        parts += [
            f"{count:,} keys more than once in {side}"
            for side, count in zip(self.sides, self.repeated, strict=True)
            if count
        ]
        about = "" if self.rule is None else f"; they disagree about {self.rule}"
        lines = [f"{self.table}: {a} ({self.rows[0]:,} rows) and {b} ({self.rows[1]:,} rows) differ{about}: "]
        lines[0] += ", ".join(parts)
        return "\n".join([*lines, *(f"  {line}" for each in self.first for line in _lines(each, self.sides))])


def compare(
    plan: Plan, a: str, first: Tables, b: str, second: Tables, duplicates: pa.Table | None = None
) -> list[Comparison]:
    """Every table that both sides have, by a full outer join. `duplicates`: rows that are no event's first ones."""
    known = {**layouts(plan), ALERTS: ALERTS_LAYOUT}
    # what decides comes first, so that a rule named there explains what follows from it
    order = [DEAD_LETTERS, LATE_EVENTS, COUNTS, COUNTS_ROLLUP, *(rollup.name for rollup in plan.rollups), ALERTS]
    found: dict[str, Comparison] = {}
    with duckdb.connect() as con:
        for name in order:
            if name not in first or name not in second:
                continue
            con.register("_a", first[name].cast(known[name].schema))
            con.register("_b", second[name].cast(known[name].schema))
            rules = _Rules(plan, known[name], found, duplicates)
            found[name] = _Joined(con, known[name], (a, b)).comparison(rules)
    return list(found.values())


class _Joined:
    """Both sides of one table, as _a and _b, next to each other."""

    def __init__(self, con: duckdb.DuckDBPyConnection, layout: Layout, sides: tuple[str, str]) -> None:
        self.con, self.layout, self.sides = con, layout, sides
        self.keys = [quoted(key.name) for key in layout.keys]
        on = " AND ".join(f"a.{key} IS NOT DISTINCT FROM b.{key}" for key in self.keys) or "TRUE"
        sources = [f"(SELECT *, TRUE AS _is FROM {side})" for side in ("_a", "_b")]
        self.both = f"{sources[0]} a FULL JOIN {sources[1]} b ON {on}"
        agrees = [column.agree(f"a.{quoted(column.name)}", f"b.{quoted(column.name)}") for column in layout.values]
        self.same = " AND ".join(agrees) or "TRUE"

    def comparison(self, rules: "_Rules") -> Comparison:
        rows = (self._one("SELECT count(*) FROM _a"), self._one("SELECT count(*) FROM _b"))
        only_a = self._one(f"SELECT count(*) FROM {self.both} WHERE b._is IS NULL")
        only_b = self._one(f"SELECT count(*) FROM {self.both} WHERE a._is IS NULL")
        differing = self._one(f"SELECT count(*) FROM {self.both} WHERE a._is AND b._is AND NOT ({self.same})")
        first = tuple(self._first()) if only_a or only_b or differing else ()
        repeated = (self._repeated("_a"), self._repeated("_b"))
        rule = rules.of(first, (only_a, only_b), differing) if first else None
        return Comparison(self.layout.name, self.sides, rows, repeated, (only_a, only_b), differing, first, rule)

    def _one(self, sql: str) -> int:
        [(count,)] = self.con.sql(sql).fetchall()
        return int(count)

    def _repeated(self, side: str) -> int:
        by = ", ".join(self.keys) or "1"
        return self._one(f"SELECT count(*) FROM (SELECT {by} FROM {side} GROUP BY {by} HAVING count(*) > 1)")

    def _first(self) -> Iterator[Difference]:
        names = [column.name for column in self.layout.values]
        keys = [f"coalesce(a.{key}, b.{key}) AS k{at}" for at, key in enumerate(self.keys)]
        pairs = [f"{side}.{quoted(name)}" for name in names for side in ("a", "b")]
        agree = [column.agree(f"a.{quoted(column.name)}", f"b.{quoted(column.name)}") for column in self.layout.values]
        fields = ", ".join([*keys, "a._is", "b._is", *pairs, *agree])
        order = ", ".join(f"k{at} NULLS FIRST" for at in reversed(range(len(keys)))) or "1"
        wrong = f"a._is IS NULL OR b._is IS NULL OR NOT ({self.same})"
        for row in self.con.sql(
            f"SELECT {fields} FROM {self.both} WHERE {wrong} ORDER BY {order} LIMIT {SHOWN}"
        ).fetchall():
            key = dict(zip((each.name for each in self.layout.keys), row, strict=False))
            in_a, in_b, *values = row[len(keys) :]
            if in_a and in_b:
                told = values[2 * len(names) :]
                pairs_of = zip(names, values[0::2], values[1::2], strict=False)
                columns = {name: (x, y) for (name, x, y), same in zip(pairs_of, told, strict=True) if not same}
                yield Difference(key, None, columns)
            else:
                yield Difference(key, self.sides[0] if in_a else self.sides[1])


class _Rules:
    """Which rule of the semantics a difference is about, where that can be told."""

    def __init__(self, plan: Plan, layout: Layout, found: dict[str, Comparison], duplicates: pa.Table | None) -> None:
        self.plan, self.layout, self.found, self.duplicates = plan, layout, found, duplicates

    def of(self, first: Sequence[Difference], only: tuple[int, int], differing: int) -> str | None:
        """In words; None where it cannot be told."""
        name = self.layout.name
        columns = {column for each in first for column in each.columns}
        if name == DEAD_LETTERS:
            return "the contract: which records are events" if any(only) else f"the contract: {_listed(columns)}"
        if name == LATE_EVENTS:
            if self._differs(DEAD_LETTERS):
                return "lateness, after other dead letters"
            return "lateness: which rows are late" if any(only) else f"lateness: {_listed(columns)}"
        if name in (COUNTS, COUNTS_ROLLUP):
            return f"the classes of records: {_listed(columns)}" if columns else None
        if name == ALERTS:
            told = [rollup.name for rollup in self.plan.rollups if self._differs(rollup.name)]
            return f"alerts, after other rows of {', '.join(told)}" if told else "alerts: for which rows a rule is true"
        return self._of_rollup(first, only, differing, columns)

    def _of_rollup(self, first: Sequence[Difference], only: tuple[int, int], differing: int, columns: set[str]) -> str:
        if self._differs(DEAD_LETTERS):
            return "the contract: dead_letters differ, too"
        late = self.found.get(LATE_EVENTS)
        if late is not None and any(each.key.get("rollup") == self.layout.name for each in late.first):
            return "lateness: its rows of late_events differ, too"
        if self._has_duplicates(first):
            return "dedup: there are duplicates in these windows"
        if any(only):
            return "windows and keys, or the filter" if not differing else "windows and keys, the filter, or aggregates"
        whats = [column.what for column in self.layout.values if column.name in columns]
        return f"aggregates: {', '.join(whats)}"

    def _differs(self, name: str) -> bool:
        return name in self.found and not self.found[name].is_equal

    def _has_duplicates(self, first: Sequence[Difference]) -> bool:
        if self.duplicates is None or self.duplicates.num_rows == 0:
            return False
        times = sorted(self.duplicates.column("event_time").to_pylist())
        spans = [(each.key["window_start"], each.key.get("window_end")) for each in first]
        return all(
            isinstance(start, int) and any(start <= time and (end is None or time < end) for time in times)
            for start, end in spans
        )


def _lines(each: Difference, sides: tuple[str, str]) -> Iterator[str]:
    place = ", ".join(f"{name} {_text(value)}" for name, value in each.key.items()) or "the only row"
    if each.only is not None:
        yield f"{place}: only in {each.only}"
    for name, pair in each.columns.items():
        a, b = (f"{_text(value)} in {side}" for value, side in zip(pair, sides, strict=True))
        yield f"{place}: {name} is {a}, {b}"


def _listed(columns: set[str]) -> str:
    return ", ".join(sorted(columns))


def _text(value: object) -> str:
    return "null" if value is None else text(value) if isinstance(value, str) else str(value)


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
