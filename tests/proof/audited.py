"""A lake made by the product from files, to be audited, and ways to damage it."""

import hashlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from copy import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dataflow import Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.filter.equalities import equalities
from dataflow.pipeline.tables import tables_of
from dataflow.sources.files.source import FilesSource
from dataflow.sources.source import Source
from dataflow.windows import hop, session, tumble
from proof.audit.audit import audit
from proof.audit.report import Report
from proof.audit.selection import Selection
from query.reader import LakeReader
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.tables.definition import read_definition
from sinks.lake.upkeep.compact import compact
from sinks.lake.upkeep.erase import erase
from sinks.lake.upkeep.expire import Retention
from sinks.lake.upkeep.holders import condition_schema
from tests.harness import Product
from tests.model.files import read_folder
from tests.model.streams import Cuts
from tests.small_event import SmallEvent

ROOT = Path(__file__).parents[2]

RECORDS = 60
"""Per source partition; there are two."""

CUTS = Cuts(tuple(step for _ in range(10) for step in (("poll", 0, 6), ("poll", 1, 4), ("epoch", 0, 0))))


def pipeline(**changes: Any) -> Pipeline:
    """Every kind of table: duplicates, late rows, hops, sessions, distinct values."""
    settings: dict[str, Any] = {
        "name": "small",
        "event": SmallEvent,
        "out_of_orderness": "2s",
        "deduplicate_by": "id",
        "deduplicate_within": "1m",
        "rollups": [
            Rollup(
                "per_ad",
                keys=["ad"],
                window=tumble("10s"),
                allowed_lateness="5s",
                aggregates={"n": agg.count(), "spend": agg.sum("cost"), "users": agg.count_distinct("user")},
            ),
            Rollup("moving", keys=["kind"], window=hop("10s", every="5s"), aggregates={"n": agg.count()}),
            Rollup("visits", keys=["user"], window=session("3s"), aggregates={"n": agg.count()}),
        ],
    }
    return Pipeline(**{**settings, **changes})


def write_input(folder: Path) -> None:
    """Two files with duplicates, late rows, broken records and an empty line, the same at every call."""
    folder.mkdir(parents=True)
    draw = random.Random(7)
    for name in ("left", "right"):
        lines = []
        for at in range(RECORDS):
            back_ms = draw.choice([0, 0, 0, 500, 1_900, 30_000])
            event = {
                "id": f"{name[0]}{at - 1 if at % 13 == 12 else at}",
                "time": 1_700_000_000_000 + at * 700 - back_ms,
                "kind": draw.choice("abc"),
                "ad": draw.choice(["x", "y", None]),
                "user": draw.randrange(3),
                "cost": draw.randrange(1000) / 8,
            }
            lines.append("" if at == 31 else "{" if at % 17 == 16 else json.dumps(event))
        (folder / f"{name}.ndjson").write_text("".join(f"{line}\n" for line in lines))


class DamagedLake:
    """The lake in folder `lake`, and what can be done to it."""

    lake: Path

    def run(self, sql: str, *values: Any) -> None:
        """One statement on the catalog, as no product would run it."""
        with sqlite3.connect(self.lake / "catalog.sqlite") as connection:
            assert connection.execute(sql, values).rowcount > 0
        connection.close()

    def files(self, table: str) -> list[tuple[int, Path]]:
        """The live files of a table with their ids, in row order."""
        with sqlite3.connect(self.lake / "catalog.sqlite") as connection:
            rows = connection.execute(
                "SELECT data_file_id, f.path FROM ducklake_data_file f JOIN ducklake_table t USING (table_id)"
                " WHERE table_name = ? AND f.end_snapshot IS NULL ORDER BY row_id_start",
                (table,),
            ).fetchall()
        connection.close()
        return [(number, self.lake / "main" / table / name) for number, name in rows]

    def rewrite(self, table: str, change: Callable[[pa.Table], pa.Table | None], *, cunning: bool) -> Path:
        """Put a changed table into the first file that `change` has something to change in (not None).

        `cunning`: the catalog's size, row count and digest follow, so that only recomputation can find it.
        """
        for number, path in self.files(table):
            content = pq.read_table(path, partitioning=None)
            changed = change(content)
            if changed is None:
                continue
            pq.write_table(changed.cast(content.schema), path, store_schema=False)
            if cunning:
                data = path.read_bytes()
                self.run(
                    "UPDATE own_file SET digest = ? WHERE data_file_id = ?", hashlib.sha256(data).hexdigest(), number
                )
                self.run(
                    "UPDATE ducklake_data_file SET file_size_bytes = ?, record_count = ?, footer_size = ?"
                    " WHERE data_file_id = ?",
                    len(data),
                    changed.num_rows,
                    int.from_bytes(data[-8:-4], "little"),
                    number,
                )
            return path
        raise AssertionError(f"no file of {table} to change")


