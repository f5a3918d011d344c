"""Lakes of the shipped pipeline for `bench.serving`: the partials of so many events, written by the lake's own catalog.

Events come at one rate, so that a lake of ten times as many is ten times as long; ads and campaigns are those of the
generator. Sketches are cut to `SKETCH` hashes, or they would be nearly all of a lake.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench.day_lake import pipeline_folder
from dataflow.pipeline.plan import make_plan
from dataflow.pipeline.tables import tables_of
from pipelines.ads import pipeline
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.files import write_file
from sinks.lake.names import SinkFile, sink_file_name
from sinks.lake.tables.prepare import create_lake

EVENTS_PER_MINUTE = 70_000
"""100 million events are a day less a few minutes."""
ADS, CAMPAIGNS, SKETCH = 500, 40, 16
START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Growing:
    """A lake in `folder` whose commits each hold `step` of event time; a commit adds a file to every table."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.plan = make_plan(pipeline, pipeline_folder())
        self.specs = {spec.name: spec for spec in tables_of(self.plan, events=False)}
        self.now = START
        self.events = 0
        self.files = 0
        self._draw = np.random.default_rng(seed)
        self.catalog: Catalog = create_lake(folder, self.plan, self.now, events=False)
        self._layouts = self.catalog.tables()

    def close(self) -> None:
        """Close the catalog."""
        self.catalog.close()

    def commit(self, step: timedelta) -> int:
        """The events of the next `step`, in one snapshot; its id."""
        begin, self.now = self.now, self.now + step
        events = int(EVENTS_PER_MINUTE * (step / MINUTE))
        starts = [*_steps(begin, self.now, MINUTE)]
        hours = [*_steps(begin, self.now, timedelta(hours=1))]
        hopping = [*_steps(begin - 4 * MINUTE, self.now, MINUTE)]
        tables = {
            "ad_clicks_1m_delta": self._rows("ad_clicks_1m_delta", starts, ADS, "ad-{:04d}", MINUTE),
            "campaign_1m_delta": self._rows("campaign_1m_delta", starts, CAMPAIGNS, "camp-{:02d}", MINUTE),
            "revenue_1h_delta": self._rows("revenue_1h_delta", hours, 1, None, timedelta(hours=1)),
            "clicks_5m_delta": self._rows("clicks_5m_delta", hopping, ADS, "ad-{:04d}", 5 * MINUTE),
            "ledger": self._ledger(events),
        }
        staged = []
        for name, rows in tables.items():
            self.files += 1
            unique = hashlib.blake2b(str(self.files).encode(), digest_size=6).hexdigest()
            file = sink_file_name(SinkFile(self.plan.name, self.files, 1), unique)
            staged.append(write_file(self.folder, self._layouts[name], rows, file))
        self.events += events
        with self.catalog.transaction():
            return self.catalog.append(staged, self.now)

    def _rows(self, table: str, starts: list[datetime], keys: int, form: str | None, size: timedelta) -> pa.Table:
        schema = self.specs[table].schema
        count = len(starts) * keys
        first = np.repeat(np.array([start.replace(tzinfo=None) for start in starts], dtype="datetime64[us]"), keys)
        columns: list[pa.Array] = []
        for field in schema:
            if field.name == "window_start":
                columns.append(pa.array(first).cast(field.type))
            elif field.name == "window_end":
                columns.append(pa.array(first + np.timedelta64(size)).cast(field.type))
            elif pa.types.is_string(field.type):
                assert form is not None
                columns.append(pa.array([form.format(key) for key in range(keys)] * len(starts)))
            elif pa.types.is_list(field.type):
                hashes = np.sort(self._draw.integers(0, 2**63 - 1, (count, SKETCH)), axis=1).ravel()
                offsets = pa.array(np.arange(0, count * SKETCH + 1, SKETCH, dtype=np.int32))
                columns.append(pa.ListArray.from_arrays(offsets, pa.array(hashes)))
            elif field.name == "late_count":
                columns.append(pa.repeat(pa.scalar(0, pa.int64()), count))
            else:
                columns.append(pa.array(self._draw.integers(1, 100, count)).cast(field.type))
        return pa.Table.from_arrays(
            [each.cast(to.type) for each, to in zip(columns, schema, strict=True)], schema=schema
        )

    def _ledger(self, events: int) -> pa.Table:
        schema = self.specs["ledger"].schema
        newest_ms = int(self.now.timestamp() * 1000) - 1
        told = {
            "topic": "ads",
            "partition": "ads/0",
            "start_offset": self.events,
            "end_offset": self.events + events,
            "read": events,
            "accepted": events,
            "max_event_time": newest_ms,
            "watermark": newest_ms - 5_000,
            "out_of_orderness_ms": 5_000,
            "finished": False,
            "committed_at": self.now.replace(tzinfo=None),
        }
        zeros = {field.name: 0 for field in schema if pa.types.is_integer(field.type)}
        return pa.Table.from_pylist([{**zeros, **told}], schema)


def _steps(begin: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    """The windows of the size `step` that hold some of [begin, end)."""
    at = begin - (begin - START) % step
    while at < end:
        yield at
        at += step


def make_lake(folder: Path, events: int, commits: int, seed: int) -> Growing:
    """A lake of so many events in so many commits."""
    lake = Growing(folder, seed)
    step = MINUTE * (events / EVENTS_PER_MINUTE / commits)
    for _ in range(commits):
        lake.commit(step)
    return lake
