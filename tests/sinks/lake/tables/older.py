"""Lakes as the version before wrote them, whose event times were BIGINTs: made by today's code with that one change."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dataflow.fold import fold
from dataflow.pipeline import tables
from sinks.lake.catalog import format as form
from sinks.lake.writer import commit
from tests.sinks.lake.small import Clock, event_row, parcel, small_plan, writer_for

WITHOUT_TIMES = form.MIGRATIONS.index(form.times_are_written_anew)
"""The format of such lakes."""

PLAN = small_plan()
ROWS = 7


@contextmanager
def older() -> Iterator[None]:
    """While this holds, times are written as they were."""
    late = pa.schema(
        [field.with_type(pa.int64()) if pa.types.is_timestamp(field.type) else field for field in tables.LATE_SCHEMA]
    )
    with pytest.MonkeyPatch.context() as patch:
        for module in (tables, fold):
            patch.setattr(module, "TIMESTAMP", pa.int64())
            patch.setattr(module, "LATE_SCHEMA", late)
        yield


def say_older(folder: Path) -> None:
    """The catalog names the format before."""
    with sqlite3.connect(folder / "catalog.sqlite") as connection:
        connection.execute("UPDATE own_format SET format = ?, version = '0.1.9'", (WITHOUT_TIMES,))


def late_row(offset: int) -> dict[str, Any]:
    place = {"rollup": "per_ad", "topic": "t", "partition": "t/0", "offset": offset}
    return {**place, "event_time": offset * 1000 - 9000, "watermark": offset * 1000, "late_by_ms": 9000}


def rows(epoch: int) -> dict[str, list[dict[str, Any]]]:
    start = (epoch - 1) * ROWS
    return {"events": [event_row(n) for n in range(start, start + ROWS)], "late_events": [late_row(start)]}


def fill(folder: Path, clock: Clock, epochs: range) -> None:
    """One file of each table an epoch, as whatever version is at work."""
    writer = writer_for(folder, PLAN, clock=clock, lineage=f"store-{epochs.start}")
    for epoch in epochs:
        start = (epoch - 1) * ROWS
        commit(writer, [parcel(PLAN, 0, start, start + ROWS, tables=rows(epoch))], epoch)
    writer.close()


def older_lake(folder: Path, clock: Clock, epochs: int = 4) -> None:
    """A lake of the version before, of so many epochs."""
    with older():
        fill(folder, clock, range(1, epochs + 1))
    say_older(folder)
