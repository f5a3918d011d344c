"""Which tables hold the columns that a condition names, under which names, and which rows of them match."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dataflow.errors import ConfigError
from dataflow.own_columns import TIMESTAMP, VALUE
from dataflow.pipeline.names import DEAD_LETTERS, EVENTS
from sinks.lake.catalog.arrow import column_type
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.layout import TableLayout
from sinks.lake.content import require_plain
from sinks.lake.tables.definition import AggregateDefinition, Definition, RollupDefinition
from sinks.lake.upkeep.raw_match import RawMatch, Value

_PLAIN = {str(kind): kind for kind in (pa.string(), pa.int64(), pa.float64(), pa.bool_(), pa.date32())}

Mask = npt.NDArray[np.bool_]


class Condition(Protocol):
    """What says whose rows they are: true where each column of `constants` has one of its values."""

    @property
    def constants(self) -> Mapping[str, Sequence[Value]]:
        """The values asked for, by column."""
        ...

    def matches(self, columns: Mapping[str, pa.Array]) -> pa.Array:
        """True or false per row."""
        ...


@dataclass(frozen=True, slots=True)
class Matched:
    """The rows of one part of a table that match; of dead letters, how many by their fields."""

    mask: Mask
    by_field: int = 0

    @property
    def rows(self) -> int:
        """How many."""
        return int(self.mask.sum())


@dataclass(frozen=True, slots=True)
class Holder:
    """One table that holds the columns: `columns` leads from the condition's names to the table's."""

    table: TableLayout
    condition: Condition
    columns: Mapping[str, str]

    def matched(self, rows: pa.Table) -> Matched:
        """Which of these rows of the table match."""
        columns: dict[str, pa.Array] = {}
        for name, own in self.columns.items():
            column = self.table.column(own)
            if own not in rows.column_names or column is None:
                # an older file, from before the column
                return Matched(np.zeros(rows.num_rows, np.bool_))
            kind = column_type(column)
            values = rows.column(own)
            # a condition compares times as the pipeline does: in milliseconds
            is_time = pa.types.is_timestamp(kind)
            whole = values.cast(TIMESTAMP, safe=False).cast(pa.int64()) if is_time else values.cast(kind)
            columns[name] = whole.combine_chunks()
        return Matched(_mask(self.condition.matches(columns)))


@dataclass(frozen=True, slots=True)
class DeadLetterHolder:
    """The dead letters: their raw bytes hold whatever the record held."""

    table: TableLayout
    raw: RawMatch

    def matched(self, rows: pa.Table) -> Matched:
        """Which of these rows match, by a field or by the bytes."""
        found = [self.raw.matched(value) for value in rows.column("value").to_pylist()]
        return Matched(np.array([how is not None for how in found], np.bool_), found.count("field"))


def condition_schema(definition: Definition) -> pa.Schema:
    """The columns that a condition may name: the event's own; all of table events where an old lake does not tell.

    A list is none: of its values one alone may be a person's.
    """
    own = {field.name for field in definition.event}
    plain = [(name, text) for name, text in definition.columns if not text.startswith("list<")]
    return pa.schema([pa.field(name, _type(text)) for name, text in plain if name in own or not own])


def _type(text: str) -> pa.DataType:
    decimal = re.fullmatch(r"decimal128\((\d+), (\d+)\)", text)
    return _PLAIN[text] if decimal is None else pa.decimal128(int(decimal[1]), int(decimal[2]))


def holders(catalog: Catalog, definition: Definition, condition: Condition) -> list[Holder | DeadLetterHolder]:
    """The tables whose rows tell of the person. `late_events` is none: it holds no field of the event.

    Raises ConfigError where a side table holds some of the condition's columns and not all: which of its rows are
    meant cannot be told. Raises LakeError where another client has changed one of the tables.
    """
    tables = catalog.tables()
    found: list[Holder | DeadLetterHolder] = []
    if EVENTS in tables:
        found.append(Holder(tables[EVENTS], condition, {name: name for name in condition.constants}))
    if DEAD_LETTERS in tables:
        paths = {field.name: field.path for field in definition.event}
        found.append(DeadLetterHolder(tables[DEAD_LETTERS], RawMatch(condition.constants, paths)))
    for rollup, aggregate in _side_tables(definition):
        name = f"{rollup.name}_{aggregate.name}_distinct"
        if name not in tables:
            continue
        held = side_columns(rollup, aggregate)
        there = {column: held[column] for column in condition.constants if column in held}
        if there.keys() == condition.constants.keys():
            found.append(Holder(tables[name], condition, there))
        elif there:
            absent = next(column for column in condition.constants if column not in there)
            raise ConfigError(
                "--where",
                " AND ".join(condition.constants),
                f"table {name} holds {', '.join(there)} and not {absent}, so which of its rows are meant cannot be "
                f"told; name {' and '.join(there)} alone",
            )
    for each in found:
        require_plain(catalog.connection, each.table, "erase")
    return found


def side_columns(rollup: RollupDefinition, aggregate: AggregateDefinition) -> dict[str, str]:
    """Of the side table of an exact distinct count: the event's columns that it holds -> its own names of them."""
    held = {name: name for name in rollup.key_names}
    if aggregate.column is not None:
        held.setdefault(aggregate.column, VALUE)
    return held


def keyed_tables(catalog: Catalog, definition: Definition, condition: Condition) -> dict[str, Holder]:
    """The rollups' tables that have all of the condition's columns as keys, and so go on telling its values."""
    tables, columns = catalog.tables(), {name: name for name in condition.constants}
    names = [f"{rollup.name}_delta" for rollup in definition.rollups if columns.keys() <= set(rollup.key_names)]
    return {name: Holder(tables[name], condition, columns) for name in names if name in tables}


def alerts_of(rows: pa.Table, condition: Condition) -> int:
    """How many of these rows of table alert_changes have a key that the condition names, or a value.

    Several columns are looked for together, in keys that have all of them.
    """
    wanted = {name: {str(value) for value in values} for name, values in condition.constants.items()}
    alone = next(iter(wanted.values())) if len(wanted) == 1 else set()
    found = 0
    for key, values in zip(rows.column("key").to_pylist(), rows.column("values").to_pylist(), strict=True):
        told = {name: str(value) for name, value in json.loads(key, parse_float=str).items()}
        is_key = all(told.get(name) in each for name, each in wanted.items())
        found += is_key or any(str(value) in alone for value in json.loads(values, parse_float=str).values())
    return found


def _side_tables(definition: Definition) -> Iterator[tuple[RollupDefinition, AggregateDefinition]]:
    for rollup in definition.rollups:
        for aggregate in rollup.aggregates:
            if aggregate.known.keeps_values:
                yield rollup, aggregate


def _mask(answer: pa.Array) -> Mask:
    mask: Mask = np.asarray(answer.to_numpy(zero_copy_only=False), np.bool_)
    return mask
