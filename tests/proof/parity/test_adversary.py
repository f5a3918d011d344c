"""The made-up stream meets every edge that it is made for, and is the same for the same seed."""

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import BaseModel, Field

from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.errors import ConfigError
from dataflow.pipeline.load import load
from dataflow.pipeline.plan import make_plan
from dataflow.windows import tumble
from proof.parity.adversary import adversary
from proof.parity.judged import RECORDS
from proof.parity.layout import COUNTS
from proof.parity.opinion import opinion

ADS = str(Path(__file__).parents[3] / "pipelines" / "ads.py")


def test_every_class_and_every_reason_is_in_it_and_most_rows_count() -> None:
    plan = load(ADS)
    made = adversary(plan, 1, 6000)
    assert [len(part) for part in made] == [2400, 1800, 1200, 600]
    rows = [
        {"partition": f"t/{each.partition}", "offset": at, "timestamp": each.timestamp_ms, "value": each.value}
        for part in made
        for at, each in enumerate(part)
    ]
    tables = opinion(plan, pa.Table.from_pylist(rows, RECORDS)).tables
    reasons = Counter(tables["dead_letters"].column("reason").to_pylist())
    wanted = {
        "tombstone",
        "empty",
        "invalid_utf8",
        "malformed",
        "not_object",
        "missing_field",
        "wrong_type",
        "constraint",
    }
    assert set(reasons) == wanted | {"future_event"}
    counts = {name: sum(tables[COUNTS].column(name).to_pylist()) for name in ("accepted", "duplicate", "late", "dead")}
    assert counts["accepted"] > 4500
    assert all(count >= 20 for count in counts.values()), counts
    assert adversary(plan, 1, 6000) == made != adversary(plan, 2, 6000)


class Odd(BaseModel):
    at: EventTime
    code: str = Field(pattern="^[A-Z]{3}-[0-9]{5}$")


def test_a_model_that_random_values_do_not_fit_is_refused_with_the_way_out(tmp_path: Path) -> None:
    rollup = Rollup("r", keys=[], window=tumble("1m"), aggregates={"n": agg.count()})
    plan = make_plan(Pipeline(name="odd", event=Odd, rollups=[rollup]), tmp_path)
    with pytest.raises(ConfigError, match=r"200 of 200 made-up events are refused.*name a --topic"):
        adversary(plan, 1, 1000)
