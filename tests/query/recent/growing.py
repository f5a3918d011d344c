"""A lake to which everything happens that can: its content is made up, its commits and upkeep are the product's own."""

import random
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from dataflow import Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.filter.equalities import equalities
from dataflow.pipeline.plan import make_plan
from dataflow.pipeline.tables import tables_of
from dataflow.windows import hop, session, tumble
from sinks.lake.files import write_file
from sinks.lake.tables.definition import read_definition
from sinks.lake.tables.prepare import create_lake, open_lake
from sinks.lake.tables.specs import specs_of_lake
from sinks.lake.upkeep.backfill import add_backfill
from sinks.lake.upkeep.compact import compact
from sinks.lake.upkeep.erase import erase
from sinks.lake.upkeep.expire import Retention
from sinks.lake.upkeep.holders import condition_schema
from tests.query.lakes import T0, Click, ledger

ADS = ("a", "b", "c", None)
KEEP_ALL = Retention(keep=timedelta(days=9_999), thin_every=timedelta(0))
EXPIRE = Retention(keep=timedelta(seconds=20), thin_every=timedelta(0), grace=timedelta(0))
THIN = Retention(keep=timedelta(days=1), thin_after=timedelta(seconds=5), thin_every=timedelta(seconds=3))
STEPS = (
    "commit",
    "commit",
    "commit",
    "late",
    "compact",
    "sum",
    "thin",
    "rules",
    "backfill",
    "erase",
    "leave",
    "restore",
)


def pipeline(lateness: str = "1m", keep: str | None = None) -> Pipeline:
    """Every kind of aggregate and of window."""
    count, total = agg.count(), agg.sum("cost")
    mixed = {
        "n": count,
        "spend": total,
        "mean": agg.avg("cost"),
        "least": agg.min("cost"),
        "most": agg.max("revenue"),
        "ads": agg.approx_count_distinct("ad_id"),
        "people": agg.count_distinct("ad_id"),
        "middle": agg.approx_quantile("cost", 0.5),
    }
    return Pipeline(
        name="ads",
        event=Click,
        out_of_orderness="5s",
        allowed_lateness=lateness,
        idle_timeout="30s",
        rollups=[
            Rollup("per_ad", ["ad_id"], tumble("1m"), {"clicks": count, "spend": total, "mean": agg.avg("cost")}),
            Rollup("mixed", ["campaign_id"], tumble("1m"), mixed, keep=keep),
            Rollup("hours", [], tumble("1h"), {"spend": total, "n": count}),
            Rollup("hopping", ["ad_id"], hop("5m", "1m"), {"n": count}, keep=keep),
            Rollup("visits", ["ad_id"], session("10s"), {"n": count}),
        ],
    )


