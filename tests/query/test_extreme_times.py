"""Events at the first and the last time that the contract takes: every table and view stays readable."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel

from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.event.fields import EVENT_TIME_LIMIT_MS
from dataflow.windows import cumulate, hop, session, tumble
from query.formats import BINARY_FORMATS, FORMATS, answer_of, write
from query.reader import Bound, LakeReader
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.tables.specs import specs_of_lake
from sinks.lake.upkeep.compact import compact
from sinks.lake.upkeep.expire import Retention
from tests.harness import run
from tests.model.spec import Record
from tests.model.streams import Cuts

DAY_MS = 86_400_000
LONGEST = "36500d"
ROLLUPS = {
    "days": tumble(LONGEST),
    "hops": hop(LONGEST, every="18250d"),
    "grown": cumulate(LONGEST, step="18250d"),
    "visits": session(LONGEST),
}


class Ping(BaseModel):
    at: EventTime


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("extreme")
    pipeline = Pipeline(
        "extreme",
        Ping,
        [Rollup(name, [], window, {"n": agg.count(), "last": agg.max("at")}) for name, window in ROLLUPS.items()],
        out_of_orderness=LONGEST,
        allowed_lateness=LONGEST,
    )
    times = [-EVENT_TIME_LIMIT_MS - 1, -EVENT_TIME_LIMIT_MS, 0, EVENT_TIME_LIMIT_MS, EVENT_TIME_LIMIT_MS + 1]
    records = [Record(n, json.dumps({"at": at}).encode(), None) for n, at in enumerate(times)]
    run(pipeline, folder, {"p": records}, folder, Cuts((("poll", 0, 2), ("epoch", 0, 0), ("poll", 0, 2))))
    return folder / "lake"


@pytest.mark.parametrize(("rollup", "windows"), [("days", 3), ("hops", 6), ("grown", 5), ("visits", 3)])
def test_the_longest_windows_at_the_ends_of_time_are_counted_and_readable(
    lake: Path, rollup: str, windows: int
) -> None:
    with LakeReader(lake) as reader:
        row = reader.query(
            "SELECT count(*) AS windows, min(epoch_ms(window_start)) AS low, max(epoch_ms(window_end)) AS high,"
            f" max(last) AS last, bool_and(is_final) AS final FROM {rollup}"
        ).to_pylist()[0]
        assert reader.query("SELECT reason, count(*) AS n FROM dead_letters GROUP BY ALL").to_pylist() == [
            {"reason": "constraint", "n": 2}
        ]
        late = Bound(f"{rollup}_delta", "window_start", at_least=datetime(9999, 1, 1, tzinfo=UTC))
        sql = f"SELECT max(last) AS last FROM {rollup}"
        assert reader.snapshot().query(sql, bounds=[late]).to_pylist() == [{"last": EVENT_TIME_LIMIT_MS}]
    assert (row["windows"], row["last"], row["final"]) == (windows, EVENT_TIME_LIMIT_MS, True)
    assert -EVENT_TIME_LIMIT_MS - 36_500 * DAY_MS <= row["low"] <= -EVENT_TIME_LIMIT_MS
    assert EVENT_TIME_LIMIT_MS < row["high"] <= EVENT_TIME_LIMIT_MS + 36_500 * DAY_MS


@pytest.mark.parametrize("asked", ["window_end, n FROM days", '"at" AS window_end, "offset" AS n FROM events'])
def test_every_format_shows_times_that_python_has_no_word_for(lake: Path, asked: str) -> None:
    sql = f"SELECT {asked} ORDER BY window_end"
    with LakeReader(lake) as reader:
        answer = reader.query(sql)
    for form in FORMATS:
        stream = io.BytesIO()
        write(answer_of(answer, form), form, stream)
        written = stream.getvalue()
        if form in BINARY_FORMATS:
            found = pq.read_table(stream) if form == "parquet" else pa.ipc.open_stream(written).read_all()
            assert found.column("window_end").cast(pa.int64()).equals(answer.column("window_end").cast(pa.int64()))
        else:
            assert "287" in written.decode()
            assert "-283" in written.decode()


def test_compaction_keeps_such_windows(lake: Path) -> None:
    sql = "SELECT epoch_ms(window_start) AS a, n, last, is_final FROM hops ORDER BY a"
    with LakeReader(lake) as reader:
        before = reader.query(sql).to_pylist()
        catalog = Catalog.open(lake)
        retention = Retention(thin_after=timedelta(0), keep=timedelta(seconds=1))
        compact(catalog, specs_of_lake(catalog), clock=lambda: datetime(2026, 2, 1, tzinfo=UTC), retention=retention)
        catalog.close()
        assert reader.query(sql).to_pylist() == before


def test_events_at_the_ends_of_time_are_timestamps_that_can_be_asked_for(lake: Path) -> None:
    sql = """SELECT count(*) AS n, min(epoch_ms("at")) AS low, max(epoch_ms("at")) AS high,
        any_value(typeof("at")) AS type FROM events
        WHERE "at" >= make_timestamp_ms(?) AND "at" <= make_timestamp_ms(?)"""
    with LakeReader(lake) as reader:
        ends = reader.query(sql, parameters=[-EVENT_TIME_LIMIT_MS, EVENT_TIME_LIMIT_MS]).to_pylist()
    assert ends == [{"n": 3, "low": -EVENT_TIME_LIMIT_MS, "high": EVENT_TIME_LIMIT_MS, "type": "TIMESTAMP"}]
