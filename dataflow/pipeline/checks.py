"""The checks behind `make_plan`: each resolves one part of a definition, or notes field, value and fix."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args

import pyarrow as pa

from dataflow.aggregates import Aggregate
from dataflow.aggregates.kinds import Input, is_quantile
from dataflow.aggregates.kinds import kind_of as aggregate_kind_of
from dataflow.durations import Duration, to_ms, to_text
from dataflow.event.fields import text_to_ms
from dataflow.filter.expression import ConditionError, Expression
from dataflow.filter.parse import parse
from dataflow.own_columns import OF_EVENTS, OF_ROLLUPS, VALUE
from dataflow.pipeline.columns import Columns
from dataflow.spelling import suggest
from dataflow.windows import Window
from dataflow.windows.kinds import kind_of as window_kind_of

RESERVED_ROLLUPS = frozenset({"events", "late_events", "dead_letters", "ledger"})

MAX_DURATION_MS = 36_500 * 86_400_000
"""A hundred years: no sum of times and durations comes near the end of int64."""

MAX_WINDOWS_A_ROW = 2_000
"""How many windows of a rollup one row may be counted in."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Mistakes:
    """Collects what is wrong, each once: the field, its value, the fix."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, field: str, value: object, fix: str) -> None:
        """Note one mistake."""
        self.extend([f"{field} = {value!r}: {fix}"])

    def has(self, field: str) -> bool:
        """Whether one of this field is noted."""
        return any(line.startswith(f"{field} = ") for line in self.lines)

    def rename(self, field: str, called: str) -> None:
        """Tell the mistakes of a field under the name that its user gave it."""
        start = f"{field} = "
        lines = [f"{called} = {line.removeprefix(start)}" if line.startswith(start) else line for line in self.lines]
        self.lines = list(dict.fromkeys(lines))

    def extend(self, lines: Iterable[str]) -> None:
        """Note mistakes that are worded already."""
        self.lines += [line for line in lines if line not in self.lines]


def check_name(mistakes: Mistakes, field: str, name: object) -> bool:
    """A name that every engine takes without quotes."""
    if isinstance(name, str) and _NAME.fullmatch(name):
        return True
    mistakes.add(field, name, "a name starts with a lowercase letter and has lowercase letters, digits and _ only")
    return False


def check_rollup_name(mistakes: Mistakes, field: str, name: object) -> None:
    """A rollup's name, which is also the name of a view."""
    if not check_name(mistakes, field, name):
        return
    if name in RESERVED_ROLLUPS:
        mistakes.add(field, name, "reserved for a table of every lake; choose another name")
    elif str(name).endswith(("_delta", "_distinct")):
        mistakes.add(field, name, "names that end in _delta or _distinct are reserved for tables; choose another name")


def check_dimension_column(mistakes: Mistakes, field: str, name: str) -> None:
    """A column that stands beside the event's."""
    if name.lower() in OF_EVENTS:
        fix = f"table events has a column {name.lower()} of its own; rename it, here and in the file's header line"
        mistakes.add(field, name, fix)
    elif name.startswith("_"):
        fix = "names that begin with _ are Tidemill's own; rename it, here and in the file's header line"
        mistakes.add(field, name, fix)


def check_rollup_columns(
    mistakes: Mistakes, keys: Iterable[tuple[str, str]], others: Iterable[tuple[str, str]], distinct: Iterable[str]
) -> None:
    """(column, its owner as shown) pairs of a rollup's keys and of its other columns: each stands once in a table.

    `distinct` are its exact distinct counts: their side tables have the keys and a column of their own.
    """
    keys, others = list(keys), list(others)
    check_distinct_columns(mistakes, [*keys, *others])
    for column, owner in others:
        if column.lower() in OF_ROLLUPS:
            mistakes.add(owner, column, f"each rollup has a column {column.lower()} of its own; choose another name")
    for column, owner in keys:
        rename = f'call the field otherwise, and it reads the same with Field(alias="{column}")'
        if column.lower() in OF_ROLLUPS:
            mistakes.add(owner, column, f"each rollup has a column {column.lower()} of its own; {rename}")
        elif column.lower() == VALUE:
            for name in distinct:
                fix = f"the side table of {name} (count_distinct) has a column {VALUE} of its own; {rename}"
                mistakes.add(owner, column, fix)


