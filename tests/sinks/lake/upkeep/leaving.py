"""A lake of windows, sessions and rows made by hand, from which things leave, beside a plain model of its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from dataflow import Rollup
from dataflow import aggregates as agg
from dataflow.windows import session, tumble
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.left import Left, left
from sinks.lake.fault import Fault, no_fault
from sinks.lake.tables.specs import specs_of_lake
from sinks.lake.upkeep.compact import CompactionReport, compact
from sinks.lake.upkeep.expire import Retention
from sinks.lake.writer import commit
from tests.sinks.lake.reading import ask
from tests.sinks.lake.small import Clock, at, event_row, parcel, small_plan, writer_for

MINUTE_MS = 60_000
GAP_MS = 10_000
FOREVER = Retention(keep=timedelta(days=9_999), thin_every=timedelta(0))
AT_ONCE = Retention(keep=timedelta(0), thin_after=timedelta(0), grace=timedelta(0), orphan_age=timedelta(0))


def plan_of(keep: str | None = None, **changes: Any) -> Any:
    """Minutes and sessions with exact distinct users, which stay for `keep`."""
    aggregates = {"clicks": agg.count(), "users": agg.count_distinct("user")}
    rollups = [
        Rollup("minutes", keys=["ad"], window=tumble("1m"), aggregates=aggregates, keep=keep),
        Rollup("visits", keys=["ad"], window=session("10s"), aggregates=aggregates, keep=keep),
    ]
    return small_plan(changes.pop("rollups", rollups), out_of_orderness="0s", **changes)


@dataclass(frozen=True)
class Hit:
    """One event as both rollups and all row tables see it."""

    ad: str
    time_ms: int
    user: int


class Leaving:
    """A lake in `folder` that is filled with hits, commit by commit."""

    def __init__(self, folder: Path, plan: Any) -> None:
        self.folder = folder
        self.plan = plan
        self.clock = Clock()
        self.hits: list[Hit] = []
        self._more: Mapping[str, Sequence[Mapping[str, Any]]] = {}
        self.epoch = 0
        self.ends: dict[str, int] = {}
        self.newest: dict[str, int] = {}
        self.writer = writer_for(folder, plan, clock=self.clock)

    def restart(self, plan: Any | None = None) -> None:
        self.writer.close()
        self.plan = plan or self.plan
        self.writer = writer_for(self.folder, self.plan, clock=self.clock)

    def commit_rows(self, hits: Sequence[Hit], rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """The same with rows of other tables."""
        self._more = rows
        self.commit(hits)
        self._more = {}

    def commit(self, hits: Sequence[Hit], partition: str = "t/0", **changes: Any) -> None:
        start = self.ends.get(partition, 0)
        end = start + len(hits)
        self.ends[partition] = end
        self.hits += hits
        times = [hit.time_ms for hit in hits]
        if times or partition in self.newest:
            self.newest[partition] = max([*times, *([self.newest[partition]] if partition in self.newest else [])])
        tables = {**tables_of_hits(hits, start, partition), **self._more}
        told = parcel(
            self.plan, 0, start, end, partition=partition, tables=tables, max_event_time=self.newest.get(partition)
        )
        for name, value in changes.items():
            setattr(told.range, name, value)
        self.epoch += 1
        commit(self.writer, [told], self.epoch)

    def compact(self, retention: Retention = FOREVER, fault: Fault = no_fault) -> CompactionReport:
        catalog = Catalog.open(self.folder)
        try:
            return compact(catalog, specs_of_lake(catalog), clock=self.clock, retention=retention, fault=fault)
        finally:
            catalog.close()

    def left(self) -> dict[str, Left]:
        catalog = Catalog.open(self.folder)
        try:
            return left(catalog.connection)
        finally:
            catalog.close()

    def ask(self, sql: str, as_of: int | None = None) -> list[tuple[Any, ...]]:
        return ask(self.folder, sql, as_of)

    def minutes(self, as_of: int | None = None) -> list[tuple[Any, ...]]:
        return self.ask(f"SELECT {SHOWN} FROM minutes ORDER BY ALL", as_of)

    def visits(self, as_of: int | None = None) -> list[tuple[Any, ...]]:
        return self.ask(f"SELECT {SHOWN} FROM visits ORDER BY ALL", as_of)

    def head(self) -> int:
        catalog = Catalog.open(self.folder)
        try:
            return catalog.head().id
        finally:
            catalog.close()

    def files(self, table: str) -> int:
        return len(list(self.folder.glob(f"main/{table}/*.parquet")))


SHOWN = "ad, epoch_ms(window_start), epoch_ms(window_end), clicks, users"


def tables_of_hits(hits: Sequence[Hit], start: int, partition: str) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """What a commit of these hits adds: one delta row a hit, which the writer merges."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for number, hit in enumerate(hits, start=start):
        minute = hit.time_ms // MINUTE_MS * MINUTE_MS
        row = event_row(number, ad=hit.ad, time=hit.time_ms, user=hit.user, partition=partition)
        tables.setdefault("events", []).append(row)
        spans = {"minutes": (minute, minute + MINUTE_MS), "visits": (hit.time_ms, hit.time_ms + GAP_MS)}
        for name, (begin, end) in spans.items():
            key = {"ad": hit.ad, "window_start": at(begin), "window_end": at(end)}
            tables.setdefault(f"{name}_delta", []).append({**key, "clicks": 1, "row_count": 1, "late_count": 0})
            tables.setdefault(f"{name}_users_distinct", []).append({**key, "value": hit.user})
    return tables


def minutes_of(hits: Sequence[Hit]) -> list[tuple[Any, ...]]:
    """The view `minutes`, row by row."""
    found: dict[tuple[str, int], list[Hit]] = {}
    for hit in hits:
        found.setdefault((hit.ad, hit.time_ms // MINUTE_MS * MINUTE_MS), []).append(hit)
    return sorted((ad, begin, begin + MINUTE_MS, *_values(each)) for (ad, begin), each in found.items())


def visits_of(hits: Sequence[Hit]) -> list[tuple[Any, ...]]:
    """The view `visits`, row by row."""
    shown = []
    for ad in sorted({hit.ad for hit in hits}):
        group: list[Hit] = []
        for hit in sorted((each for each in hits if each.ad == ad), key=lambda each: each.time_ms):
            if group and hit.time_ms > group[-1].time_ms + GAP_MS:
                shown.append(group)
                group = []
            group.append(hit)
        shown.append(group)
    return sorted((each[0].ad, each[0].time_ms, each[-1].time_ms + GAP_MS, *_values(each)) for each in shown)


def _values(hits: Sequence[Hit]) -> tuple[int, int]:
    return len(hits), len({hit.user for hit in hits})
