"""A real run over events with lists and objects: proven, replayed, filled later, compacted, asked."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.chaos.subject import PATIENCE_S, ROOT, TIDEMILL

JOB = """
from pydantic import BaseModel
from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble

class Order(BaseModel):
    id: str
    at: EventTime
    tags: list[str] = []
    prices: list[float] | None = None
    more: dict = {}

pipeline = Pipeline(
    "orders",
    Order,
    [
        Rollup("minutes", ["id"], tumble("1m"), {"n": agg.count()}),
        #LATER
    ],
    out_of_orderness="5s",
    deduplicate_by="id",
    deduplicate_within="1m",
)
"""
LATER = 'Rollup("later", [], tumble("1h"), {"n": agg.count()}),'
FILES = ("--pipeline", "job.py", "--source", "files", "--input", "data")

pytestmark = pytest.mark.timeout(600)


def test_lists_go_through_run_audit_replay_backfill_and_compaction(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()

    def tidemill(*arguments: str) -> str:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEMILL_", "BYTEWAX_"))}
        environ = {**clean, "PYTHONPATH": str(ROOT), "TIDEMILL_COMPACT_EVERY": "0s"}
        command = [*TIDEMILL, *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def grow(start: int) -> None:
        with (tmp_path / "data" / "a.ndjson").open("a") as file:
            for at in range(start, start + 150):
                event = {
                    "id": f"i{at}",
                    "at": at * 700,
                    "tags": ["x", f"t{at % 3}"][: at % 3],
                    "more": {"k": [at, None]},
                }
                if at % 10 == 9:
                    event["tags"] = [1]
                file.write(json.dumps(event if at % 7 else {"id": f"i{at}", "at": at * 700}) + "\n")

    small = ("--bounded", "--batch-records", "40", "--epoch-ms", "20")
    (tmp_path / "job.py").write_text(JOB)
    grow(0)
    told = tidemill("check", *FILES)
    assert "tags" in told
    tidemill("run", *small, *FILES)
    (tmp_path / "job.py").write_text(JOB.replace("#LATER", LATER))
    grow(150)
    tidemill("run", *small, "-w", "2", *FILES)
    tidemill("backfill", "later", "--pipeline", "job.py")
    tidemill("compact", "--grace", "0s")
    assert "proven" in tidemill("audit", *FILES)
    assert "every table equals the replay" in tidemill("replay", "--check", *FILES)
    asked = tidemill(
        "query", "SELECT tags, more FROM events WHERE list_contains(tags, 't2') LIMIT 1", "--format", "json"
    )
    (row,) = json.loads(asked)
    assert row["tags"] == ["x", "t2"]
    assert row["more"].startswith('{"k":[')
    dead = tidemill("query", "SELECT DISTINCT reason, field FROM dead_letters", "--format", "csv")
    assert dead.splitlines()[1:] == ["wrong_type,tags.0"]