class Audited(DamagedLake):
    """A lake under `folder`, its input, and what can be done to both."""

    def __init__(self, folder: Path, cuts: Cuts = CUTS, **changes: Any) -> None:
        self.folder = folder
        self.input = folder / "input"
        self.lake = folder / "lake"
        write_input(self.input)
        product = Product(pipeline(**changes), folder, read_folder(self.input), folder)
        product.run(cuts)
        self.plan = product.plan

    def copy(self, folder: Path) -> "Audited":
        """The same in another folder, to be damaged there."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        other = copy(self)
        other.folder, other.input, other.lake = folder, folder / "input", folder / "lake"
        return other

    def source(self) -> Source:
        return FilesSource(self.input, self.plan.event)

    def audit(self, source: Source | None = None, **selection: Any) -> Report:
        with LakeReader(self.lake) as reader:
            wanted = Selection(**selection)
            return audit(reader, self.plan, source or self.source(), selection=wanted, wait=lambda: None)

    def compact(self) -> None:
        catalog = Catalog.open(self.lake)
        try:
            later = datetime.now(UTC) + timedelta(days=30)
            report = compact(
                catalog,
                tables_of(self.plan, events=True),
                clock=lambda: later,
                retention=Retention(grace=timedelta(0)),
            )
            assert report.merged_files > 0
        finally:
            catalog.close()


def erased(lake: Audited, text: str) -> dict[str, int]:
    """Erase from the lake; rows per table."""
    catalog = Catalog.open(lake.lake)
    try:
        definition = read_definition(catalog.one("SELECT definition FROM own_pipeline")[0])
        assert definition is not None
        condition = equalities(text, condition_schema(definition))
        moment = datetime.now(UTC) + timedelta(days=1)
        done = erase(catalog, definition, condition, clock=lambda: moment, wait=lambda: None)
        return {name: rows for name, rows in done.found.rows.items() if rows}
    finally:
        catalog.close()


def without(at: int) -> Callable[[pa.Table], pa.Table | None]:
    """Remove row `at`."""
    return lambda table: None if table.num_rows <= at else pa.concat_tables([table.slice(0, at), table.slice(at + 1)])


def doubled(at: int) -> Callable[[pa.Table], pa.Table | None]:
    """Write row `at` twice."""
    return lambda table: None if table.num_rows <= at else pa.concat_tables([table, table.slice(at, 1)])


def with_value(at: int, **values: Any) -> Callable[[pa.Table], pa.Table | None]:
    """Give row `at` other values; a function gets the old one."""

    def change(table: pa.Table) -> pa.Table | None:
        rows = table.to_pylist()
        if at >= len(rows):
            return None
        for name, value in values.items():
            rows[at][name] = value(rows[at][name]) if callable(value) else value
        return pa.Table.from_pylist(rows, schema=table.schema)

    return change


def tidemill(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the command in `folder`, with `settings` in its environment and the pipeline of this module."""
    (folder / "small.py").write_text("from tests.proof.audited import pipeline as make\n\npipeline = make()\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIDEMILL_")}
    environment |= {"PYTHONPATH": str(ROOT), "TIDEMILL_PIPELINE": "small.py"}
    environment |= {f"TIDEMILL_{name.upper()}": value for name, value in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "run", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
