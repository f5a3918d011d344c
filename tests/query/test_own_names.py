"""Columns called like what queries of the product use inside: every command answers as with other names."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import create_model

from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.pipeline.plan import make_plan
from dataflow.windows import session, tumble
from proof.audit.audit import audit
from proof.dump import dump
from query.lateness import as_json, lateness
from query.reader import LakeReader
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.tables.specs import specs_of_lake
from sinks.lake.upkeep.compact import compact
from tests.harness import Product
from tests.model.spec import Record
from tests.model.streams import Cuts
from tests.proof.memory_source import MemorySource

NAMES = (
    *("value", "rollup", "watermark", "committed_at", "snapshot", "closed_at", "level", "filename", "file_row_number"),
    *("frontier", "merged", "part", "rows", "ranges", "b", "f", "l", "p", "r", "s", "at", "read", "finished", "rowid"),
    *("count", "max_event_time", "end_offset", "start_offset", "late_by_ms", "reason", "field", "message", "epoch"),
)


def plain(name: str) -> str:
    return f"q0_{name}"


def answers(folder: Path, names: tuple[str, ...]) -> str:
    """Everything that the product says about a lake whose columns are called `names`, with q0_ taken off."""
    folder.mkdir()
    event = create_model("Event", t=(EventTime, ...), **dict.fromkeys(names, (int | None, None)))  # type: ignore[call-overload]  # names from a table
    distinct = next(name for name in names if name.lower().endswith("value"))
    pipeline = Pipeline(
        "names",
        event=event,
        out_of_orderness="5ms",
        allowed_lateness="50ms",
        rollups=[
            Rollup(
                "per",
                keys=[name for name in names if name != distinct],
                window=tumble("10ms"),
                aggregates={
                    "n": agg.count(),
                    "d": agg.count_distinct(distinct),
                    "q": agg.approx_quantile(distinct, 0.5),
                },
            ),
            Rollup("visits", keys=list(names), window=session("5ms"), aggregates={"n": agg.count(), "m": agg.min("t")}),
            Rollup("all", keys=[], window=tumble("10ms"), aggregates={name.lower(): agg.max(name) for name in names}),
        ],
    )
    times = (0, 3, 4, 20, 9, 40, 41, 30, 90, 95, 8)
    records = {
        "p/0": [
            Record(at, json.dumps({"t": time, **dict.fromkeys(names, at % 2)}).encode())
            for at, time in enumerate(times)
        ]
    }
    product = Product(pipeline, folder, records, folder)
    product.run(Cuts(tuple(step for _ in times for step in (("poll", 0, 1), ("epoch", 0, 0)))))
    plan = make_plan(pipeline, folder)
    found: list[object] = []
    with LakeReader(folder / "lake") as reader:
        for _ in range(2):
            report = audit(reader, plan, MemorySource(records, (4,)), wait=lambda: None)
            assert report.is_proven, report.lines()
            found.append(as_json(lateness(reader)))
            found.append({path.name: path.read_text() for path in dump(reader.snapshot(), folder / "dump")})
            found.append(reader.query("SELECT count(*) AS n FROM per WHERE is_final").to_pylist())
            found.append(reader.query("SELECT * EXCLUDE (record_timestamp) FROM events ORDER BY t").to_pylist())
            catalog = Catalog.open(folder / "lake")
            compact(catalog, specs_of_lake(catalog), clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
            catalog.close()
    return json.dumps(found, default=str).replace("q0_", "")


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> str:
    return answers(tmp_path_factory.mktemp("plain") / "lake", tuple(map(plain, NAMES)))


@pytest.mark.parametrize("change", [str, str.upper], ids=["lower", "upper"])
def test_no_name_of_a_column_changes_an_answer(tmp_path: Path, wanted: str, change: type[str]) -> None:
    # as JSON values: keys of a window come in the order of their names
    found = answers(tmp_path / "own", tuple(map(change, NAMES)))
    assert json.loads(found.lower()) == json.loads(wanted.lower())