def check_bytes(mistakes: Mistakes, field: str, limit: object) -> None:
    """A limit in bytes, or none."""
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        mistakes.add(field, limit, "write a whole number of bytes above 0, or leave it out")


def check_duration(
    mistakes: Mistakes, field: str, value: Duration | None, *, least_ms: int = 0, optional: bool = False
) -> int | None:
    """Milliseconds of a duration; None (if `optional`) stays None, as does what is wrong."""
    if value is None and optional:
        return None
    try:
        duration_ms = to_ms(value)  # type: ignore[arg-type]  # a None that is not optional is refused
    except ValueError as error:
        mistakes.add(field, value, _without_value(error, value))
        return None
    if duration_ms < least_ms:
        mistakes.add(field, value, f"too short; at least {least_ms} ms")
        return None
    if duration_ms > MAX_DURATION_MS:
        mistakes.add(field, value, 'too long; at most "36500d"')
        return None
    return duration_ms


def check_clock(mistakes: Mistakes, field: str, value: object) -> int | None:
    """Milliseconds since 1970 of a time as text; None stays None, as does what is wrong."""
    if value is None:
        return None
    if isinstance(value, str) and not value.isdigit():
        try:
            return text_to_ms(value)
        except ValueError:
            pass
    mistakes.add(field, value, 'write RFC 3339 with a zone, like "2026-03-01T00:00:00Z"')
    return None


def check_keep(mistakes: Mistakes, field: str, value: object, needed: Mapping[str, int]) -> int | None:
    """Milliseconds for which a table stays; None where that is for ever, or is wrong.

    `needed`: what it must be no shorter than the sum of, in words and in ms.
    """
    keep_ms = check_duration(mistakes, field, value, least_ms=1, optional=True)  # type: ignore[arg-type]  # what a file declares may be anything
    least_ms = sum(needed.values())
    if keep_ms is None or keep_ms >= least_ms:
        return keep_ms
    sum_of = " + ".join(words for words, ms in needed.items() if ms)
    fix = f'write at least {field.rpartition(".")[2]}="{to_text(least_ms)}"'
    mistakes.add(field, value, f"shorter than {sum_of}, so what is still needed would leave; {fix}")
    return None


def check_window(mistakes: Mistakes, field: str, window: object) -> None:
    """Sizes, steps and offsets that fit together."""
    if not isinstance(window, Window):
        mistakes.add(
            field, window, 'not a window; write tumble("1m"), hop("5m", every="1m"), cumulate(...) or session(...)'
        )
        return
    shown = _show_window(window)
    if window.mistake:
        mistakes.extend([f"{field}: {window.mistake}"])
        return
    if window.size_ms < 1 or window.slide_ms < 1:
        mistakes.extend([f"{field} = {shown}: a window is at least 1 ms long; write a longer one"])
        return
    if max(window.size_ms, window.slide_ms, window.offset_ms) > MAX_DURATION_MS:
        mistakes.extend([f'{field} = {shown}: too long; at most "36500d"'])
        return
    kind = window_kind_of(window)
    mistakes.extend(f"{field} = {shown}: {fix}" for fix in kind.mistakes(window))
    if window.size_ms > MAX_WINDOWS_A_ROW * window.slide_ms:
        fix = f"each row would count in {window.size_ms // window.slide_ms} windows, at most {MAX_WINDOWS_A_ROW}"
        mistakes.extend([f"{field} = {shown}: {fix}; make the step longer"])
    period_ms = kind.period_ms(window)
    if window.offset_ms >= period_ms:
        mistakes.extend([f"{field} = {shown}: `offset` must be shorter than {period_ms} ms, where windows repeat"])


def check_where(mistakes: Mistakes, field: str, text: str | None, columns: Columns) -> Expression | None:
    """A parsed filter; None where there is none or it is wrong."""
    if text is None:
        return None
    try:
        return parse(text, columns.schema, columns.values, unread=columns.hides)
    except ConditionError as error:
        for mistake in error.mistakes:
            mistakes.add(field, text, mistake)
        return None


