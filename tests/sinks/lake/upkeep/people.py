"""A lake of persons: events, dead letters and distinct values that name them, made by hand."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from dataflow import Rollup
from dataflow import aggregates as agg
from dataflow.filter.equalities import Equalities, equalities
from dataflow.messages import RollupCount
from dataflow.pipeline.tables import tables_of
from dataflow.windows import tumble
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.erasures import erasures
from sinks.lake.catalog.reader import open_readonly
from sinks.lake.tables.definition import Definition, read_definition
from sinks.lake.upkeep.compact import CompactionReport, compact
from sinks.lake.upkeep.erase import Erased, erase
from sinks.lake.upkeep.expire import Retention
from sinks.lake.upkeep.holders import condition_schema
from sinks.lake.writer import LakeWriter, commit
from tests.sinks.lake.small import Clock, at, event_row, parcel, small_plan, writer_for

PERSON = "person-42"
OTHERS = ("person-7", "someone", None)
PLAN = small_plan(
    [
        Rollup(
            "per_flag",
            keys=["flag"],
            window=tumble("1m"),
            aggregates={"n": agg.count(), "ads": agg.count_distinct("ad")},
        )
    ]
)
SPECS = tables_of(PLAN, events=True)
TABLES = ("events", "dead_letters", "per_flag_ads_distinct", "per_flag_delta", "ledger")
SIDE = "per_flag_ads_distinct"
KEEP_ALL = Retention(keep=timedelta(days=9_999), thin_every=timedelta(0))
MARK = "_ducklake_internal_snapshot_id"


def dead_row(offset: int, value: bytes | None) -> dict[str, Any]:
    place = {"topic": "t", "partition": "t/0", "offset": offset, "record_timestamp": None}
    return {**place, "value": value, "reason": "malformed", "field": None, "message": "it is no JSON"}


def end_files(catalog: Catalog, table: str, at_snapshot: int) -> None:
    """Take all files out of the table as of a snapshot: what leaving, or another client's DELETE of them, does."""
    with catalog.transaction() as connection:
        connection.execute(
            "UPDATE ducklake_data_file SET end_snapshot = ? WHERE table_id = ? AND end_snapshot IS NULL",
            (at_snapshot, catalog.tables()[table].id),
        )


def raw(person: str | None) -> bytes:
    return f'{{"ad": "{person}", "time": '.encode()


def definition_of(catalog: Catalog) -> Definition:
    definition = read_definition(catalog.one("SELECT definition FROM own_pipeline")[0])
    assert definition is not None
    return definition


def condition(catalog: Catalog, text: str = f"ad = '{PERSON}'") -> Equalities:
    return equalities(text, condition_schema(definition_of(catalog)))


class People:
    """The lake in `folder`; an epoch has an event of each person, a distinct value, and dead letters of some."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.writer: LakeWriter = writer_for(folder, PLAN, clock=self.clock)
        self.end = 0
        self.epoch = 0

    def grow(self, persons: Sequence[str | None], dead: Sequence[str | None] = ()) -> None:
        start, window = self.end, {"flag": True, "window_start": at(0), "window_end": at(60_000)}
        events = [event_row(start + number, ad=person) for number, person in enumerate(persons)]
        values = [{**window, "value": person} for person in dict.fromkeys(persons) if person is not None]
        delta = {**window, "n": len(persons), "row_count": len(persons), "late_count": 0}
        letters = [dead_row(start + len(persons) + number, raw(person)) for number, person in enumerate(dead)]
        self.end += len(persons) + len(dead)
        self.epoch += 1
        tables = {"events": events, "dead_letters": letters, SIDE: values, "per_flag_delta": [delta]}
        rollups = {rollup.name: RollupCount(0, len(persons), 0) for rollup in PLAN.rollups}
        counts: dict[str, Any] = {"accepted": len(persons), "dead": len(dead), "rollups": rollups}
        commit(self.writer, [parcel(PLAN, 0, start, self.end, tables=tables, **counts)], self.epoch)

    def compact(self, retention: Retention = KEEP_ALL, **options: Any) -> CompactionReport:
        catalog = Catalog.open(self.folder)
        try:
            return compact(catalog, SPECS, clock=self.clock, retention=retention, **options)
        finally:
            catalog.close()

    def erase(self, text: str = f"ad = '{PERSON}'", **options: Any) -> Erased:
        catalog = Catalog.open(self.folder)
        try:
            wanted = condition(catalog, text)
            return erase(catalog, definition_of(catalog), wanted, clock=self.clock, wait=lambda: None, **options)
        finally:
            catalog.close()

    def erasure_is_open(self) -> bool:
        catalog = Catalog.open(self.folder)
        try:
            return any(not each.finished for each in erasures(catalog.connection))
        finally:
            catalog.close()

    def rows(self, table: str) -> list[dict[str, Any]]:
        return rows_with_marks(self.folder, table)

    def content(self) -> dict[str, list[dict[str, Any]]]:
        return {table: self.rows(table) for table in TABLES}

    def files(self) -> set[str]:
        return {path.relative_to(self.folder).as_posix() for path in self.folder.glob("main/*/*")}

    def close(self) -> None:
        self.writer.close()


def rows_with_marks(folder: Path, table: str) -> list[dict[str, Any]]:
    """A table's newest rows in row order, each with the snapshot that added it."""
    found: list[dict[str, Any]] = []
    with open_readonly(folder) as reader:
        number = reader.latest().id
        for file in reader.files(reader.tables(number)[table], number):
            rows = pq.read_table(file.path, partitioning=None).to_pylist()
            assert len(rows) == file.record_count
            found += [{MARK: file.begin_snapshot, **row} for row in rows]
    return found


def listed(folder: Path) -> set[str]:
    """Files that the newest snapshot has, relative to the lake."""
    with open_readonly(folder) as reader:
        number = reader.latest().id
        tables = reader.tables(number).values()
        return {
            file.path.relative_to(reader.folder).as_posix() for table in tables for file in reader.files(table, number)
        }


def names(row: dict[str, Any], person: str = PERSON) -> bool:
    """Whether a row of any table names the person."""
    return row.get("ad") == person or row.get("value") in (person, raw(person))


def without(content: dict[str, list[dict[str, Any]]], person: str = PERSON) -> dict[str, list[dict[str, Any]]]:
    """What is to be left."""
    return {table: [row for row in rows if not names(row, person)] for table, rows in content.items()}


def holding(folder: Path, text: str = PERSON) -> list[str]:
    """Files whose bytes hold the text, as they lie on the disk."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path.relative_to(folder).as_posix() for path in paths if text.encode() in path.read_bytes()]