class Growing:
    """The lake in `folder`, whose every step follows from `seed`."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.draw = random.Random(seed)
        self.now = T0
        self.minute = 0
        self.end = 0
        self.files = 0
        self.variant = 0
        self._begin()

    def close(self) -> None:
        self.catalog.close()

    def do(self, step: str) -> None:
        """One step of STEPS."""
        getattr(self, step)()

    def commit(self) -> None:
        self.minute += self.draw.choice((0, 0, 1, 3, 70))
        self._append([self.minute - self.draw.randrange(3) for _ in range(self.draw.randrange(1, 6))])

    def late(self) -> None:
        self._append([self.minute - self.draw.randrange(400) for _ in range(4)])

    def compact(self) -> None:
        self._compact(KEEP_ALL)

    def sum(self) -> None:
        self._compact(EXPIRE)

    def thin(self) -> None:
        self.now += timedelta(seconds=10)
        self._compact(THIN)

    def leave(self) -> None:
        """The oldest windows of some rollups leave with the next upkeep."""
        self._reopen(keep=self.draw.choice(("1h", "3h")))
        self._compact(KEEP_ALL)

    def rules(self) -> None:
        self._reopen()

    def backfill(self) -> None:
        layout = self.catalog.tables()["per_ad_delta"]
        rows = self._rows("per_ad_delta", range(self.minute - 300, self.minute - 200, 2))
        staged = [self._written("per_ad_delta", layout, rows)]
        add_backfill(self.catalog, "per_ad", staged, lambda _: [], clock=lambda: self.now)

    def erase(self) -> None:
        definition = read_definition(self.catalog.one("SELECT definition FROM own_pipeline")[0])
        assert definition is not None
        wanted = equalities(f"ad_id = '{self.draw.choice(ADS[:3])}'", condition_schema(definition))
        erase(self.catalog, definition, wanted, clock=lambda: self.now, wait=lambda: None)

    def restore(self) -> None:
        """Another lake comes to the same place."""
        self.catalog.close()
        shutil.rmtree(self.folder)
        self._begin()
        self.commit()

    def _begin(self) -> None:
        self.plan = make_plan(pipeline(), self.folder)
        self.catalog = create_lake(self.folder, self.plan, self.now)

    def _reopen(self, keep: str | None = None) -> None:
        self.catalog.close()
        self.variant += 1
        self.plan = make_plan(pipeline(f"{1 + self.variant % 3}m", keep), self.folder)
        self.catalog = open_lake(self.folder, self.plan, self.now)

    def _compact(self, retention: Retention) -> None:
        self.now += timedelta(seconds=1)
        compact(self.catalog, specs_of_lake(self.catalog), clock=lambda: self.now, retention=retention)

    def _append(self, minutes: list[int]) -> None:
        self.now += timedelta(seconds=self.draw.choice((1, 1, 15)))
        layouts = self.catalog.tables()
        names = [spec.name for spec in tables_of(self.plan, events=True) if spec.keys]
        staged = [
            self._written(name, layouts[name], self._rows(name, minutes))
            for name in names
            if self.draw.random() < 0.8 or name.startswith("mixed")
        ]
        newest = T0 + timedelta(minutes=self.minute)
        line = ledger("clicks/0", self.end, self.end + 5, newest, committed_at=self.now.replace(tzinfo=None))
        events = [
            {"topic": "clicks", "partition": "clicks/0", "offset": self.end, "ad_id": self.draw.choice(ADS)},
        ]
        staged.append(self._written("ledger", layouts["ledger"], [line]))
        staged.append(self._written("events", layouts["events"], events))
        self.end += 5
        with self.catalog.transaction() as connection:
            self.catalog.append(staged, self.now)
            connection.execute(
                'INSERT OR REPLACE INTO own_offset ("partition", topic, next, max_event_time, since)'
                " VALUES ('clicks/0', 'clicks', ?, ?, ?)",
                (self.end, int(newest.timestamp() * 1000), int(self.now.timestamp() * 1000)),
            )

    def _written(self, name: str, layout: Any, rows: list[dict[str, Any]]) -> Any:
        schema = next(spec.schema for spec in tables_of(self.plan, events=True) if spec.name == name)
        self.files += 1
        data = pa.Table.from_pylist(rows, schema)
        return write_file(self.folder, layout, data, f"ads-lake-1-1-{self.files:012x}.parquet")

    def _rows(self, name: str, minutes: Any) -> list[dict[str, Any]]:
        schema = next(spec.schema for spec in tables_of(self.plan, events=True) if spec.name == name)
        return [self._row(name, schema, minute) for minute in minutes]

    def _row(self, name: str, schema: pa.Schema, minute: int) -> dict[str, Any]:
        start = (T0 + timedelta(minutes=minute)).replace(tzinfo=None)
        if name.startswith("hours"):
            start = start.replace(minute=0)
        size = {"hours": timedelta(hours=1), "hopping": timedelta(minutes=5), "visits": timedelta(seconds=25)}
        row: dict[str, Any] = {field.name: self._value(field) for field in schema}
        row |= {"window_start": start, "window_end": start + size.get(name.split("_")[0], timedelta(minutes=1))}
        if "middle_buckets" in row:
            row["middle_counts"] = [1 + self.draw.randrange(3) for _ in row["middle_buckets"]]
        return row

    def _value(self, field: pa.Field) -> Any:
        if pa.types.is_list(field.type):
            return sorted({20_000 + self.draw.randrange(40) for _ in range(self.draw.randrange(4))})
        if pa.types.is_string(field.type):
            return self.draw.choice(ADS)
        if pa.types.is_decimal(field.type):
            return self.draw.choice((None, 0, 1, -3, 250)) if field.name != "mean_sum" else self.draw.randrange(9)
        if pa.types.is_timestamp(field.type):
            return datetime(2026, 1, 1)
        return self.draw.randrange(4)