def check_keys(mistakes: Mistakes, field: str, keys: object, columns: Columns) -> tuple[pa.Field, ...]:
    """The key columns with their types."""
    if isinstance(keys, str) or not isinstance(keys, list | tuple):
        mistakes.add(field, keys, "not a list of column names; write keys=[...] (keys=[] for one row per window)")
        return ()
    found = []
    for at, key in enumerate(keys):
        where = f"{field}[{at}]"
        if key in keys[:at]:
            mistakes.add(where, key, "named twice; leave one out")
        elif check_column(mistakes, where, key, columns):
            column = columns.schema.field(key)
            if pa.types.is_list(column.type):
                mistakes.add(where, key, "a list cannot be a key; it is kept in table events alone")
                continue
            if pa.types.is_floating(column.type):
                mistakes.add(where, key, "a float cannot be a key; use text, int, Money, bool or date")
            found.append(column)
    return tuple(found)


def check_column(mistakes: Mistakes, field: str, name: object, columns: Columns) -> bool:
    """A column that exists; False without a word for one that another mistake hides."""
    names = columns.schema.names
    if isinstance(name, str) and name in names:
        return True
    if not isinstance(name, str) or not columns.hides(name):
        mistakes.add(field, name, f"unknown column{suggest(str(name), names)}")
    return False


def check_aggregate(
    mistakes: Mistakes, field: str, aggregate: object, columns: Columns
) -> tuple[pa.DataType | None, Expression | None]:
    """The type of the aggregate's column and its parsed filter."""
    if not isinstance(aggregate, Aggregate):
        called = "; call it, like agg.count()" if callable(aggregate) else "; write agg.count(), agg.sum(column), ..."
        mistakes.add(field, aggregate, f"not an aggregate{called}")
        return None, None
    where = check_where(mistakes, f"{field}.where", aggregate.where, columns)
    kind = aggregate_kind_of(aggregate)
    if kind.needs_q and not is_quantile(aggregate.q):
        mistakes.add(f"{field}.q", aggregate.q, "a quantile is a number from 0 to 1, like 0.95")
    if aggregate.column is None and not kind.needs_column:
        return None, where
    if not check_column(mistakes, f"{field}.column", aggregate.column, columns):
        return None, where
    assert aggregate.column is not None
    type_ = columns.schema.field(aggregate.column).type
    if pa.types.is_list(type_):
        mistakes.add(
            field, f"{aggregate.kind}({aggregate.column})", "a list cannot be aggregated; it is kept in events"
        )
        return None, where
    fix = kind.unfit(aggregate, Input(type_, aggregate.column in columns.times))
    if fix:
        mistakes.add(field, f"{aggregate.kind}({aggregate.column})", fix)
    return type_, where


def check_table_names(mistakes: Mistakes, owners: Iterable[tuple[str, str]]) -> None:
    """(table, its owner as shown) pairs, none of which may repeat a table."""
    seen: dict[str, str] = {}
    told: set[str] = set()  # a repeated rollup repeats all its tables: once is enough
    for table, owner in owners:
        if table in seen and owner not in told:
            mistakes.add(owner, table, f"this table is also made by {seen[table]}; rename one")
            told.add(owner)
        seen.setdefault(table, owner)


def check_distinct_columns(mistakes: Mistakes, columns: Iterable[tuple[str, str]]) -> None:
    """(column, its owner as shown) pairs of one table; engines do not tell Cost from cost."""
    seen: dict[str, str] = {}
    for column, owner in columns:
        if column.lower() in seen:
            mistakes.add(owner, column, f"clashes with {seen[column.lower()]}; rename one")
        seen.setdefault(column.lower(), f"{owner} ({column})")


def listed(mistakes: Mistakes, field_name: str, values: object, kind: Any, written: str = "") -> list[Any]:
    """The entries of a list that are of `kind`, which is `written` so; notes what is not."""
    one = kind if isinstance(kind, type) else get_args(kind)[0]
    written = written or one.__name__
    if not isinstance(values, list | tuple):
        mistakes.add(field_name, values, f"write a list of {written}(...)")
        return []
    for at, value in enumerate(values):
        if not isinstance(value, kind):
            mistakes.add(f"{field_name}[{at}]", value, f"not a {one.__name__}; write {written}(...)")
    return [value for value in values if isinstance(value, kind)]


def check_mapping(mistakes: Mistakes, field: str, value: object, fix: str) -> dict[str, Any]:
    """A mapping with text keys; anything else counts as empty."""
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return dict(value)
    mistakes.add(field, value, fix)
    return {}


def _without_value(error: ValueError, value: object) -> str:
    return str(error).removeprefix(f"{value!r} is ")


def _show_window(window: Window) -> str:
    return f"{window.kind}(size {window.size_ms} ms, slide {window.slide_ms} ms, offset {window.offset_ms} ms)"
