"""`tidemill parity` as a user runs it, on a real Kafka."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PIPELINE = '''"""All kinds of windows over a small event, with dedup and a dimension whose unknown keys are refused."""

from typing import Annotated, Literal

from annotated_types import Ge, Len, Lt
from pydantic import BaseModel

from tidemill import Dimension, EventTime, Money, Pipeline, Rollup, alerts
from tidemill import aggregates as agg
from tidemill.windows import cumulate, hop, session, tumble


class Visit(BaseModel):
    id: Annotated[str, Len(1, 40)]
    at: Annotated[EventTime, Ge(0), Lt(4102444800000)]
    kind: Literal["see", "buy"]
    shop: str
    items: int = 1
    paid: Money | None = None


AGGREGATES = {"n": agg.count(), "paid": agg.sum("paid"), "mean": agg.avg("items"), "most": agg.max("shop")}

pipeline = Pipeline(
    name="visits",
    event=Visit,
    out_of_orderness="2s",
    allowed_lateness="1s",
    max_future="5m",
    deduplicate_by="id",
    deduplicate_within="20s",
    dimensions=[Dimension("shops", "shops.csv", key="shop", columns={"town": str}, unknown="dead_letter")],
    rollups=[
        Rollup("a", keys=["town"], window=tumble("10s"), aggregates=AGGREGATES),
        Rollup("b", keys=["shop"], window=hop("20s", every="5s"), where="items / 2 > 1", aggregates=AGGREGATES),
        Rollup("c", keys=[], window=cumulate("20s", step="5s"), allowed_lateness="0s", aggregates=AGGREGATES),
        Rollup("d", keys=["shop"], window=session("3s"), where="kind = 'buy'", aggregates=AGGREGATES),
        Rollup("e", keys=["kind"], window=tumble("1d", zone="Europe/Amsterdam"), aggregates=AGGREGATES),
    ],
    alerts=[
        alerts.threshold("much", on="a", having="paid > 500 AND mean * n > 20"),
        alerts.distinct("both", key="shop", of="kind", more_than=1, window=tumble("5s"), cool_down="10s"),
    ],
)
'''


def tidemill(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "run.py"), "parity", "--pipeline", "visits.py", *arguments]
    return subprocess.run(command, cwd=folder, env=os.environ, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "visits.py").write_text(PIPELINE)
    (tmp_path / "shops.csv").write_text("shop,town\n" + "".join(f"sho{at},town{at % 4}\n" for at in range(25)))
    return tmp_path


@pytest.mark.kafka
def test_the_engine_and_one_query_agree_about_a_stream_of_edges_also_where_it_is_named(
    folder: Path, kafka: str
) -> None:
    first = tidemill(folder, "--brokers", kafka, "--records", "3000", "--seed", "5", "--json")
    assert first.returncode == 0, first.stdout + first.stderr
    (told,) = json.loads(first.stdout)["runs"]
    assert (told["equal"], told["records"]) == (True, 3000)
    rows = {each["table"]: each["rows"][0] for each in told["tables"]}
    assert set(rows) == {*"abcde", "late_events", "dead_letters", "counts", "counts_rollup", "both", "alerts"}
    assert min(rows[name] for name in (*"abcd", "late_events", "dead_letters", "alerts")) > 20
    again = tidemill(folder, "--brokers", kafka, "--topic", told["topic"])
    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stdout.splitlines()[-1] == "equal: all sides hold the same tables"
    assert f"a: duckdb and tidemill are equal, {rows['a']:,} rows" in again.stdout


def test_an_engine_that_nobody_knows_is_a_wrong_setting(folder: Path) -> None:
    done = tidemill(folder, "--engine", "storm")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--engine = 'storm': write none, for DuckDB alone, flink or spark" in done.stderr


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--engine", "flink", "--form", "batch"], "--form = 'batch': write upsert or final"),
        (["--engine", "spark", "--form", "final"], "--form = 'final': write batch or stream"),
        (["--form", "final"], "--form = 'final': there is no job without an engine; write --engine, too"),
        (["--engine", "spark", "--parallelism", "2"], "--parallelism = '2': is of Flink's jobs; leave it out"),
        (["--parallelism", "1,x"], "--parallelism = '1,x': write whole numbers above 0"),
        (["--savepoint"], "to kill or to save there must be a job of Flink; write --engine flink"),
    ],
)
def test_wrong_settings_are_told_before_anything_runs(folder: Path, flags: list[str], said: str) -> None:
    done = tidemill(folder, *flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_without_a_flink_the_way_to_one_is_told(folder: Path) -> None:
    done = tidemill(folder, "--engine", "flink")
    assert (done.returncode, done.stdout) == (1, "")
    assert "`tidemill flink up` starts one" in done.stderr
