"""What `generate` gives: files to keep, statements to run, and the tables that they write."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class SinkTable:
    """A table that the job writes.

    `topic`: the Kafka topic that must be there first, `path`: the folder below which Parquet files come; one of them is
    None. `columns` in order, by Arrow types: decimals with their digits, times as int64 ms. `key`: the columns of which
    the last record counts; none = every record is a row of its own. `hidden`: those of the columns that stand for key
    columns that may be null, which no key of a Kafka record can be. `changes`: its records are changes in Debezium's
    JSON, what is taken back before what takes its place. `rule`: that of whose alerts it has a row each.
    """

    name: str
    columns: pa.Schema
    key: tuple[str, ...] = ()
    topic: str | None = None
    path: str | None = None
    hidden: tuple[str, ...] = ()
    changes: bool = False
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Generated:
    """A generated job.

    `files`: name -> text. `statements`: what a SQL session runs in this order, the last of which starts the job;
    `settings`: the session's settings, which are also the statements that begin with SET.
    """

    files: Mapping[str, str]
    statements: tuple[str, ...]
    settings: Mapping[str, str]
    tables: tuple[SinkTable, ...]

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that the job writes, which have to be there before it starts."""
        return tuple(table.topic for table in self.tables if table.topic is not None)

    def table(self, name: str) -> SinkTable:
        """The table of a rollup, `late_events` or `dead_letters`."""
        return next(table for table in self.tables if table.name == name)
